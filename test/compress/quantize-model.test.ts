/**
 * Networks that are trained for quantization. The law: given the same inputs, the network of integers gives each tensor
 * within one step of what the fake-quantized one does.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { type Tensor, tensor } from "../../src/base/tensor.ts";
import { clipActivations } from "../../src/compress/activations.ts";
import { clusterWeights } from "../../src/compress/cluster.ts";
import { gate } from "../../src/compress/gate.ts";
import { prune } from "../../src/compress/prune.ts";
import { pruneOnce } from "../../src/compress/prune-once.ts";
import { quantizeDynamic, quantizeStatic } from "../../src/compress/quantize.ts";
import { type QuantizeModelOptions, quantizeModel } from "../../src/compress/quantize-model.ts";
import { constantSparsity } from "../../src/compress/schedules.ts";
import { read } from "../../src/container/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import {
  activation,
  add,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv2d,
  dense,
  depthwiseConv2d,
  dropout,
  flatten,
  input,
  type Model,
  maximum,
  maxPool2d,
  model,
  type SymbolicTensor,
} from "../../src/model/index.ts";
import { EVALUATE } from "../../src/ops/index.ts";
import { batchNormalization as normalization } from "../../src/ops/normalization/batch-normalization.ts";
import { fakeQuantizeActivation } from "../../src/ops/quantized/fake-quantize-activation.ts";
import { isInt8 } from "../../src/ops/quantized/int8-types.ts";
import { quantize } from "../../src/ops/quantized/quantize.ts";
import { fakeQuantize } from "../../src/ops/weight/fake-quantize.ts";
import { mask } from "../../src/ops/weight/mask.ts";
import { evaluated } from "../ops/planned.ts";
import { stripes, trained } from "./trained.ts";

const step = fc.record({
  kind: fc.constantFrom("conv", "conv", "depthwise", "pool", "mean", "sum", "beside", "greater", "dropout"),
  kernel: fc.constantFrom(1, 2, 3),
  filters: fc.constantFrom(1, 4, 9),
  normalized: fc.boolean(),
  activation: fc.constantFrom("linear", "relu", "relu", "relu6", "leakyRelu", "tanh", "hardSwish", "sigmoid"),
});

const network = fc.record({
  image: fc.tuple(fc.constantFrom(5, 8), fc.constantFrom(4, 7), fc.constantFrom(1, 3)),
  steps: fc.array(step, { minLength: 1, maxLength: 4 }),
  softmax: fc.boolean(),
  weights: fc.constantFrom(8, 4, 3, 2, "ternary"),
  method: fc.constantFrom("minMax", "lsq"),
  freezeAfter: fc.constantFrom("0%", "50%", "100%"),
  seed: fc.nat(1e6),
});
type Drawn = typeof network extends fc.Arbitrary<infer T> ? T : never;

/** One layer for each op, so that the name of a layer is that of a tensor. */
function built({ image, steps, softmax, seed }: Drawn): Model {
  const x = input({ shape: image });
  let y: SymbolicTensor = x;
  let channels: number = image[2];
  for (const { kind, kernel, filters, normalized, activation: kind2 } of steps) {
    const merge = { sum: add, greater: maximum, beside: concatenate }[kind as "sum"];
    if (merge) {
      const other = conv2d({ filters: kind === "beside" ? filters : channels, kernelSize: kernel, padding: "same" })(y);
      y = merge()([y, other]);
      if (kind === "beside") channels += filters;
    } else if (kind === "pool") y = maxPool2d({ poolSize: 2, padding: "same" })(y);
    else if (kind === "mean") y = averagePool2d({ poolSize: 2, padding: "same" })(y);
    else if (kind === "dropout") y = dropout(0.3)(y);
    else {
      y =
        kind === "depthwise"
          ? depthwiseConv2d({ kernelSize: kernel, padding: "same" })(y)
          : conv2d({ filters, kernelSize: kernel, padding: "same" })(y);
      if (kind === "conv") channels = filters;
      if (normalized) y = batchNormalization()(y);
    }
    if (kind2 !== "linear") y = activation(kind2)(y);
  }
  y = dense({ units: 3 })(flatten()(y));
  if (softmax) y = activation("softmax")(y);
  return model({ inputs: x, outputs: y, seed });
}

function noisy({ image, seed }: Drawn, length: number): Dataset {
  const random = new Random(seed);
  const x = Float32Array.from({ length: length * size(image) }, () => random.normal() + 0.3);
  return new Dataset({ x, shape: image, labels: Uint8Array.from({ length }, (_, i) => i % 3), classes: 3 });
}

/** The name of the layer that a value has in the network of integers, where normalization is folded. */
function layerOf({ node }: Value): string | undefined {
  return node?.op === normalization ? node.inputs[0]!.node!.name : node?.name;
}

/**
 * Holds the fake-quantized graph to the integers, tensor by tensor, each computed from what the integers have before
 * it.
 */
function expectOneStep(fake: Graph, integers: Graph, x: Float32Array, images: number): number {
  const last = new Map<string | undefined, Value>();
  for (const node of integers.nodes) {
    const y = node.outputs[0]!;
    if (isInt8(y.type)) last.set(node.op === quantize && node.inputs[0]!.leaf ? undefined : node.name, y);
  }
  const wanted = [...last.values()];
  const feed = { [fake.leaves.find(v => v.leaf === "input")!.name]: x };
  const numbers = new Map(evaluated(integers, feed, images, wanted).map((t, i) => [wanted[i]!, t]));
  const known = new Map<Value, Tensor>();
  for (const leaf of fake.leaves) {
    const { shape } = leaf.type;
    const data = Float64Array.from(leaf.data ?? x);
    known.set(leaf, tensor(leaf.leaf === "input" ? [images, ...shape] : shape, data));
  }
  let compared = 0;
  for (const node of fake.nodes) {
    const types = { inputs: node.inputs.map(v => v.type), outputs: node.outputs.map(v => v.type) };
    const rule = EVALUATE[node.op.name as keyof typeof EVALUATE];
    const made = rule(
      node.inputs.map(v => known.get(v)!),
      node.attrs,
      types,
    );
    made.forEach((t, i) => known.set(node.outputs[i]!, t));
    if (node.op !== fakeQuantizeActivation) continue;
    const twin = last.get(layerOf(node.inputs[0]!));
    expect(twin, `the integers of "${node.name}"`).toBeDefined();
    const { scale, zeroPoint } = twin!.type.quantization!;
    const real = numbers.get(twin!)!.data.map(q => scale[0]! * (q - zeroPoint));
    const off = made[0]!.data.reduce((most, v, i) => Math.max(most, Math.abs(v - real[i]!)), 0);
    expect(off / scale[0]!, `steps that "${node.name}" is off by`).toBeLessThan(1.01);
    known.set(node.outputs[0]!, tensor(made[0]!.shape, real));
    compared++;
  }
  return compared;
}

test("quantizeModel: the integers are within one step of every fake-quantized tensor, on random networks", async () => {
  await fc.assert(
    fc.asyncProperty(network, async drawn => {
      const { weights, method, freezeAfter } = drawn as Required<QuantizeModelOptions> & Drawn;
      const data = noisy(drawn, 24);
      const aware = quantizeModel(built(drawn), { weights, method, freezeAfter });
      await aware.fit(data, { epochs: 2, batchSize: 8 });
      // behind an activation that is always 0, whose step is 1, a bias is rounded to a multiple of the weights' step
      fc.pre(aware.graph.leaves.every(({ name, data }) => !name.endsWith("/range") || data![0] !== data![1]));
      const integers = await quantizeStatic(aware);
      const { x } = [...data.batch(6)][0]!;
      const compared = expectOneStep(aware.graph, integers.graph, Float32Array.from(x), 6);
      expect(compared).toBeGreaterThan(1);
    }),
    { numRuns: 40, seed: 5 },
  );
}, 60_000);

/** The names of the ops, in order, with what they are for. */
const opsOf = (graph: Graph): string[] => graph.nodes.map(({ op }) => op.name);

describe("quantizeModel", () => {
  test("rounds activations behind convolution, activation and pool, and every kernel", () => {
    const x = input({ shape: [8, 8, 1] });
    const pooled = maxPool2d()(conv2d({ filters: 4, kernelSize: 3, activation: "relu" })(x));
    const aware = quantizeModel(model({ inputs: x, outputs: dense({ units: 2 })(flatten()(pooled)) }));
    const fake = "fakeQuantizeActivation";
    expect(opsOf(aware.graph)).toEqual([
      fake,
      "fakeQuantize",
      "conv2d",
      "relu",
      "maxPool2d",
      "reshape",
      fake,
      "fakeQuantize",
      "dense",
      fake,
    ]);
  });

  test("averages twice in one range: before it is averaged, and after", () => {
    const x = input({ shape: [8, 8, 1] });
    const mean = averagePool2d()(conv2d({ filters: 4, kernelSize: 3, activation: "relu" })(x));
    const { graph } = quantizeModel(model({ inputs: x, outputs: dense({ units: 2 })(flatten()(mean)) }));
    const ranges = graph.nodes.filter(n => n.op === fakeQuantizeActivation).map(n => n.inputs[1]!.name);
    expect(ranges).toEqual(["input/range", "conv2d/range", "conv2d/range", "dense/range"]);
  });

  test("leaves excepted layers float, and gives others bits of their own", async () => {
    const aware = quantizeModel(await trained(), { except: ["last"], weights: { first: 4 }, freezeAfter: 1 });
    await aware.fit(stripes(96, 1));
    const levels = aware.graph.nodes.filter(n => n.op === fakeQuantize).map(n => [n.name, n.attrs.levels]);
    expect(levels).toEqual([
      ["first", 7],
      ["second", 127],
    ]);
    const { graph } = await quantizeStatic(aware);
    const dtypes = graph.leaves.filter(v => v.name.endsWith("kernel")).map(v => [v.name, v.type.dtype]);
    expect(dtypes).toEqual([
      ["first/kernel", "i8"],
      ["second/kernel", "i8"],
      ["last/kernel", "f32"],
    ]);
    const first = graph.leafOf("first/kernel")!.data!;
    expect(Math.max(...Array.from(first, Math.abs))).toBe(7);
  });

  test("freezes ranges and statistics after `freezeAfter`, and a second fit leaves them alone", async () => {
    const aware = quantizeModel(await trained(), { freezeAfter: "50%" });
    const frozen = (graph: Graph) =>
      graph.leaves.filter(v => v.role === "observation" || v.role === "statistic").map(v => [v.name, ...v.data!]);
    await aware.fit(stripes(96, 1), { epochs: 2 });
    const before = frozen(aware.graph);
    expect(before.filter(([name]) => String(name).endsWith("/range")).every(state => state[4] === 0)).toBe(true);
    const kernel = aware.graph.leafOf("first/kernel")!.data;
    await aware.fit(stripes(96, 2), { epochs: 1, optimizer: "sgd" });
    expect(frozen(aware.graph)).toEqual(before);
    expect(aware.graph.leafOf("first/kernel")!.data).not.toEqual(kernel);
  });

  test("moves statistics as a plain fit does until then", async () => {
    const data = stripes(64, 1);
    const statistics = async (freezeAfter: number) => {
      const aware = quantizeModel(await trained(), { freezeAfter });
      await aware.fit(data, { epochs: 1, batchSize: 32, shuffle: false });
      return [...aware.graph.leafOf("norm/moving_mean")!.data!];
    };
    const start = [...(await trained()).graph.leafOf("norm/moving_mean")!.data!];
    expect(await statistics(1)).not.toEqual(start);
    expect(await statistics(2)).not.toEqual(await statistics(1));
  });

  test("resumes from a checkpoint with the same bytes", async () => {
    const data = stripes(96, 1);
    const options = { epochs: 4, batchSize: 16, seed: 3 } as const;
    const whole = quantizeModel(await trained(), { weights: 4, method: "lsq" });
    await whole.fit(data, options);
    const halves = quantizeModel(await trained(), { weights: 4, method: "lsq" });
    let kept: Awaited<ReturnType<Model["fit"]>>["checkpoint"] | undefined;
    await halves.fit(data, {
      ...options,
      callbacks: [
        {
          onEpochEnd(epoch, _, at) {
            if (epoch === 2) kept = at.checkpoint();
          },
        },
      ],
    });
    const resumed = quantizeModel(await trained(), { weights: 4, method: "lsq" });
    await resumed.fit(data, { ...options, resume: kept! });
    for (const leaf of whole.graph.leaves) expect(resumed.graph.leafOf(leaf.name)!.data).toEqual(leaf.data);
  });

  test("keeps the zeros of pruning, in what is trained and in the integers", async () => {
    const pruned = prune(await trained(), { schedule: constantSparsity({ targetSparsity: 0.5, frequency: 1 }) });
    await pruned.fit(stripes(96, 1));
    const aware = quantizeModel(pruned, { weights: 4, except: ["last"] });
    await aware.fit(stripes(96, 2));
    const integers = await quantizeStatic(aware);
    for (const node of aware.graph.nodes.filter(n => n.op === mask && n.name !== "last")) {
      const bits = node.inputs[1]!.data!;
      const data = integers.graph.leafOf(node.inputs[0]!.name)!.data!;
      expect(bits.some(bit => bit === 0)).toBe(true);
      bits.forEach((bit, i) => void (bit === 0 && expect(data[i]).toBe(0)));
    }
  });

  test("takes a scale per channel behind a codebook of each channel", async () => {
    const { graph } = quantizeModel(clusterWeights(await trained(), { clusters: 3, perChannel: true }));
    const per = graph.nodes.filter(n => n.op === fakeQuantize).map(n => n.attrs.per);
    expect(per).toContain("channel");
  });

  test.each([
    [8, false],
    [4, false],
    [8, true],
  ] as const)(
    "keeps the zeros of pruning and the values of clustering, in %i bits (pruned: %s)",
    async (weights, pruned) => {
      const made = await trained();
      const clustered = clusterWeights(pruned ? pruneOnce(made, 0.5) : made, { clusters: 6 });
      await clustered.fit(stripes(96, 3));
      const aware = quantizeModel(clustered, { weights });
      await aware.fit(stripes(96, 2));
      const integers = await quantizeStatic(aware);
      const { x } = [...stripes(6, 9).batch(6)][0]!;
      expect(expectOneStep(aware.graph, integers.graph, Float32Array.from(x), 6)).toBe(5);
      for (const node of aware.graph.nodes.filter(n => n.op === fakeQuantize)) {
        expect(node.attrs.per).toBe("tensor");
        const data = integers.graph.leafOf(`${node.name}/kernel`)!.data!;
        // a channel whose normalization has a factor below 0 has the opposite integers
        expect(new Set(Array.from(data, Math.abs)).size).toBeLessThanOrEqual(6);
        if (pruned) expect(data.filter(q => q === 0).length).toBeGreaterThanOrEqual(Math.floor(data.length / 2));
      }
    },
  );

  test("rounds behind a learned bound as behind a ReLU", async () => {
    const clipped = await clipActivations(await trained(), { learned: true, data: stripes(32, 4) });
    const aware = quantizeModel(clipped);
    await aware.fit(stripes(96, 1));
    const integers = await quantizeStatic(aware);
    const { x } = [...stripes(6, 9).batch(6)][0]!;
    expect(expectOneStep(aware.graph, integers.graph, Float32Array.from(x), 6)).toBe(5);
  });

  test("is saved as what quantizeStatic makes of it", async () => {
    const aware = quantizeModel(await trained(), { weights: 4 });
    expect(() => aware.toBytes()).toThrow("is saved as what quantizeStatic makes of it");
    await expect(quantizeStatic(aware)).rejects.toThrow("has no range yet: train the model first");
    await aware.fit(stripes(96, 1));
    const integers = await quantizeStatic(aware);
    expect(read(integers.toBytes()).graph.nodes.length).toBe(integers.graph.nodes.length);
    const calibrated = await quantizeStatic(aware, { calibration: stripes(32, 3) });
    expect(calibrated.graph.leafOf("first/kernel")!.data).toEqual(integers.graph.leafOf("first/kernel")!.data);
  });

  test("gives its bits to quantizeDynamic too", async () => {
    const aware = quantizeModel(await trained(), { weights: 4, except: ["last"] });
    await aware.fit(stripes(96, 1));
    const [dynamic, integers] = [await quantizeDynamic(aware), await quantizeStatic(aware)];
    for (const name of ["first/kernel", "second/kernel", "last/kernel"])
      expect(dynamic.graph.leafOf(name)!.data).toEqual(integers.graph.leafOf(name)!.data);
    expect(read(dynamic.toBytes()).graph.nodes.some(({ op }) => op === fakeQuantizeActivation)).toBe(false);
  });

  test("has no gates added, as they would leave its range", async () => {
    const aware = quantizeModel(await trained());
    expect(() => gate(aware)).toThrow("is trained for quantization: add gates before");
  });

  test("refuses wrong options, and a model that is trained for quantization already", async () => {
    const made = await trained();
    const wrong = (options: object) => () => quantizeModel(made, options as QuantizeModelOptions);
    expect(wrong({ weights: 5 })).toThrow('"weights" expected 8, 4, 3, 2 or "ternary", got 5');
    expect(wrong({ weights: { nowhere: 4 } })).toThrow("layers with weights to quantize (first, second, last)");
    expect(wrong({ weights: { last: 4 }, except: ["last"] })).toThrow(
      "layers with weights to quantize (first, second)",
    );
    expect(wrong({ activations: 4 })).toThrow('"activations" expected 8 bits, got 4');
    expect(wrong({ freezeAfter: "120%" })).toThrow('"freezeAfter" expected a number of steps');
    expect(wrong({ method: "pact" })).toThrow('"method" expected');
    expect(wrong({ exept: [] })).toThrow("exept");
    expect(() => quantizeModel(quantizeModel(made))).toThrow("is trained for quantization already");
    await expect(quantizeStatic(quantizeModel(made), { weights: 4 })).rejects.toThrow('"weights" expected none');
  });
});
