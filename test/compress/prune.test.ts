import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import {
  type PruneLowMagnitudeOptions,
  pruneLowMagnitude,
  pruneOnce,
  sparsity,
  stripPruning,
} from "../../src/compress/index.ts";
import { constantSparsity } from "../../src/compress/schedules.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  flatten,
  input,
  type Model,
  model,
  sequential,
} from "../../src/model/index.ts";
import { lenet5 } from "../../src/models/index.ts";

const kinds = () =>
  sequential([
    conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2] }),
    batchNormalization(),
    depthwiseConv2d({ kernelSize: 3 }),
    flatten(),
    dense({ units: 3 }),
  ]);

function noise(rows: number, shape: number[], classes: number): Dataset {
  const random = new Random(5);
  return new Dataset({
    images: Float32Array.from({ length: rows * shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
    labels: Array.from({ length: rows }, () => random.integer(classes)),
  });
}

const zerosOf = (m: Model) => Object.fromEntries(sparsity(m).tensors.map(t => [t.name, t.zeros]));

describe("pruneLowMagnitude", () => {
  test("masks kernels of conv2d and dense, and leaves the model it was given alone", () => {
    const whole = kinds();
    const before = whole.getWeights();
    const pruned = pruneLowMagnitude(whole);
    expect(
      sparsity(pruned)
        .tensors.filter(t => t.masked)
        .map(t => t.name),
    ).toEqual(["conv2d/kernel", "dense/kernel"]);
    expect(whole.getWeights()).toEqual(before);
    expect(sparsity(whole).tensors.some(t => t.masked)).toBe(false);
    expect(pruned.parameters).toBe(whole.parameters);
    for (const made of [pruned, pruned.bake()]) {
      expect(Object.keys(made.getWeights())).toEqual(Object.keys(whole.getWeights()));
      expect(made.layers.map(layer => layer.name)).toEqual(whole.layers.map(layer => layer.name));
    }
  });

  test("prunes while its model is trained; bake keeps every answer to the bit", async () => {
    const pruned = pruneLowMagnitude(kinds(), { schedule: constantSparsity({ targetSparsity: 0.75, frequency: 2 }) });
    const data = noise(48, [6, 6, 2], 3);
    expect(sparsity(pruned).zeros).toBe(0);
    await pruned.fit(data, { batchSize: 8, epochs: 2 });
    expect(zerosOf(pruned)).toEqual({ "conv2d/kernel": 54, "depthwiseConv2d/kernel": 0, "dense/kernel": 36 });
    const baked = stripPruning(pruned);
    expect(zerosOf(baked)).toEqual(zerosOf(pruned));
    expect(sparsity(baked).tensors.some(t => t.masked)).toBe(false);
    const x = noise(5, [6, 6, 2], 3).images as Float32Array;
    expect(await baked.predict(x)).toEqual(await pruned.predict(x));
  });

  test("may be applied again to other layers, each with a schedule of its own", async () => {
    const first = pruneLowMagnitude(kinds(), {
      layers: ["conv2d"],
      schedule: constantSparsity({ targetSparsity: 0.25, frequency: 2 }),
    });
    const both = pruneLowMagnitude(first, {
      layers: ["dense"],
      schedule: step => ({ prune: step === 3, sparsity: 0.5 }),
    });
    await both.fit(noise(48, [6, 6, 2], 3), { batchSize: 8 });
    expect(zerosOf(both)).toMatchObject({ "conv2d/kernel": 18, "dense/kernel": 24 });
    expect(zerosOf(first)).toMatchObject({ "conv2d/kernel": 0 });
    expect(() => pruneLowMagnitude(both, { layers: ["dense"] })).toThrow('layer "dense" has a mask already');
  });

  test("prunes in a loop of single steps too", async () => {
    const pruned = pruneLowMagnitude(kinds(), { schedule: constantSparsity({ targetSparsity: 0.5, frequency: 3 }) });
    const zeros: number[] = [];
    for (const { x, y } of noise(48, [6, 6, 2], 3).batch(8)) {
      await pruned.trainStep(x, y, { steps: 6 });
      zeros.push(sparsity(pruned).tensors.find(t => t.name === "dense/kernel")!.zeros);
    }
    expect(zeros).toEqual([0, 0, 24, 24, 24, 24]);
  });

  test("of a layer makes a layer, pruned by its own schedule", async () => {
    const hidden = pruneLowMagnitude(dense({ units: 4, name: "hidden" }), {
      schedule: constantSparsity({ targetSparsity: 0.75, frequency: 2 }),
    });
    const out = pruneLowMagnitude(dense({ units: 3, activation: "relu" }), {
      schedule: constantSparsity({ targetSparsity: 0.5, frequency: 2 }),
    });
    const x = input({ shape: [4] });
    const pruned = model({ inputs: x, outputs: out(hidden(hidden(x))) });
    const { history } = await pruned.fit(noise(48, [4], 3), { batchSize: 8 });
    expect(zerosOf(pruned)).toEqual({ "hidden/kernel": 12, "dense/kernel": 6 });
    expect(history.sparsity).toEqual([18 / 28]);
    expect(() => pruneLowMagnitude(flatten())).toThrow(
      '"layer" expected a layer with a kernel to prune, such as conv2d or dense, got "flatten"',
    );
    expect(() => pruneLowMagnitude(dense({ units: 1 }), { layers: ["dense"] } as never)).toThrow('no option "layers"');
  });

  test("gives a layer that is used twice a single mask", async () => {
    const x = input({ shape: [4] });
    const twice = dense({ units: 4, name: "twice" });
    const shared = model({ inputs: x, outputs: dense({ units: 2 })(twice(twice(x))) });
    const pruned = pruneOnce(shared, { sparsity: 0.5, layers: ["twice"] });
    expect(pruned.graph.nodes.filter(n => n.op.name === "mask")).toHaveLength(1);
    const data = Float32Array.of(1, -2, 3, -4);
    expect(await pruned.bake().predict(data)).toEqual(await pruned.predict(data));
  });

  test("refuses models and options that do not fit", () => {
    const refused = (options: PruneLowMagnitudeOptions) => expect(() => pruneLowMagnitude(kinds(), options));
    refused({ blockSize: [1, 0] }).toThrow('"blockSize[1]" expected integer >= 1, got 0');
    refused({ blockSize: 4 as never }).toThrow('"blockSize" expected [rows, columns], got 4');
    refused({ blockPoolingType: "mean" as never }).toThrow('"blockPoolingType" expected one of "AVG", "MAX"');
    refused({ sparsityMByN: [4, 4] }).toThrow('"sparsityMByN" expected [m, n] with m < n, got [4, 4]');
    refused({ sparsityMByN: [2, 4], blockSize: [1, 4] }).toThrow('"sparsityMByN" expected nothing beside a blockSize');
    expect(() => pruneLowMagnitude(kinds(), { schedul: 1 } as never)).toThrow('no option "schedul"');
    expect(() => pruneLowMagnitude({} as never)).toThrow('"model" expected a Model or a layer, got Object');
    expect(() => pruneLowMagnitude(kinds(), { layers: ["depthwiseConv2d"] })).toThrow("conv2d, dense");
  });
});

describe("pruneOnce", () => {
  test("to a sparsity", () => {
    const pruned = pruneOnce(lenet5({ seed: 1 }), 0.8);
    expect(sparsity(pruned)).toMatchObject({ weights: 44190, zeros: 35352, sparsity: 0.8 });
    expect(sparsity(pruned).tensors.map(t => t.sparsity)).toEqual([0.8, 0.8, 0.8, 0.8, 0.8]);
  });

  test("makes the file smaller, with masks on or off", () => {
    const pruned = pruneOnce(lenet5({ seed: 1 }), 0.8);
    expect(pruned.bake().toBytes().length / lenet5().toBytes().length).toBeLessThan(0.25);
    expect(pruned.toBytes()).toEqual(pruned.bake().toBytes());
  });

  test("by a threshold", () => {
    const pruned = pruneOnce(lenet5({ seed: 1 }), { threshold: 0.05, layers: ["dense_1"] });
    const { data } = pruned.getWeights()["dense_1/kernel"]!;
    expect(data.filter(w => w !== 0).every(w => Math.abs(w) >= 0.05)).toBe(true);
    expect(data.filter(w => w === 0).length).toBeGreaterThan(1000);
    expect(zerosOf(pruned)["dense/kernel"]).toBe(0);
  });

  test("keeps its zeros in later training", async () => {
    const pruned = pruneOnce(kinds(), 0.5);
    const before = zerosOf(pruned);
    await pruned.fit(noise(48, [6, 6, 2], 3), { batchSize: 8 });
    expect(zerosOf(pruned)).toEqual(before);
  });

  test("refuses neither or both", () => {
    expect(() => pruneOnce(kinds(), {})).toThrow("either a sparsity or a threshold");
    expect(() => pruneOnce(kinds(), { sparsity: 0.5, threshold: 1 })).toThrow("either a sparsity or a threshold");
    expect(() => pruneOnce(kinds(), 1)).toThrow('"sparsity" expected finite number >= 0 and < 1, got 1');
  });
});
