/** Distillation: its loss and gradient against the formula in float64, its laws, and what it refuses. */
import { describe, expect, test } from "vitest";
import {
  clusterWeights,
  constantSparsity,
  distinctValues,
  pruneLowMagnitude,
  quantizeModel,
  quantizeStatic,
  sparsity,
} from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import type { Graph, Op } from "../../src/graph/graph.ts";
import { Model } from "../../src/model/model.ts";
import { logSoftmax } from "../../src/ops/activation/log-softmax.ts";
import { sigmoid } from "../../src/ops/activation/sigmoid.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { Net } from "../../src/run/net.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import type { Teacher } from "../../src/train/distillation.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions } from "../../src/train/fit-options.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";
import { corners, linear, seeded, smallNetwork, weightBytes } from "./networks.ts";

const teacherOf = (graph: Graph): Teacher => ({ graph, net: options => Net.create(graph, options) });
const teacher = teacherOf(smallNetwork(seeded(9)));

const ending = (graph: Graph, op: Op<object>): Graph => {
  graph.results = [graph.one(op, [graph.results[0]!], {})];
  return graph;
};

/** Rows of 3 numbers with labels of 4 classes. */
const rows = (labelled = true): Dataset => {
  const x = Float32Array.from({ length: 15 }, (_, i) => Math.sin(3 * i + 1));
  return new Dataset({ x, shape: [3], ...(labelled && { labels: [0, 1, 2, 3, 1], classes: 4 }) });
};

const contents = (graph: Graph, name: string): number[] => Array.from(graph.leafOf(name)!.data!);

/** Logits of one dense layer without bias. */
const logits = (kernel: readonly number[], x: readonly number[]): number[] =>
  [0, 1, 2, 3].map(k => x.reduce((sum, v, i) => sum + v * kernel[k * 3 + i]!, 0));

function softmaxOf(z: readonly number[]): number[] {
  const e = z.map(v => Math.exp(v - Math.max(...z)));
  const sum = e.reduce((a, b) => a + b);
  return e.map(v => v / sum);
}

/** alpha * cross-entropy + (1 - alpha) T^2 KL, the mean over `rows`. */
function formula(student: readonly number[], from: readonly number[], alpha: number, t: number): number {
  const labels = [0, 1, 2, 3, 1];
  const each = labels.map((label, r) => {
    const x = Array.from(rows().row(r).x);
    const [z, own] = [logits(student, x), logits(from, x)];
    const [p, q] = [own, z].map(values => softmaxOf(values.map(v => v / t)));
    const kl = p!.reduce((sum, v, k) => sum + v * Math.log(v / q![k]!), 0);
    return -alpha * Math.log(softmaxOf(z)[label]!) + (1 - alpha) * t * t * kl;
  });
  return each.reduce((a, b) => a + b) / each.length;
}

describe("fit with a teacher", () => {
  test.each([
    [0.1, 4],
    [0.5, 1],
    [0, 2],
    [0.9, 0.5],
  ])("alpha %f, temperature %f: loss and gradient are those of the formula", async (alpha, temperature) => {
    const student = linear(3, 4, seeded(2));
    const from = linear(3, 4, seeded(3));
    const before = contents(student, "dense/kernel");
    const own = contents(from, "dense/kernel");
    const options = { teacher: teacherOf(from), alpha, temperature, optimizer: sgd(1), batchSize: 5 };
    const { history } = await fit(student, rows(), options);
    expect(history.history.loss![0]).toBeCloseTo(formula(before, own, alpha, temperature), 5);
    const after = contents(student, "dense/kernel");
    before.forEach((w, i) => {
      const moved = (by: number) => formula(before.with(i, w + by), own, alpha, temperature);
      expect(w - after[i]!, `weight ${i}`).toBeCloseTo((moved(1e-4) - moved(-1e-4)) / 2e-4, 4);
    });
  });

  const options: FitOptions = { epochs: 2, batchSize: 16, seed: 3 };
  const trained = async (more: FitOptions, graph = smallNetwork(), data = corners(100)): Promise<Uint8Array> => {
    await fit(graph, data, { ...options, ...more });
    return weightBytes(graph);
  };

  test("the same bytes however the steps are cut, other ones for another teacher, temperature or alpha", async () => {
    const once = await trained({ teacher });
    expect(await trained({ teacher, slice: 0 })).toEqual(once);
    expect(await trained({ teacher, temperature: 4, alpha: 0.1 })).toEqual(once);
    for (const other of [{ temperature: 3 }, { alpha: 0.2 }, { teacher: teacherOf(smallNetwork(seeded(8))) }])
      expect(await trained({ teacher, ...other })).not.toEqual(once);
    expect(await trained({})).not.toEqual(once);
  });

  test("alpha 1 is training without one, to the byte", async () => {
    expect(await trained({ teacher, alpha: 1 })).toEqual(await trained({}));
  });

  test("a network that is its own teacher stays as it is where only the teacher counts", async () => {
    const graph = smallNetwork();
    const before = new Float32Array(weightBytes(graph).buffer);
    const own = { teacher: teacherOf(graph), alpha: 0, optimizer: sgd(0.1) };
    const { history } = await fit(graph, corners(100), { ...options, ...own });
    // kernels of training and of running may round differently
    expect(Math.max(...history.history.loss!.map(Math.abs))).toBeLessThan(1e-5);
    const after = new Float32Array(weightBytes(graph).buffer);
    expect(Math.max(...after.map((w, i) => Math.abs(w - before[i]!)))).toBeLessThan(1e-5);
  });

  test("validation and metrics are as without a teacher", async () => {
    const model = new Model(smallNetwork());
    const validation = corners(40, 8);
    const { history } = await model.fit(corners(100), { ...options, teacher, validation });
    const { loss, accuracy } = await model.evaluate(validation);
    expect([history.valLoss!.at(-1), history.valAccuracy!.at(-1)]).toEqual([loss, accuracy]);
  });

  test("a mapped data set shows the teacher the rows of the student", async () => {
    const data = corners(100);
    const mapped = data.map(({ x, y }) => ({ x: x.slice(), y }));
    const plain = await trained({ teacher }, smallNetwork(), data);
    expect(await trained({ teacher }, smallNetwork(), mapped)).toEqual(plain);
  });

  test("resumes to the same bytes", async () => {
    const whole = await trained({ teacher });
    const graph = smallNetwork();
    const { checkpoint } = await fit(graph, corners(100), { ...options, epochs: 1, teacher });
    const resume = readCheckpoint(writeCheckpoint(checkpoint));
    expect(await trained({ teacher, resume }, smallNetwork(seeded(4)))).toEqual(whole);
  });

  test("ends in softmax or logSoftmax: student and teacher give the losses of their logits", async () => {
    const lossOf = async (student: Graph, from: Graph): Promise<number> => {
      const { history } = await fit(student, corners(32), { teacher: teacherOf(from), alpha: 0, batchSize: 32 });
      return history.history.loss![0]!;
    };
    const [own, other] = [() => smallNetwork(), () => smallNetwork(seeded(9))];
    const expected = await lossOf(own(), other());
    expect(expected).toBeGreaterThan(0.01);
    for (const op of [softmax, logSoftmax]) {
      expect(await lossOf(ending(own(), op), other())).toBeCloseTo(expected, 4);
      expect(await lossOf(own(), ending(other(), op))).toBeCloseTo(expected, 4);
    }
  });

  test("takes an integer teacher, and data without labels", async () => {
    const data = corners(200);
    const float = new Model(smallNetwork());
    await float.fit(data, { epochs: 12, batchSize: 16, optimizer: adam(5e-3) });
    const int8 = await quantizeStatic(float, { calibration: data });
    const { accuracy } = await float.evaluate(data);
    expect(accuracy).toBeGreaterThan(0.8);
    const unlabelled = new Dataset({ x: data.images, shape: [8, 8, 1] });
    const student = new Model(smallNetwork(seeded(5)));
    await student.fit(unlabelled, { teacher: int8, alpha: 0, epochs: 12, batchSize: 16, optimizer: adam(5e-3) });
    expect((await student.evaluate(data)).accuracy).toBeGreaterThan(accuracy! - 0.1);
    const training = student.fit(unlabelled, { teacher: int8, alpha: 0, validation: data });
    await expect(training).rejects.toThrow('"validation" expected nothing beside a dataset without labels');
  });
});

test("fit with a teacher joins pruning, clustering and quantization-aware training, whose promises hold", async () => {
  const data = corners(100);
  const taught = { batchSize: 16, teacher, alpha: 0.5, temperature: 2 };
  const schedule = constantSparsity({ targetSparsity: 0.5, frequency: 2 });
  const pruned = pruneLowMagnitude(new Model(smallNetwork()), { schedule });
  await pruned.fit(data, taught);
  expect(sparsity(pruned).sparsity).toBeCloseTo(0.5, 1);
  const clustered = clusterWeights(pruned, { clusters: 8 });
  await clustered.fit(data, taught);
  const aware = quantizeModel(clustered);
  const { history } = await aware.fit(data, { ...taught, epochs: 2 });
  expect(history.loss!.every(Number.isFinite)).toBe(true);
  const int8 = await quantizeStatic(aware);
  expect(sparsity(int8).sparsity).toBeGreaterThanOrEqual(sparsity(pruned).sparsity);
  for (const { values } of distinctValues(int8).tensors) expect(values).toBeLessThanOrEqual(8);
});

describe("fit refuses", () => {
  const cases: [string, FitOptions, string, Graph?][] = [
    ["a temperature without a teacher", { temperature: 2 }, '"temperature" expected nothing without a teacher'],
    ["alpha without a teacher", { alpha: 0.5 }, '"alpha" expected nothing without a teacher'],
    ["a temperature of 0", { teacher, temperature: 0 }, '"temperature" expected'],
    ["alpha above 1", { teacher, alpha: 1.5 }, '"alpha" expected'],
    ["a teacher that is a graph", { teacher: smallNetwork() as unknown as Teacher }, '"teacher" expected a Model'],
    [
      "another number of classes",
      { teacher: teacherOf(smallNetwork(seeded(1), { classes: 5 })) },
      '"teacher" expected a network for 4 classes, got 5',
    ],
    [
      "a teacher of other images",
      { teacher: teacherOf(smallNetwork(seeded(1), { shape: [10, 10, 1] })) },
      '"teacher" expected a network that takes images of 8x8x1',
    ],
    [
      "independent probabilities",
      { teacher: teacherOf(ending(smallNetwork(), sigmoid)) },
      '"teacher" expected a network that outputs logits or a distribution',
    ],
    [
      "a student of one output",
      { teacher: teacherOf(smallNetwork()), loss: "mse" },
      '"student" expected a network with one output for each of two or more classes',
      smallNetwork(seeded(1), { classes: 1 }),
    ],
  ];

  test.each(cases)("%s", async (_, options, message, graph = smallNetwork()) => {
    await expect(fit(graph, corners(20), options)).rejects.toThrow(message);
  });

  test("a teacher of other preprocessing", async () => {
    const strange = { ...teacher, preprocessing: { scale: 1 } };
    await expect(fit(smallNetwork(), corners(20), { teacher: strange })).rejects.toThrow("the teacher reads them");
  });
});
