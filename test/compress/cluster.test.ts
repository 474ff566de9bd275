/** clusterWeights: values, masks, training beside tfmot's, integers, files, refusals. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import {
  clusterWeights,
  constantSparsity,
  distinctValues,
  gate,
  prune,
  pruneLowMagnitude,
  pruneOnce,
  quantizeDynamic,
  quantizeStatic,
  simplify,
  slim,
  stripClustering,
  toFloat16,
} from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { printGraph } from "../../src/graph/print.ts";
import { verify } from "../../src/graph/verify.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  flatten,
  loadModel,
  type Model,
  sequential,
} from "../../src/model/index.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";
import { noise } from "../kernels/harness.ts";
import { stripes, trained } from "./trained.ts";

interface Tensor {
  shape: number[];
  data: number[];
}
const read = <T>(name: string): T => JSON.parse(readFileSync(`test/vectors/tfmot/${name}.json`, "utf8"));
const INITS: Record<string, "linear" | "density" | "kmeans++"> = {
  LINEAR: "linear",
  DENSITY_BASED: "density",
  KMEANS_PLUS_PLUS: "kmeans++",
};

interface Vector {
  clusters: number;
  init: string;
  preserveSparsity: boolean;
  perChannel: boolean;
  weights: Tensor;
  clustered: Tensor;
}

test.each(Object.entries(read<Record<string, Vector>>("clustering")))("clusterWeights: tfmot's %s", (_, vector) => {
  const { weights, clusters, preserveSparsity, perChannel } = vector;
  const [units, depth] = [weights.shape.at(-1)!, weights.shape.at(-2)!];
  const layer = perChannel
    ? conv2d({ filters: units, kernelSize: 3, inputShape: [5, 5, depth], name: "layer" })
    : dense({ units, inputShape: [depth], name: "layer" });
  const model = sequential([layer]);
  model.setWeights({ "layer/kernel": weights });
  const init = INITS[vector.init]!;
  const clustered = clusterWeights(model, { clusters, init, preserveSparsity, perChannel });
  const { data } = stripClustering(clustered).getWeights()["layer/kernel"]!;
  vector.clustered.data.forEach((w, i) => expect(data[i], `weight ${i}`).toBeCloseTo(w, 5));
});

interface Training {
  clusters: number;
  learningRate: number;
  preserveSparsity: boolean;
  images: Tensor;
  labels: number[];
  kernels: Tensor[];
  losses: number[];
  centroids: Tensor[];
  latent: Tensor[];
  clustered: Tensor[];
  biases: Tensor[];
}

test.each(Object.entries(read<Record<string, Training>>("clustered-training")))(
  "clusterWeights, fit: 20 steps are tfmot's, gradients by %s",
  async (name, vector) => {
    const model = sequential([
      dense({ units: 6, activation: "relu", inputShape: [8], name: "hidden" }),
      dense({ units: 3, name: "out" }),
    ]);
    model.setWeights({ "hidden/kernel": vector.kernels[0]!, "out/kernel": vector.kernels[1]! });
    const clustered = clusterWeights(model, {
      clusters: vector.clusters,
      init: "linear",
      preserveSparsity: vector.preserveSparsity,
      gradients: name === "mean" ? "mean" : "sum",
    });
    const images = Float32Array.from(vector.images.data);
    const data = new Dataset({ images, shape: [8], labels: vector.labels });
    const losses: number[] = [];
    let sum = 0;
    const onBatchEnd = (batch: number, { loss }: { loss?: number }) => {
      if (!batch) sum = 0;
      losses.push(loss! * (batch + 1) - sum);
      sum = loss! * (batch + 1);
    };
    const how = { batchSize: 16, shuffle: false, optimizer: sgd(vector.learningRate), callbacks: [{ onBatchEnd }] };
    await clustered.fit(data, { ...how, epochs: 6 });
    await clustered.fit(data.take(32), how);
    vector.losses.forEach((loss, i) => expect(losses[i], `loss of step ${i + 1}`).toBeCloseTo(loss, 4));
    const weights = clustered.getWeights();
    const baked = clustered.bake().getWeights();
    for (const [i, layer] of ["hidden", "out"].entries()) {
      const close = (got: ArrayLike<number>, { data }: Tensor, what: string) => {
        expect(got.length).toBe(data.length);
        data.forEach((w, k) => expect(got[k], `${layer} ${what} ${k}`).toBeCloseTo(w, 4));
      };
      const values = [...weights[`${layer}/kernel/centroids`]!.data, ...(vector.preserveSparsity ? [0] : [])];
      const sorted = { ...vector.centroids[i]!, data: [...vector.centroids[i]!.data].sort((a, b) => a - b) };
      // tfmot sets its zero back in the next step only
      if (!vector.preserveSparsity)
        close(
          values.sort((a, b) => a - b),
          sorted,
          "value",
        );
      close(weights[`${layer}/kernel`]!.data, vector.latent[i]!, "latent weight");
      close(baked[`${layer}/kernel`]!.data, vector.clustered[i]!, "weight");
      close(baked[`${layer}/bias`]!.data, vector.biases[i]!, "bias");
    }
  },
);

/** Layers of every kind, from a seed. */
const various = (seed = 1): Model =>
  sequential(
    [
      conv2d({ filters: 6, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1], name: "conv" }),
      depthwiseConv2d({ kernelSize: 3, name: "deep" }),
      batchNormalization({ name: "norm" }),
      conv2d({ filters: 5, kernelSize: 1, activation: "relu", name: "point" }),
      flatten(),
      dense({ units: 3, name: "out" }),
    ],
    { seed },
  );
const data = stripes(96, 2);
const valuesOf = (model: Model) => Object.fromEntries(distinctValues(model).tensors.map(t => [t.name, t.values]));

describe("clusterWeights", () => {
  test("lays codebooks on all kernels but depthwise ones, which may be named", () => {
    const clustered = clusterWeights(various(), { clusters: 4 });
    verify(clustered.graph);
    expect(valuesOf(clustered)).toEqual({ "conv/kernel": 4, "deep/kernel": 54, "point/kernel": 4, "out/kernel": 4 });
    expect(clustered.graph.leafOf("conv/kernel/centroids")!.type.shape).toEqual([4]);
    const one = clusterWeights(various(), { clusters: { deep: 3, out: 9 } });
    expect(valuesOf(one)).toEqual({ "conv/kernel": 54, "deep/kernel": 3, "point/kernel": 30, "out/kernel": 9 });
    const chosen = clusterWeights(various(), { layers: ({ op }) => op === "dense" });
    expect(valuesOf(chosen)["out/kernel"]).toBe(16);
    expect(valuesOf(chosen)["conv/kernel"]).toBe(54);
    expect(clustered.report.rows.map(row => row.step)).toEqual(["float", "clusterWeights"]);
    expect(String(distinctValues(clustered))).toMatch(/conv\/kernel +54 +4 +0/);
  });

  test("fit moves values and weights, and keeps how many there are; zeros of masks too", async () => {
    const pruned = pruneOnce(various(), 0.6);
    const clustered = clusterWeights(pruned, { clusters: 5 });
    verify(clustered.graph);
    const zeros = (model: Model) =>
      model
        .bake()
        .graph.leafOf("out/kernel")!
        .data!.map(w => Number(w === 0));
    const before = clustered.bake().getWeights();
    await clustered.fit(data, { epochs: 2, batchSize: 16, optimizer: adam(0.01) });
    expect(clustered.bake().getWeights()["conv/kernel"]!.data).not.toEqual(before["conv/kernel"]!.data);
    for (const name of ["conv/kernel", "point/kernel", "out/kernel"])
      expect(valuesOf(clustered)[name]).toBeLessThanOrEqual(5);
    const masked = pruned.bake().graph.leafOf("out/kernel")!.data!;
    zeros(clustered).forEach((zero, i) => masked[i] === 0 && expect(zero).toBe(1));
  });

  test("preserveSparsity keeps zeros without a mask, and values may not drift into more", async () => {
    const sparse = pruneOnce(various(), 0.5).bake();
    const clustered = clusterWeights(sparse, { clusters: 4, preserveSparsity: true });
    const before = clustered.bake().graph.leafOf("out/kernel")!.data!;
    expect(before.filter(w => w === 0).length).toBeGreaterThanOrEqual(before.length / 2);
    await clustered.fit(data, { epochs: 2, batchSize: 16, optimizer: adam(0.01) });
    const after = clustered.bake().graph.leafOf("out/kernel")!.data!;
    before.forEach((w, i) => w === 0 && expect(after[i]).toBe(0));
    expect(new Set(after).size).toBeLessThanOrEqual(4);
  });

  test("perChannel gives each channel of a convolution its own values", () => {
    const clustered = clusterWeights(various(), { clusters: 3, perChannel: true });
    expect(clustered.graph.leafOf("conv/kernel/centroids")!.type.shape).toEqual([6, 3]);
    expect(clustered.graph.leafOf("out/kernel/centroids")!.type.shape).toEqual([3]);
    const kernel = clustered.bake().graph.leafOf("conv/kernel")!.data!;
    for (let c = 0; c < 6; c++) expect(new Set(kernel.slice(9 * c, 9 * c + 9)).size).toBe(3);
    expect(new Set(kernel).size).toBe(18);
  });

  test("errorBudget: the least number of values for each layer", () => {
    const model = various();
    const clustered = clusterWeights(model, { errorBudget: 0.01 });
    const error = (to: Model, name: string) => {
      const [w, c] = [model, to.bake()].map(({ graph }) => graph.leafOf(name)!.data as Float32Array);
      return w!.reduce((sum, v, i) => sum + (v - c![i]!) ** 2, 0) / w!.reduce((sum, v) => sum + v * v, 0);
    };
    for (const layer of ["conv", "point", "out"]) {
      const name = `${layer}/kernel`;
      expect(error(clustered, name)).toBeLessThanOrEqual(0.01);
      const fewer = clusterWeights(model, { clusters: { [layer]: valuesOf(clustered)[name]! - 1 } });
      expect(error(fewer, name)).toBeGreaterThan(0.01);
    }
  });

  test("has no more values than asked for, whatever the weights", () => {
    const weights = fc.array(fc.constantFrom(0, 1, -1, 0.5, 0.25, 1e-30, -3), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(
        weights,
        fc.integer({ min: 2, max: 9 }),
        fc.boolean(),
        fc.constantFrom("optimal", "kmeans++", "density", "linear", "random"),
        (kernel, clusters, preserveSparsity, init) => {
          const model = sequential([dense({ units: 3, inputShape: [4], name: "d" })]);
          model.setWeights({ "d/kernel": kernel });
          const clustered = clusterWeights(model, { clusters, preserveSparsity, init });
          expect(valuesOf(clustered)["d/kernel"]).toBeLessThanOrEqual(clusters);
          if (init === "optimal" && new Set(kernel).size <= clusters - Number(preserveSparsity))
            expect([...clustered.bake().getWeights()["d/kernel"]!.data]).toEqual([...Float32Array.from(kernel)]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("1x1 kernels that are pruned and clustered do not become zero (tfmot #979)", async () => {
    for (const perChannel of [false, true]) {
      const pruned = pruneOnce(various(3), { sparsity: 0.5, layers: ["point"] });
      const clustered = clusterWeights(pruned, { clusters: 4, perChannel, layers: ["point"] });
      await clustered.fit(data, { epochs: 2, batchSize: 16, optimizer: adam(0.01) });
      const kernel = clustered.bake().graph.leafOf("point/kernel")!.data!;
      expect(kernel.filter(w => w === 0).length).toBeLessThan(0.75 * kernel.length);
      const baked = clusterWeights(pruned.bake(), { clusters: 4, perChannel, preserveSparsity: true });
      await baked.fit(data, { epochs: 2, batchSize: 16, optimizer: adam(0.01) });
      expect(
        baked
          .bake()
          .graph.leafOf("point/kernel")!
          .data!.some(w => w !== 0),
      ).toBe(true);
    }
  });

  test("of a layer makes a layer that is clustered in its model, once where it is used twice", async () => {
    const shared = clusterWeights(dense({ units: 8, activation: "relu", name: "shared" }), { clusters: 3 });
    const model = sequential(
      [
        clusterWeights(conv2d({ filters: 4, kernelSize: 5, inputShape: [8, 8, 1], name: "conv" }), {
          clusters: 4,
          perChannel: true,
        }),
        flatten(),
        dense({ units: 8, name: "plain" }),
        shared,
        shared,
        pruneLowMagnitude(clusterWeights(dense({ units: 3, name: "out" })), {
          schedule: constantSparsity({ targetSparsity: 0.5, frequency: 1, beginStep: 1 }),
        }),
      ],
      { seed: 1 },
    );
    verify(model.graph);
    expect(model.graph.leaves.filter(v => v.name.endsWith("/centroids")).length).toBe(3);
    await model.fit(data, { batchSize: 16 });
    const values = valuesOf(model);
    expect(values["shared/kernel"]).toBe(3);
    expect(values["plain/kernel"]).toBe(512);
    expect(values["conv/kernel"]).toBeLessThanOrEqual(16);
    expect(
      model
        .bake()
        .graph.leafOf("out/kernel")!
        .data!.filter(w => w === 0).length,
    ).toBeGreaterThanOrEqual(12);
  });

  test("clone, resume and a second fit go on as one training", async () => {
    const made = () => clusterWeights(pruneOnce(various(), 0.5), { clusters: 6 });
    const how = { batchSize: 16, optimizer: adam(0.01), seed: 4 };
    const whole = made();
    await whole.fit(data, { ...how, epochs: 3 });
    const parts = made();
    await parts.fit(data, { ...how, epochs: 1 });
    const resume = readCheckpoint(writeCheckpoint(parts.checkpoint!));
    await parts.fit(data, { ...how, epochs: 2 });
    const resumed = made().clone();
    await resumed.fit(data, { ...how, epochs: 3, resume });
    for (const model of [parts, resumed]) expect(model.getWeights()).toEqual(whole.getWeights());
  });

  test("saved, a model has its values, and needs a few bits a weight", async () => {
    const model = sequential([dense({ units: 50, inputShape: [80], name: "d" })], { seed: 2 });
    const clustered = clusterWeights(model, { clusters: 16 });
    const bytes = clustered.toBytes();
    const loaded = await loadModel(bytes);
    expect(loaded.getWeights()["d/kernel"]).toEqual(clustered.bake().getWeights()["d/kernel"]);
    // 4 bits a weight, 16 values, 50 zeros of bias
    expect(bytes.length).toBeLessThan(4000 / 2 + 64 + 60);
    const sparse = clusterWeights(pruneOnce(model, 0.9), { clusters: 16 });
    // 4 bits a weight that is left, and some 5 for its gap
    expect(sparse.toBytes().length).toBeLessThan(400 + 64 + 140);
  });

  test("slim and simplify of a clustered model keep its values", async () => {
    const clustered = clusterWeights(various(), { clusters: 4, perChannel: true });
    const half = await slim(clustered, { keep: 0.5 });
    verify(half.graph);
    expect(half.graph.leafOf("conv/kernel/centroids")!.type.shape[0]).toBeLessThan(6);
    expect(valuesOf(half)["out/kernel"]).toBeLessThanOrEqual(4);
    const simple = simplify(clustered);
    verify(simple.graph);
    const image = noise(64);
    const [a, b] = await Promise.all([clustered, simple].map(m => m.predict(image)));
    [...a!].forEach((v, i) => expect(b![i]).toBeCloseTo(v, 5));
  });

  test("of gated weights makes values of what they are behind the gates", () => {
    const gated = gate(various(), { layers: ["conv"] });
    gated.graph.leafOf("conv/gate")!.data = Float32Array.of(1, 2, 0, 1, -1, 0.5);
    const clustered = clusterWeights(gated, { clusters: 3, layers: ["conv"] });
    verify(clustered.graph);
    expect(valuesOf(clustered)["conv/kernel"]).toBe(3);
  });
});

describe("quantizeStatic and quantizeDynamic after clusterWeights", () => {
  let model: Model;
  beforeAll(async () => {
    model = await trained();
  });

  test("quantizeStatic, quantizeDynamic: as many integers as values, zeros stay, also from a file", async () => {
    const plain = sequential(
      [
        conv2d({ filters: 6, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1], name: "conv" }),
        flatten(),
        dense({ units: 3, name: "out" }),
      ],
      { seed: 5 },
    );
    await plain.fit(data, { epochs: 2, batchSize: 16 });
    const clustered = clusterWeights(pruneOnce(plain, 0.5), { clusters: 8 });
    await clustered.fit(data, { epochs: 1, batchSize: 16 });
    const values = valuesOf(clustered);
    const zeros = distinctValues(clustered).tensors.map(t => t.zeros);
    for (const from of [clustered, await loadModel(clustered.toBytes())])
      for (const small of [await quantizeStatic(from, { calibration: data }), await quantizeDynamic(from)]) {
        expect(valuesOf(small)).toEqual(values);
        expect(distinctValues(small).tensors.map(t => t.zeros)).toEqual(zeros);
        const { scale } = small.graph.leafOf("conv/kernel")!.type.quantization!;
        expect(new Set(scale).size).toBe(1);
      }
  });

  test("quantizeStatic behind batch normalization: an integer and its opposite for each value at most", async () => {
    const clustered = clusterWeights(model, { clusters: 6 });
    await clustered.fit(stripes(240, 1), { epochs: 1, batchSize: 16, optimizer: "adam" });
    const small = await quantizeStatic(clustered, { calibration: data });
    for (const name of ["first/kernel", "second/kernel", "last/kernel"]) {
      const sizes = new Set([...small.graph.leafOf(name)!.data!].map(Math.abs));
      expect(sizes.size, name).toBeLessThanOrEqual(6);
    }
    const plain = await quantizeStatic(clusterWeights(model, { clusters: 6, perChannel: true }), { calibration: data });
    expect(new Set(plain.graph.leafOf("last/kernel")!.type.quantization!.scale).size).toBe(1);
  });
});

test("clusterWeights refuses wrong options, by name", () => {
  const model = various();
  const wrong = (options: object) => () => clusterWeights(model, options);
  expect(wrong({ cluster: 4 })).toThrow('"clusterWeights" has no option "cluster"');
  expect(wrong({ clusters: 1 })).toThrow('"clusters" expected integer in 2..256, got 1');
  expect(wrong({ clusters: 300 })).toThrow(RangeError);
  expect(wrong({ clusters: "16" })).toThrow(TypeError);
  expect(wrong({ clusters: { conv: 1.5 } })).toThrow('"clusters.conv" expected integer in 2..256, got 1.5');
  expect(wrong({ clusters: { other: 4 } })).toThrow("layers that can be clustered (conv, deep, point, out)");
  expect(wrong({ clusters: { conv: 4 }, layers: ["conv"] })).toThrow('"layers" expected nothing beside');
  expect(wrong({ layers: [] })).toThrow(RangeError);
  expect(wrong({ layers: "conv" })).toThrow(TypeError);
  expect(wrong({ init: "k-means" })).toThrow('"init" expected one of "optimal"');
  expect(wrong({ errorBudget: 0 })).toThrow('"errorBudget" expected finite number > 0 and < 1, got 0');
  expect(wrong({ errorBudget: 0.1, clusters: 4 })).toThrow('"clusters" expected nothing beside an errorBudget');
  expect(wrong({ errorBudget: 0.1, init: "linear" })).toThrow('"init" expected "optimal" beside an errorBudget');
  expect(wrong({ gradients: "max" })).toThrow('"gradients" expected one of "sum", "mean"');
  expect(wrong({ perChannel: 1 })).toThrow('"perChannel" expected a boolean');
  expect(wrong({ seed: -1 })).toThrow(RangeError);
  expect(() => clusterWeights(3 as unknown as Model)).toThrow('"model" expected a Model or a layer, got 3');
  expect(() => clusterWeights(flatten())).toThrow('"layer" expected a layer with a kernel to cluster');
  expect(() => clusterWeights(dense({ units: 3 }), { clusters: { dense: 3 } })).toThrow(
    /an integer, of a single layer/,
  );
  expect(() => stripClustering({} as Model)).toThrow('"model" expected a Model');
  expect(() => distinctValues({} as Model)).toThrow('"model" expected a Model');
});

test("clusterWeights, prune, gate: an order that would undo what was done is refused, and says why", async () => {
  const clustered = clusterWeights(various());
  const masked = (message: string) => expect.objectContaining({ code: "masked", message });
  expect(() => clusterWeights(clustered)).toThrow(masked('layer "conv" is clustered already: bake the model first'));
  expect(() => prune(clustered)).toThrow(
    masked('layer "conv" is clustered already, and pruning goes before that: bake the model first'),
  );
  expect(() => gate(clustered)).toThrow(
    masked('layer "conv" is clustered already, and gating goes before that: bake the model first'),
  );
  expect(() => sequential([clusterWeights(pruneLowMagnitude(dense({ units: 4, inputShape: [3] })))])).toThrow(
    /is clustered already, and pruning goes before that/,
  );
  const small = await quantizeDynamic(various());
  expect(() => clusterWeights(small)).toThrow(expect.objectContaining({ code: "quantized" }));
  prune(clustered.bake());
});

test("clusterWeights prints as ops on the weights' edges", () => {
  const text = printGraph(clusterWeights(pruneOnce(various(), 0.5), { clusters: 4, layers: ["out"] }).graph);
  expect(text).toContain("state out/kernel/centroids: f32[3]");
  expect(text).toMatch(/= sparseCodebook\(%\d+, out\/kernel\/centroids\) mean=false/);
});

describe("toFloat16", () => {
  test("rounds all weights, and files need half the bytes", async () => {
    const model = sequential([dense({ units: 30, inputShape: [40], name: "d" })], { seed: 2 });
    const half = toFloat16(model);
    expect(half.report.rows.at(-1)!.step).toBe("toFloat16");
    expect(half.toBytes().length).toBeLessThan(2 * 1230 + 60);
    expect((await loadModel(half.toBytes())).getWeights()).toEqual(half.getWeights());
    const [a, b] = [model, half].map(m => m.getWeights()["d/kernel"]!.data);
    a!.forEach((w, i) => expect(Math.abs(w - b![i]!)).toBeLessThanOrEqual(Math.abs(w) * 2 ** -11 + 2 ** -25));
  });

  test("of a clustered, pruned model keeps zeros and values", () => {
    const clustered = clusterWeights(pruneOnce(various(), 0.5), { clusters: 4 });
    const half = toFloat16(clustered);
    expect(valuesOf(half)["out/kernel"]).toBe(4);
    expect(half.graph.leaves.some(v => v.name.endsWith("/centroids"))).toBe(false);
  });

  test("refuses numbers that float16 does not have, options and integers", async () => {
    const model = sequential([dense({ units: 1, inputShape: [1], name: "d" })]);
    model.setWeights({ "d/kernel": [1e5] });
    expect(() => toFloat16(model)).toThrow('"d/kernel" has numbers beyond 65504');
    expect(() => toFloat16(model, { bits: 8 } as object)).toThrow('"toFloat16" has no option "bits"');
    expect(() => toFloat16({} as Model)).toThrow(TypeError);
  });
});
