/** Slimming: what stays is what was asked for, and without channels that are zero the answers are the same. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { Channels } from "../../src/compress/channels.ts";
import { prune, sparsity } from "../../src/compress/prune.ts";
import { pruneOnce } from "../../src/compress/prune-once.ts";
import { rigl } from "../../src/compress/rigl.ts";
import { constantSparsity } from "../../src/compress/schedules.ts";
import type { ScoredChannels } from "../../src/compress/scores.ts";
import { type SlimOptions, slim } from "../../src/compress/slim.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { loadTflite } from "../../src/formats/tflite/index.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { verify } from "../../src/graph/verify.ts";
import type { Model } from "../../src/model/index.ts";
import * as layers from "../../src/model/index.ts";
import { dsCnn, lenet5, resnet8 } from "../../src/models/index.ts";
import { batchNormalization } from "../../src/ops/normalization/batch-normalization.ts";
import { noise } from "../kernels/harness.ts";
import { draw, network } from "../model/drawn-networks.ts";
import { evaluated, expectPlanned, planned } from "../ops/planned.ts";

const BATCH = 2;

/** Images, and what a graph answers by the specification. */
const imagesFor = (graph: Graph, seed = 7) =>
  Object.fromEntries(
    graph.leaves.filter(v => v.leaf === "input").map(v => [v.name, noise(BATCH * size(v.type.shape), seed)]),
  );
const answers = (model: Model) => evaluated(model.graph, imagesFor(model.graph), BATCH).flatMap(t => [...t.data]);

/** Channels of each layer that has some. */
const channelsOf = (model: Model) =>
  Object.fromEntries(
    new Channels(model.graph).layers.map(name => [name, model.layer(name).outputShape.at(-1)] as const),
  );

function dataFor(model: Model, rows: number): Dataset {
  const random = new Random(5);
  const [classes, shape] = [size(model.outputShape), model.inputShape];
  return new Dataset({
    images: Float32Array.from({ length: rows * size(shape) }, () => random.normal()),
    shape: [...shape],
    labels: Array.from({ length: rows }, () => random.integer(classes)),
  });
}

/** A residual block, a depthwise convolution, a concatenation and a flatten, with batch normalization. */
function branched(seed = 3): Model {
  const x = layers.input({ shape: [8, 8, 2] });
  const relu = layers.activation("relu");
  const normal = (y: layers.SymbolicTensor) => relu(layers.batchNormalization()(y));
  const conv = (filters: number) => layers.conv2d({ filters, kernelSize: 3, padding: "same", useBias: false });
  const first = normal(conv(6)(x));
  const block = layers.add()(first, normal(conv(6)(first)));
  const deep = layers.depthwiseConv2d({ kernelSize: 3, activation: "relu" })(block);
  const beside = layers.concatenate()(layers.conv2d({ filters: 4, kernelSize: 1, activation: "relu" })(deep), deep);
  const flat = layers.flatten()(layers.maxPool2d()(beside));
  const hidden = layers.dense({ units: 10, activation: "relu" })(flat);
  return layers.model({ inputs: x, outputs: layers.dense({ units: 3 })(hidden), seed });
}

/** Sets a state's numbers. */
function set(model: Model, name: string, of: (v: number, i: number) => number): void {
  const leaf = model.graph.leafOf(name)!;
  leaf.data = (leaf.data as Float32Array).map(of);
}

describe("slim", () => {
  test("keeps a share of the channels and neurons of each layer, and leaves the model it was given alone", async () => {
    const model = lenet5({ seed: 1 });
    const before = answers(model);
    const half = await slim(model, { keep: 0.5 });
    expect(channelsOf(half)).toEqual({ conv2d: 3, conv2d_1: 8, dense: 60, dense_1: 42 });
    expect([half.inputShape, half.outputShape]).toEqual([[28, 28, 1], [10]]);
    expect(half.layers.map(l => l.name)).toEqual(model.layers.map(l => l.name));
    expect(half.parameters).toBe(3 * 26 + 8 * 76 + 60 * 129 + 42 * 61 + 10 * 43);
    expect(answers(model)).toEqual(before);
    const data = dataFor(half, 10);
    await half.fit(data, { epochs: 30, batchSize: 5 });
    expect((await half.evaluate(data)).accuracy).toBeGreaterThan(0.6);
  });

  test("keeps channels by the names of layers, of all layers that share them", async () => {
    const model = branched();
    const slimmed = await slim(model, { keep: { conv2d_1: 4, dense: 7 } });
    expect(channelsOf(slimmed)).toEqual({ conv2d: 4, conv2d_1: 4, depthwiseConv2d: 4, conv2d_2: 4, dense: 7 });
    expect(slimmed.layer("concatenate").outputShape.at(-1)).toBe(8);
    verify(slimmed.graph);
  });

  test("removes channels of the chosen layers alone", async () => {
    const model = lenet5();
    expect(channelsOf(await slim(model, { keep: 0.5, layers: ["dense"] }))).toEqual({
      conv2d: 6,
      conv2d_1: 16,
      dense: 60,
      dense_1: 84,
    });
    const convolutions = await slim(model, {
      keep: 0.5,
      layers: ({ op, shape }) => op === "conv2d" && shape[0] === 16,
    });
    expect(channelsOf(convolutions)).toEqual({ conv2d: 6, conv2d_1: 8, dense: 120, dense_1: 84 });
  });

  test("rounds to multiples, and leaves groups that are smaller", async () => {
    const kept = async (keep: number) => Object.values(channelsOf(await slim(lenet5(), { keep, multipleOf: 8 })));
    expect(await kept(0.5)).toEqual([6, 8, 64, 40]);
    expect(await kept(0.05)).toEqual([6, 8, 8, 8]);
    expect(await kept(0.99)).toEqual([6, 16, 120, 80]);
    const least = await slim(lenet5(), { keep: 0.001 });
    expect(["conv2d", "conv2d_1", "dense", "dense_1"].map(name => least.layer(name).outputShape.at(-1))).toEqual([
      1, 1, 1, 1,
    ]);
  });

  test.each([
    ["lenet5", lenet5(), 1],
    ["resnet8", resnet8(), 4],
    ["dsCnn", dsCnn(), 8],
    ["branched", branched(), 1],
  ] as const)("meets budgets of %s from below, as near as can be", async (_, model, multipleOf) => {
    for (const cost of ["macs", "parameters"] as const)
      for (const share of [0.7, 0.4]) {
        const slimmed = await slim(model, { keep: { [cost]: share }, multipleOf });
        expect(slimmed[cost]).toBeLessThanOrEqual(share * model[cost]);
        const sizes = channelsOf(slimmed);
        const whole = channelsOf(model);
        const again = await slim(model, { keep: { [cost]: share }, multipleOf });
        expect(again.getWeights()).toEqual(slimmed.getWeights());
        // one more of any group is too much
        for (const [name, count] of Object.entries(sizes)) {
          if (count === whole[name]) continue;
          const more = Math.min(whole[name]!, count! + multipleOf);
          const shared = Object.fromEntries(Object.entries(sizes).map(([other, n]) => [other, n] as [string, number]));
          const { group } = new Channels(model.graph).of("layer", name);
          for (const other of group.layers) if (other in shared) shared[other] = more;
          const wider = await slim(model, { keep: shared });
          expect(wider[cost]).toBeGreaterThan(share * model[cost]);
        }
      }
  });

  test("gives the same bits without channels of which weights, gammas and betas are zero", async () => {
    const model = branched();
    const dead: Record<string, number[]> = { conv2d: [1, 4], conv2d_2: [0], dense: [2, 3, 9] };
    const channels = new Channels(model.graph);
    for (const [name, indices] of Object.entries(dead)) {
      const { group } = channels.of("layer", name);
      for (const { value, axis } of group.axis.places) {
        // kernels along their outputs, biases, and batch normalization
        if (value.leaf !== "state" || axis !== 0) continue;
        const along = channels.axes.indexAlong({ value, axis }, group.axis);
        const each = size(value.type.shape) / along.length;
        set(model, value.name, (v, i) => (indices.includes(along[Math.floor(i / each)]!) ? 0 : v));
      }
    }
    // statistics that a trained network could have; zeros among them were those of channels that are dead
    for (const { op, inputs } of model.graph.nodes)
      if (op === batchNormalization) {
        set(model, inputs[3]!.name, (_, i) => 0.1 * i);
        set(model, inputs[4]!.name, (_, i) => 1 + 0.1 * i);
      }
    for (const score of ["l1", "l2"] as const) {
      const slimmed = await slim(model, { keep: { conv2d: 4, conv2d_2: 3, dense: 7 }, score });
      verify(slimmed.graph);
      expect(answers(slimmed).every((v, i) => v === answers(model)[i])).toBe(true);
      const before = await planned(model.graph, imagesFor(model.graph), { batch: BATCH });
      const after = await planned(slimmed.graph, imagesFor(slimmed.graph), { batch: BATCH });
      after.results[0]!.data.forEach((v, i) => {
        expect(Math.abs(v - before.results[0]!.data[i]!)).toBeLessThan(1e-6 * Math.max(1, Math.abs(v)));
      });
    }
  });

  test("over random networks verifies, runs as planned, and has the sizes it promises", async () => {
    let slimmed = 0;
    await fc.assert(
      fc.asyncProperty(network, fc.double({ min: 0.05, max: 1, noNaN: true }), async (drawn, keep) => {
        const model = draw(drawn);
        if (!new Channels(model.graph).layers.length) return;
        const result = await slim(model, { keep, score: "l2" });
        verify(result.graph);
        const [before, after] = [new Channels(model.graph), new Channels(result.graph)];
        // one size for each group: those of one channel are classes no more
        const wanted = before.groups.map(group =>
          Math.min(group.size, Math.max(1, Math.floor(keep * group.size + 0.5))),
        );
        expect(after.groups.map(group => group.size)).toEqual(wanted.filter(count => count > 1));
        await expectPlanned(result.graph, imagesFor(result.graph), { batch: BATCH }, 1e-4, 1);
        slimmed++;
      }),
      { numRuns: 100, seed: 4, endOnFailure: false },
    );
    expect(slimmed).toBeGreaterThan(20);
  });

  test("keeps regularizers, masks, hooks, name, labels and preprocessing", async () => {
    const model = layers.sequential(
      [
        layers.dense({ units: 8, activation: "relu", kernelRegularizer: layers.l2(0.1), inputShape: [4] }),
        layers.dense({ units: 2 }),
      ],
      { name: "small" },
    );
    model.labels = ["no", "yes"];
    const masked = pruneOnce(model, 0.5);
    const half = await slim(masked, { keep: 0.5 });
    expect([half.name, half.labels]).toEqual(["small", ["no", "yes"]]);
    expect([...half.regularizers]).toEqual([...model.regularizers]);
    expect(half.graph.leafOf("dense/kernel/mask")!.type.shape).toEqual([4, 4]);
    const data = dataFor(half, 16);
    await half.fit(data, { epochs: 2 });
    const bits = half.graph.leafOf("dense/kernel/mask")!.data!;
    expect(half.getWeights()["dense/kernel"]!.shape).toEqual([4, 4]);
    half.graph.leafOf("dense/kernel")!.data!.forEach((w, i) => {
      expect(w === 0).toBe(bits[i] === 0);
    });
  });

  test("lets schedules of pruning go on, with the units of the layers as they are now", async () => {
    const model = layers.sequential([
      layers.dense({ units: 16, activation: "relu", inputShape: [8] }),
      layers.dense({ units: 8, activation: "relu" }),
      layers.dense({ units: 2 }),
    ]);
    const schedule = constantSparsity({ targetSparsity: 0.5, frequency: 2 });
    const half = await slim(prune(model, { schedule, granularity: [2, 4], layers: ["dense_1"] }), { keep: 0.5 });
    const data = dataFor(half, 16);
    await half.fit(data, { epochs: 4, batchSize: 4 });
    expect(half.graph.leafOf("dense_1/kernel")!.type.shape).toEqual([4, 8]);
    expect(sparsity(half).tensors.map(t => [t.name, t.zeros])).toContainEqual(["dense_1/kernel", 16]);
    const regrowing = await slim(rigl(model, { sparsity: 0.5, frequency: 2 }), { keep: 0.5 });
    await regrowing.fit(data, { epochs: 4, batchSize: 4 });
    const blocks = prune(model, { schedule, granularity: [8, 4], layers: ["dense_1"] });
    await expect(slim(blocks, { keep: { dense: 3 } })).resolves.toBeDefined();
  });

  test.each([
    "tflite/pretrainedResnet",
    "tflite-zoo/zoo_mobile_float",
    "tflite-zoo/zoo_branch_float",
    "tflite-zoo/zoo_unet_float",
  ])("works on the float import %s", async name => {
    const model = await loadTflite(new Uint8Array(readFileSync(`test/vectors/${name}.tflite`)));
    const half = await slim(model, { keep: { macs: 0.5 } });
    verify(half.graph);
    expect(half.macs / model.macs).toBeLessThanOrEqual(0.5);
    expect(half.macs / model.macs).toBeGreaterThan(0.47);
    expect(half.outputShape).toEqual(model.outputShape);
    const images = noise(size(half.inputShape));
    expect((await half.predict(images)).every(Number.isFinite)).toBe(true);
  });

  test.each(["kws_ref_model", "kws_ref_model_float32", "lenet5_dynamic"])(
    "refuses integers of %s by name",
    async name => {
      const model = await loadTflite(new Uint8Array(readFileSync(`test/vectors/tflite/${name}.tflite`)));
      await expect(slim(model, { keep: 0.5 })).rejects.toMatchObject({ code: "quantized" });
    },
  );

  test.each([
    [{}, '"keep" expected a share, channels by the names of layers'],
    [{ keep: 0 }, '"keep" expected finite number > 0 and <= 1, got 0'],
    [{ keep: { macs: 2 } }, '"keep.macs" expected finite number > 0 and <= 1, got 2'],
    [{ keep: { macs: 0.5, conv2d: 3 } }, '"keep" has no option "conv2d"; it knows macs'],
    [{ keep: { conv: 3 } }, '"keep" expected layers with channels of their own'],
    [{ keep: { dense_2: 3 } }, "(conv2d, conv2d_1, dense, dense_1)"],
    [{ keep: { conv2d: 7 } }, '"keep.conv2d" expected integer in 1..6, got 7'],
    [{ keep: { dense: 7 }, multipleOf: 8 }, '"keep.dense" expected a multiple of 8, got 7'],
    [{ keep: { dense: 7 }, layers: ["conv2d"] }, '"keep" expected layers that "layers" chooses, got "dense"'],
    [{ keep: {} }, '"keep" expected a number of channels for at least one layer'],
    [{ keep: { macs: 0.0001 } }, '"keep.macs" expected a share >= 0.'],
    [{ keep: 0.5, multipleOf: 0 }, '"multipleOf" expected integer >= 1, got 0'],
    [{ keep: 0.5, score: "l3" }, '"score" expected one of "l1"'],
    [{ keep: 0.5, score: "taylor" }, '"data" expected a Dataset, which the score taylor looks at'],
    [{ keep: 0.5, score: "gamma" }, '"score" expected another one than gamma, or batch normalization or gates'],
    [{ keep: 0.5, score: () => [1] }, '"score" expected 6 numbers for "conv2d"'],
    [
      { keep: 0.5, score: ({ weights }: ScoredChannels) => weights.map(() => -1) },
      '"score" expected finite numbers >= 0',
    ],
    [{ keep: 0.5, layers: ["pool"] }, '"layers" expected layers with channels that may be removed'],
    [{ keep: 0.5, layers: () => false }, '"layers" expected a choice of at least one of conv2d'],
    [{ keep: 0.5, groups: 1 }, '"slim" has no option "groups"'],
  ] as [SlimOptions, string][])("refuses %o", async (options, message) => {
    await expect(slim(lenet5(), options)).rejects.toThrow(message);
  });
});

/** One hidden layer of four neurons with these weights. */
function four(kernel: readonly number[], activation: "relu" | "linear" = "relu"): Model {
  const model = layers.sequential([
    layers.dense({ units: 4, activation, inputShape: [2] }),
    layers.dense({ units: 2 }),
  ]);
  set(model, "dense/kernel", (_, i) => kernel[i]!);
  return model;
}

describe("slim ranks channels by score", () => {
  const rows = [3, 0, 2, 2, -5, 0, 0, 0];
  const kept = (model: Model) => [...model.graph.leafOf("dense/kernel")!.data!];

  test('"l1" and "l2": the norms of filters; among equals the first stay', async () => {
    expect(kept(await slim(four(rows), { keep: { dense: 2 }, score: "l1" }))).toEqual([2, 2, -5, 0]);
    expect(kept(await slim(four(rows), { keep: { dense: 2 }, score: "l2" }))).toEqual([3, 0, -5, 0]);
    expect(kept(await slim(four([1, 0, 0, 1, 0, -1, 1, 0]), { keep: 0.5 }))).toEqual([1, 0, 0, 1]);
  });

  test("by a function of the weights of each channel", async () => {
    const last = (c: ScoredChannels) => c.weights.map((_, i) => i);
    expect(kept(await slim(four(rows), { keep: 0.5, score: last }))).toEqual([-5, 0, 0, 0]);
    const seen: ScoredChannels[] = [];
    const first = (c: ScoredChannels) => {
      seen.push(c);
      return c.weights.map(w => w[0]! ** 2);
    };
    await slim(branched(), { keep: 0.5, score: first });
    expect(seen.map(c => [c.layer, c.layers, c.weights.length, c.weights[0]!.length])).toEqual([
      ["conv2d", ["conv2d", "conv2d_1", "depthwiseConv2d"], 6, 18 + 54 + 9],
      ["conv2d_2", ["conv2d_2"], 4, 6],
      ["dense", ["dense"], 10, 90],
    ]);
  });

  test('"gamma": the magnitudes of batch normalization', async () => {
    const model = layers.sequential([
      layers.conv2d({ filters: 4, kernelSize: 1, inputShape: [2, 2, 1] }),
      layers.batchNormalization(),
      layers.flatten(),
      layers.dense({ units: 2 }),
    ]);
    set(model, "batchNormalization/gamma", (_, i) => [0.1, -3, 2, 0][i]!);
    const slimmed = await slim(model, { keep: 0.5, score: "gamma" });
    expect([...slimmed.graph.leafOf("batchNormalization/gamma")!.data!]).toEqual([-3, 2]);
    expect(slimmed.graph.leafOf("dense/kernel")!.type.shape).toEqual([2, 8]);
  });

  test('"apoz": channels that are zero most of the time go', async () => {
    const model = four([1, 0, -1, 0, 0, 1, 0, -1]);
    const images = Float32Array.of(1, -1, 2, -1, 3, -1, -1, -2);
    const data = new Dataset({ images, shape: [2] });
    expect(kept(await slim(model, { keep: 0.5, score: "apoz", data }))).toEqual([1, 0, 0, -1]);
    const linear = four(rows, "linear");
    await expect(slim(linear, { keep: 0.5, score: "apoz", data })).rejects.toThrow("an activation behind");
  });

  test('"taylor": |sum of activation * gradient|, the mean over the images', async () => {
    const model = branched(9);
    const data = dataFor(model, 3);
    const loss = async (of: Model, row: number) => (await of.evaluate(data.skip(row).take(1))).loss;
    // the slope of the loss where a neuron's weights and bias grow by a factor
    const slopes = await Promise.all(
      Array.from({ length: 10 }, async (_, neuron) => {
        let sum = 0;
        for (let row = 0; row < 3; row++) {
          const [above, below] = [1.01, 0.99].map(factor => {
            const moved = model.clone();
            set(moved, "dense/kernel", (v, i) => (Math.floor(i / 90) === neuron ? v * factor : v));
            set(moved, "dense/bias", (v, i) => (i === neuron ? v * factor : v));
            return moved;
          });
          sum += Math.abs((await loss(above!, row)) - (await loss(below!, row))) / 0.02;
        }
        return sum / 3;
      }),
    );
    const best = slopes.map((_, i) => i).sort((a, b) => slopes[b]! - slopes[a]! || a - b);
    const alive = slopes.filter(v => v > 1e-4).length;
    expect(alive).toBeGreaterThan(3);
    const slimmed = await slim(model, { keep: { dense: alive - 1 }, score: "taylor", data });
    const expected = best.slice(0, alive - 1).sort((a, b) => a - b);
    const biases = [...model.graph.leafOf("dense/kernel")!.data!];
    expect([...slimmed.graph.leafOf("dense/kernel")!.data!]).toEqual(
      expected.flatMap(i => biases.slice(90 * i, 90 * i + 90)),
    );
  });
});
