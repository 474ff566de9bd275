/** Compares what hooks add to a training step (scores, ranges, penalties) with numbers computed otherwise. */
import { describe, expect, test } from "vitest";
import { addMasks } from "../../src/compress/masks.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import type { Graph, Type, Value } from "../../src/graph/graph.ts";
import { Model } from "../../src/model/model.ts";
import { maximum } from "../../src/ops/arithmetic/maximum.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { scale } from "../../src/ops/arithmetic/scale.ts";
import { evaluate } from "../../src/ops/index.ts";
import { penalty } from "../../src/ops/loss/penalty.ts";
import { accumulate } from "../../src/ops/observation/accumulate.ts";
import { RANGE, widen } from "../../src/ops/observation/widen.ts";
import type { StepHook } from "../../src/train/callbacks.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { fit } from "../../src/train/fit.ts";
import { sparseCategoricalCrossentropy } from "../../src/train/losses.ts";
import { adam, sgd, type Update } from "../../src/train/optimizers.ts";
import { buildStep } from "../../src/train/step.ts";
import { arrays, Trainer } from "../../src/train/trainer.ts";
import { corners, lenet5, seeded, smallNetwork, weightBytes } from "./networks.ts";

const loss = sparseCategoricalCrossentropy({ fromLogits: true });

const rowsOf = (data: Dataset) => {
  const [batch] = [...data.batch(data.length)];
  return [batch!.x, batch!.y] as const;
};

/** sum over the steps of |w * d loss / d w|, first-order Taylor. */
function taylorScores(graph: Graph, { parameter, gradient }: Update): Value {
  const product = graph.one(mul, [parameter, gradient]);
  const size = graph.one(maximum, [product, graph.one(scale, [product], { scale: -1 })]);
  const scores = graph.state("observation", `${parameter.name}/taylor`, parameter.type);
  graph.one(accumulate, [scores, size]);
  return scores;
}

const taylor: StepHook = {
  build(graph, updates) {
    for (const update of updates) taylorScores(graph, update);
  },
};

const nothing = (): Float32Array => Float32Array.of(Infinity, -Infinity);

/** The smallest and the largest output of a layer. */
const rangeOf = (layer: string): StepHook => ({
  observes: name => name === layer,
  build(graph, _, step) {
    let range = graph.state("observation", `${layer}/range`, RANGE, nothing());
    for (const output of step.outputs(layer)) range = graph.one(widen, [range, output]);
  },
});

/** The outputs of all nodes of that name by the specification, with the current weights. */
function outputsOf(graph: Graph, trainer: Trainer, layer: string, x: ArrayLike<number>): number[] {
  const values = graph.nodes.filter(n => n.name === layer).map(n => n.outputs[0]!);
  const feed = (v: Value) => ({
    shape: v.type.batched ? [x.length / 64, ...v.type.shape] : v.type.shape,
    data: Float64Array.from(v.leaf === "input" ? x : trainer.read(v.name)),
  });
  return evaluate(graph, feed, values).flatMap(t => [...t.data]);
}

/** Names of the ops of a step that trains. */
function opsOf(graph: Graph, hooks: readonly StepHook[]): string[] {
  const images = { dtype: "f32", scale: 1, offset: 0 } as const;
  const target: Type = { shape: [], dtype: "i32", batched: true };
  const goal = { optimizer: sgd(0.1) };
  return buildStep(graph, { images, target, loss, metrics: [], weighted: false, hooks, goal }).graph.nodes.map(
    n => n.op.name,
  );
}

describe("StepHook.build", () => {
  test("a Taylor accumulator sums the gradients of Trainer.gradients, step by step", async () => {
    const graph = smallNetwork();
    const options = { loss, optimizer: sgd(0.1), train: arrays(8), gradients: arrays(8), hooks: [taylor] };
    const trainer = await Trainer.create(graph, options);
    const [x, y] = rowsOf(corners(24));
    const scores = trainer.states("observation");
    expect(scores.sort()).toEqual(
      trainer
        .weights()
        .map(name => `${name}/taylor`)
        .sort(),
    );
    const expected = new Map(scores.map(name => [name, new Float64Array(trainer.read(name).length)]));
    for (let step = 0; step < 3; step++) {
      const batch = [x.slice(step * 512, step * 512 + 512), y.slice(step * 8, step * 8 + 8)] as const;
      const { gradients } = trainer.gradients(...batch);
      for (const [name, g] of gradients) {
        const w = trainer.read(name);
        expected.get(`${name}/taylor`)!.forEach((sum, i, sums) => {
          sums[i] = sum + Math.abs(w[i]! * g[i]!);
        });
      }
      trainer.trainStep(...batch);
    }
    for (const [name, sums] of expected) {
      expect(Math.max(...sums), name).toBeGreaterThan(1e-5);
      trainer.read(name).forEach((v, i) => {
        expect(v).toBeCloseTo(sums[i]!, 6);
      });
    }
  });

  test.each(["conv", "relu", "hidden", "logits"])("the range of the layer %s is that of evaluate", async layer => {
    const graph = smallNetwork();
    const trainer = await Trainer.create(graph, {
      loss,
      optimizer: sgd(0.1),
      train: arrays(6),
      hooks: [rangeOf(layer)],
    });
    const [x, y] = rowsOf(corners(12));
    const seen: number[] = [];
    for (const at of [0, 6]) {
      const batch = x.slice(at * 64, (at + 6) * 64);
      seen.push(...outputsOf(graph, trainer, layer, batch));
      trainer.trainStep(batch, y.slice(at, at + 6));
    }
    const [low, high] = trainer.read(`${layer}/range`);
    expect(low).toBeCloseTo(Math.min(...seen), 5);
    expect(high).toBeCloseTo(Math.max(...seen), 5);
    expect(high!).toBeGreaterThan(low!);
  });

  test("the gradient of an observed output is its slope", async () => {
    const graph = smallNetwork();
    const gradientOf: StepHook = {
      observes: name => name === "logits",
      build(built, _, step) {
        const [logits] = step.outputs("logits");
        built.one(widen, [built.state("observation", "slopes", RANGE, nothing()), step.gradient(logits!)!]);
      },
    };
    const trainer = await Trainer.create(graph, { loss, optimizer: sgd(0.1), train: arrays(4), hooks: [gradientOf] });
    const [x, y] = rowsOf(corners(4));
    const logits = outputsOf(graph, trainer, "logits", x);
    // softmax minus one-hot, of the mean of four losses
    const slopes = logits.map((_, i) => {
      const row = logits.slice(4 * (i >> 2), 4 * (i >> 2) + 4).map(Math.exp);
      return (row[i & 3]! / row.reduce((a, b) => a + b) - Number(y[i >> 2] === (i & 3))) / 4;
    });
    trainer.trainStep(x, y);
    const [low, high] = trainer.read("slopes");
    expect(low).toBeCloseTo(Math.min(...slopes), 6);
    expect(high).toBeCloseTo(Math.max(...slopes), 6);
  });

  test("effective and its gradient are those behind a mask: the dense gradient", async () => {
    const graph = smallNetwork();
    const [masked] = addMasks(graph, ["hidden"]);
    const weight = graph.leafOf(masked!.weight)!;
    const half = (weight.data as Float32Array).map((_, i) => i & 1);
    graph.leafOf(masked!.mask)!.data = half;
    const dense: StepHook = {
      build(built, updates, step) {
        const { parameter, gradient } = updates.find(u => u.parameter.name === weight.name)!;
        const behind = step.effective(parameter);
        expect(behind).not.toBe(parameter);
        for (const [name, value] of Object.entries({ own: gradient, dense: step.gradient(behind)! }))
          built.one(accumulate, [built.state("observation", name, parameter.type), value]);
      },
    };
    const trainer = await Trainer.create(graph, { loss, optimizer: sgd(0), train: arrays(8), hooks: [dense] });
    const [x, y] = rowsOf(corners(8));
    trainer.trainStep(x, y);
    const [own, whole] = [trainer.read("own"), trainer.read("dense")];
    expect(own).toEqual(whole.map((v: number, i: number) => (half[i] ? v : 0)));
    expect(whole.some((v: number, i: number) => !half[i] && Math.abs(v) > 1e-4)).toBe(true);
  });

  test("does not change the training, to the bit", async () => {
    const trained = async (hooks: readonly StepHook[]) => {
      const graph = smallNetwork();
      await fit(graph, corners(40), { epochs: 2, batchSize: 16, hooks });
      return weightBytes(graph);
    };
    const plain = await trained([]);
    expect(await trained([taylor, rangeOf("logits"), rangeOf("maxPool2d")])).toEqual(plain);
  });

  test("kernels are fused except across observed layers", () => {
    const graph = lenet5(seeded(1));
    const plain = opsOf(graph, []);
    const fused = (ops: readonly string[]) => ops.filter(op => op === "conv2dReluMaxPool2d").length;
    expect(fused(plain)).toBe(2);
    expect(fused(opsOf(graph, [taylor, rangeOf("maxPool2d"), rangeOf("dense_3")]))).toBe(2);
    const looked = opsOf(graph, [rangeOf("conv2d_1")]);
    expect(fused(looked)).toBe(1);
    expect(looked.filter(op => op === "conv2d")).toHaveLength(1);
    // an observer that builds nothing costs nothing once the step is built
    expect(opsOf(graph, [{ observes: name => name === "dense_3", build: () => {} }])).toEqual(plain);
  });

  test("its states are saved with a checkpoint, and continue from there", async () => {
    const data = corners(48);
    const options = { batchSize: 16, hooks: [taylor, rangeOf("logits")], seed: 3, optimizer: adam(0.01) };
    const whole = await fit(smallNetwork(), data, { ...options, epochs: 3 });
    const graph = smallNetwork();
    const first = await fit(graph, data, { ...options, epochs: 1 });
    const resume = readCheckpoint(writeCheckpoint(first.checkpoint));
    const second = await fit(smallNetwork(), data, { ...options, epochs: 3, resume });
    expect([...second.checkpoint.states.keys()]).toContain("conv/kernel/taylor");
    expect(second.checkpoint.states).toEqual(whole.checkpoint.states);
    expect(second.checkpoint.states.get("logits/range")).not.toEqual(first.checkpoint.states.get("logits/range"));
  });

  test("act reads and writes the states of build", async () => {
    const sums: number[] = [];
    const hook: StepHook = {
      ...taylor,
      next: step => step,
      act(_, state) {
        const [name] = state.states("observation");
        const scores = state.read(name!) as Float32Array;
        sums.push(scores.reduce((a, b) => a + b, 0));
        state.write(name!, new Float32Array(scores.length));
      },
    };
    await fit(smallNetwork(), corners(32), { batchSize: 8, hooks: [hook] });
    expect(sums).toHaveLength(5);
    expect(sums[0]).toBe(0);
    for (const sum of sums.slice(1)) expect(sum).toBeGreaterThan(0);
  });

  test("outputs, effective and gradient refuse values that are not observed", async () => {
    const graph = smallNetwork();
    const building = (build: NonNullable<StepHook["build"]>) => () =>
      opsOf(graph, [{ observes: name => name === "hidden", build }]);
    expect(building((_, __, step) => step.outputs("logits"))).toThrow(
      '"outputs" expected a layer that a hook observes (hidden), got "logits"',
    );
    expect(building((_, __, step) => step.effective(step.loss))).toThrow(
      '"effective" expected a weight that is trained',
    );
    expect(building((_, __, step) => step.gradient(step.loss))).toThrow('"gradient" expected a weight that is trained');
  });

  test("checkHooks refuses objects that are not hooks", async () => {
    const trying = (hook: unknown) => fit(smallNetwork(), corners(8), { hooks: [hook as StepHook] });
    await expect(trying({})).rejects.toThrow('"hooks[0]" expected objects with next and act, build or penalties');
    await expect(trying({ next: () => 0 })).rejects.toThrow('"hooks[0]" expected objects with next and act');
    await expect(trying({ build: 1 })).rejects.toThrow('"hooks[0].build" expected a function, got 1');
  });
});

describe("StepHook.penalties", () => {
  const l2: StepHook = {
    penalties: (graph, parameters) =>
      parameters
        .filter(v => v.name === "hidden/kernel")
        .map(weight => graph.one(penalty, [weight], { l1: 0.01, l2: 0.02 })),
  };

  test("train as regularizers do, bit by bit, in loss, validation and gradients", async () => {
    const regularizers = new Map([["hidden/kernel", { l1: 0.01, l2: 0.02 }]]);
    const trained = async (options: object) => {
      const graph = smallNetwork();
      const { history } = await fit(graph, corners(40), { epochs: 2, validation: corners(16, 9), ...options });
      return { bytes: weightBytes(graph), loss: history.history.loss, validation: history.history.valLoss };
    };
    const [byHook, byMap, plain] = [await trained({ hooks: [l2] }), await trained({ regularizers }), await trained({})];
    expect(byHook).toEqual(byMap);
    expect(byHook.validation![0]).toBeGreaterThan(plain.validation![0]!);
  });

  test("Model.evaluate counts them, as the validation of fit does", async () => {
    const made = (hooks: StepHook[]) => new Model(smallNetwork(), { hooks });
    const [hooked, plain] = [made([l2]), made([])];
    const data = corners(16, 9);
    const { loss } = await hooked.evaluate(data);
    const { history } = await made([l2]).fit(corners(40), {
      epochs: 1,
      validation: data,
      optimizer: sgd(0),
    });
    expect(loss).toBe(history.valLoss![0]);
    expect(loss).toBeGreaterThan((await plain.evaluate(data)).loss!);
  });
});
