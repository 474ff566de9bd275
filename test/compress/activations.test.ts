/** Activations with bounds from data or from training, and activations in place of others. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import {
  type ActivationEffect,
  type ClipActivationsOptions,
  clipActivations,
  type SwapActivationOptions,
  swapActivation,
} from "../../src/compress/activations.ts";
import { Histogram } from "../../src/compress/percentiles.ts";
import { quantizeStatic } from "../../src/compress/quantize.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { verify } from "../../src/graph/verify.ts";
import * as layers from "../../src/model/index.ts";
import { loadModel, type Model } from "../../src/model/index.ts";
import { lenet5 } from "../../src/models/index.ts";
import { noise } from "../kernels/harness.ts";

function dataFor(model: Model, rows: number, labelled = true): Dataset {
  const random = new Random(5);
  const shape = [...model.inputShape];
  const images = Float32Array.from({ length: rows * size(shape) }, () => random.normal());
  const classes = size(model.outputShape);
  return new Dataset({
    images,
    shape,
    ...(labelled && { labels: Array.from({ length: rows }, () => random.integer(classes)) }),
  });
}

/** One neuron that gives its input, rectified, and reads it again. */
function through(activation: layers.Activation): Model {
  const model = layers.sequential([
    layers.dense({ units: 1, activation, inputShape: [1] }),
    layers.dense({ units: 1 }),
  ]);
  for (const name of ["dense/kernel", "dense_1/kernel"]) model.graph.leafOf(name)!.data = Float32Array.of(1);
  return model;
}
/** 0.01 .. 10.00, and the same below zero. */
const steps = () => {
  const images = Float32Array.from({ length: 2000 }, (_, i) => (i < 1000 ? (i + 1) / 100 : (999 - i) / 100));
  return new Dataset({ images, shape: [1] });
};
const answer = async (model: Model, x: number) => (await model.predict(Float32Array.of(x)))[0]!;
const opsOf = (model: Model) => model.graph.nodes.map(n => n.op.name);
const effectsOf = (model: Model) => model.report.rows.at(-1)!.options!.effect as ActivationEffect[];

describe("Histogram", () => {
  test("gives percentiles that are exact to a bin, and what lies above a bound", () => {
    const numbers = noise(5000, 3);
    const range = { min: Math.min(...numbers), max: Math.max(...numbers) };
    const histogram = new Histogram(range);
    for (const v of numbers) histogram.add(v);
    const sorted = numbers.slice().sort();
    for (const p of [1, 10, 50, 99, 99.9]) {
      const exact = sorted[Math.ceil((p / 100) * 5000) - 1]!;
      expect(Math.abs(histogram.percentile(p) - exact)).toBeLessThan((range.max - range.min) / 4096);
      expect(Math.abs(histogram.above(exact) - (1 - p / 100))).toBeLessThan(0.003);
    }
    expect(histogram.percentile(100)).toBe(range.max);
    const constant = new Histogram({ min: 2, max: 2 });
    constant.add(2);
    expect([constant.percentile(50), constant.percentile(100), constant.above(2)]).toEqual([2, 2, 0]);
  });
});

describe("clipActivations", () => {
  test("bounds a ReLU by the percentile of its numbers", async () => {
    const model = through("relu");
    const clipped = await clipActivations(model, { data: steps(), percentile: 90 });
    // 80 % of the upper half, which is half of all
    expect(await answer(clipped, 100)).toBeCloseTo(8, 2);
    expect(await answer(clipped, 5)).toBe(5);
    expect(await answer(clipped, -5)).toBe(0);
    expect(opsOf(clipped)).toEqual(["dense", "clip", "dense"]);
    expect(await answer(model, 100)).toBe(100);
    expect(effectsOf(clipped)).toMatchObject([{ layer: "dense", from: "relu", to: "clipped", before: [0, 10] }]);
    expect(effectsOf(clipped)[0]!.after[1]).toBeCloseTo(8, 2);
    expect(effectsOf(clipped)[0]!.clipped).toBeCloseTo(0.1, 2);
    const lower = await clipActivations(clipped, { data: steps(), percentile: 75 });
    expect(await answer(lower, 100)).toBeCloseTo(5, 2);
  });

  test("bounds others on both sides, by an op behind them", async () => {
    const clipped = await clipActivations(through("leakyRelu"), { data: steps(), percentile: 90 });
    expect(opsOf(clipped)).toEqual(["dense", "leakyRelu", "clip", "dense"]);
    expect(await answer(clipped, 100)).toBeCloseTo(8, 1);
    expect(await answer(clipped, -100)).toBeCloseTo(-1.6, 1);
    expect(await answer(clipped, -1)).toBeCloseTo(-0.2, 5);
  });

  test("leaves activations of results, and what is 0 over all data", async () => {
    const model = layers.sequential([
      layers.dense({ units: 2, activation: "relu", inputShape: [2] }),
      layers.dense({ units: 2, activation: "relu" }),
    ]);
    model.graph.leafOf("dense/kernel")!.data = new Float32Array(4);
    const clipped = await clipActivations(model, { data: dataFor(model, 8) });
    expect(opsOf(clipped)).toEqual(["dense", "relu", "dense", "relu"]);
    expect(effectsOf(clipped)).toMatchObject([{ layer: "dense", from: "relu", to: "relu", after: [0, 0] }]);
  });

  test("learns bounds (PACT): they train, are penalized, saved, and are numbers in int8", async () => {
    const model = lenet5({ seed: 1 });
    const data = dataFor(model, 40);
    const learned = await clipActivations(model, { data, percentile: 99, learned: true, l2: 0.01 });
    verify(learned.graph);
    const bounds = learned.graph.leaves.filter(v => v.name.endsWith("/bound"));
    expect(bounds.map(v => v.name)).toEqual(["conv2d/bound", "conv2d_1/bound", "dense/bound", "dense_1/bound"]);
    expect([...learned.regularizers.keys()]).toEqual(bounds.map(v => v.name));
    const before = bounds.map(v => v.data![0]!);
    await learned.fit(data, { epochs: 2, batchSize: 8 });
    bounds.forEach((v, k) => {
      expect(v.data![0]).not.toBe(before[k]);
      expect(v.data![0]).toBeGreaterThan(0);
    });
    const x = noise(784);
    expect([...(await (await loadModel(learned.toBytes())).predict(x))]).toEqual([...(await learned.predict(x))]);
    const integers = await quantizeStatic(learned, { calibration: data });
    expect(opsOf(integers)).not.toContain("pact");
    expect(opsOf(integers).filter(op => op === "dequantize")).toHaveLength(1);
    const rows = learned.report.rows.map(row => row.step);
    expect(rows).toEqual(["float", "clipActivations"]);
    const without = await clipActivations(model, { learned: true });
    expect(without.graph.leafOf("dense/bound")!.data).toEqual(Float32Array.of(6));
  });

  test.each([
    [{}, '"data" expected a Dataset, with labels or without, got undefined'],
    [{ learned: 1 }, '"learned" expected a boolean, got 1'],
    [{ percentile: 20, learned: true }, '"percentile" expected finite number > 50 and <= 100, got 20'],
    [
      { learned: true, layers: ["flatten"] },
      '"layers" expected layers with such an activation (conv2d, conv2d_1, dense',
    ],
    [{ learned: true, layers: () => false }, '"layers" expected a choice of at least one of conv2d'],
    [{ bound: 6 }, '"clipActivations" has no option "bound"'],
  ] as [ClipActivationsOptions, string][])("refuses %o", async (options, message) => {
    await expect(clipActivations(lenet5(), options)).rejects.toThrow(message);
  });
});

describe("swapActivation", () => {
  test.each([
    ["relu6", [0, 0, 3, 6]],
    ["leakyRelu", [-2, -0.2, 3, 100]],
    ["relu", [0, 0, 3, 100]],
  ] as const)("puts %s in place of others", async (to, expected) => {
    const from = to === "relu" ? "leakyRelu" : "relu";
    const swapped = await swapActivation(through(from), { to });
    verify(swapped.graph);
    for (const [i, x] of [-10, -1, 3, 100].entries()) expect(await answer(swapped, x)).toBeCloseTo(expected[i]!, 5);
  });

  test("puts clipped ReLUs where the data say, and reports accuracy and ranges", async () => {
    const swapped = await swapActivation(through("leakyRelu"), { to: "clipped", percentile: 90, data: steps() });
    expect(await answer(swapped, 100)).toBeCloseTo(8, 2);
    expect(await answer(swapped, -3)).toBe(0);
    const model = lenet5({ seed: 2 });
    const data = dataFor(model, 20);
    const relu6 = await swapActivation(model, { to: "relu6", layers: ["conv2d"], data });
    expect(opsOf(relu6).filter(op => op === "clip")).toHaveLength(1);
    expect(effectsOf(relu6).map(e => [e.layer, e.from, e.to])).toEqual([["conv2d", "relu", "relu6"]]);
    const { rows } = relu6.report;
    expect(rows.map(row => row.samples)).toEqual([20, 20]);
    expect(rows[0]!.accuracy).toBe((await model.evaluate(data)).accuracy);
  });

  test("swaps what it is told to, prelu among them", async () => {
    const model = layers.sequential([
      layers.dense({ units: 3, activation: "prelu", inputShape: [2] }),
      layers.dense({ units: 3, activation: "tanh" }),
      layers.dense({ units: 2, activation: "softmax" }),
    ]);
    const swapped = await swapActivation(model, { from: ["prelu", "tanh"], to: "leakyRelu", negativeSlope: 0.1 });
    expect(opsOf(swapped)).toEqual(["dense", "leakyRelu", "dense", "leakyRelu", "dense", "softmax"]);
    expect(swapped.graph.leafOf("dense/alpha")).toBeUndefined();
    await expect(swapActivation(model, { to: "relu" })).rejects.toThrow(
      "a model with activations relu6, leakyRelu, clipped",
    );
  });

  test.each([
    [{ to: "elu" }, '"to" expected one of "relu", "relu6", "leakyRelu", "clipped", got "elu"'],
    [{ to: "relu6", from: "softmax" }, '"from" expected one of'],
    [{ to: "clipped" }, '"data" expected a Dataset'],
    [{ to: "relu6", negativeSlope: 0.1 }, '"negativeSlope" expected none but to "leakyRelu"'],
    [{ to: "leakyRelu", percentile: 99 }, '"percentile" expected none but to "clipped"'],
    [{ to: "relu6", bound: 1 }, '"swapActivation" has no option "bound"'],
  ] as unknown as [SwapActivationOptions, string][])("refuses %o", async (options, message) => {
    await expect(swapActivation(lenet5(), options)).rejects.toThrow(message);
  });
});
