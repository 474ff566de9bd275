/** Layers that are made of several ops: names, layouts of weights, files, pruning, and options that are refused. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { pruneLowMagnitude, sparsity } from "../../src/compress/index.ts";
import { constantSparsity } from "../../src/compress/schedules.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  averagePool1d,
  conv1d,
  conv2dTranspose,
  dense,
  flatten,
  globalMaxPool2d,
  type Layer,
  layerNormalization,
  loadModel,
  type Model,
  maxPool1d,
  rescaling,
  reshape,
  separableConv2d,
  sequential,
  upSampling2d,
} from "../../src/model/index.ts";
import { noise } from "../kernels/harness.ts";

const sequences = () =>
  sequential(
    [
      rescaling({ scale: 0.5, offset: 1, inputShape: [12, 3] }),
      conv1d({ filters: 4, kernelSize: 3, padding: "same", activation: "relu" }),
      maxPool1d(),
      layerNormalization(),
      conv1d({ filters: 5, kernelSize: 2 }),
      averagePool1d(),
      flatten(),
      dense({ units: 3 }),
    ],
    { seed: 4 },
  );

const images = () =>
  sequential(
    [
      separableConv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2] }),
      conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, padding: "same" }),
      upSampling2d({ interpolation: "bilinear" }),
      layerNormalization({ axis: [-2, -1], center: false }),
      globalMaxPool2d(),
      dense({ units: 3 }),
    ],
    { seed: 4 },
  );

const shapesOf = (model: Model) =>
  Object.fromEntries(Object.entries(model.getWeights()).map(([name, { shape }]) => [name, shape]));

function rows(model: Model, count: number): Dataset {
  const random = new Random(5);
  return new Dataset({
    images: Float32Array.from({ length: count * size(model.inputShape) }, () => random.normal()),
    shape: model.inputShape,
    labels: Array.from({ length: count }, () => random.integer(3)),
  });
}

describe("Model.getWeights", () => {
  test("has names and layouts of Keras", () => {
    expect(shapesOf(sequences())).toEqual({
      "conv1d/kernel": [3, 3, 4],
      "conv1d/bias": [4],
      "layerNormalization/gamma": [4],
      "layerNormalization/beta": [4],
      "conv1d_1/kernel": [2, 4, 5],
      "conv1d_1/bias": [5],
      "dense/kernel": [10, 3],
      "dense/bias": [3],
    });
    expect(shapesOf(images())).toEqual({
      "separableConv2d/depthwise_kernel": [3, 3, 2, 1],
      "separableConv2d/pointwise_kernel": [1, 1, 2, 4],
      "separableConv2d/bias": [4],
      "conv2dTranspose/kernel": [3, 3, 3, 4],
      "conv2dTranspose/bias": [3],
      "layerNormalization/gamma": [16, 3],
      "dense/kernel": [3, 3],
      "dense/bias": [3],
    });
  });

  test("returns the values of setWeights, in a clone and in a pruned model too", () => {
    for (const made of [sequences(), images()])
      for (const of of [made, made.clone(), pruneLowMagnitude(made)]) {
        const given = Object.fromEntries(
          Object.entries(of.getWeights()).map(([name, { shape }], i) => [
            name,
            { shape, data: noise(size(shape), i + 1) },
          ]),
        );
        of.setWeights(given);
        expect(of.getWeights()).toEqual(given);
      }
  });
});

test("Model.summary shows each layer as one", () => {
  const lines = sequences().summary().split("\n");
  const first = lines.findIndex(line => line.startsWith("rescaling"));
  expect(lines.slice(first, first + 8).map(line => line.split(/ {2,}/).slice(0, 3))).toEqual([
    ["rescaling (rescaling)", "(batch, 12, 3)", "0"],
    ["conv1d (reshape + conv2d + reshape + relu)", "(batch, 12, 4)", "40"],
    ["maxPool1d (reshape + maxPool2d + reshape)", "(batch, 6, 4)", "0"],
    ["layerNormalization (layerNormalization)", "(batch, 6, 4)", "8"],
    ["conv1d_1 (reshape + conv2d + reshape)", "(batch, 5, 5)", "45"],
    ["averagePool1d (reshape + averagePool2d + reshape)", "(batch, 2, 5)", "0"],
    ["flatten (reshape)", "(batch, 10)", "0"],
    ["dense (dense)", "(batch, 3)", "33"],
  ]);
});

test.each([
  ["sequences", sequences],
  ["images", images],
] as const)("loadModel reads a file of %s: names, answers and training are those of the model", async (_, make) => {
  const made = make();
  const data = rows(made, 24);
  const again = await loadModel(made.toBytes());
  expect(Object.keys(again.getWeights())).toEqual(Object.keys(made.getWeights()));
  expect(await again.predict(data)).toEqual(await made.predict(data));
  const options = { epochs: 2, batchSize: 8, seed: 1 };
  expect((await again.fit(data, options)).history.loss).toEqual((await made.fit(data, options)).history.loss);
  expect(await again.predict(data)).toEqual(await made.predict(data));
  expect(again.toBytes()).toEqual(made.toBytes());
});

test("conv2dTranspose with dilationRate 2 is one with zeros between the taps of its kernel", async () => {
  const geometry = { filters: 2, strides: [2, 3], padding: "same" } as const;
  const dilated = sequential([
    conv2dTranspose({ ...geometry, kernelSize: [2, 3], dilationRate: 2, inputShape: [4, 3, 2] }),
  ]);
  const wide = sequential([conv2dTranspose({ ...geometry, kernelSize: [3, 5], inputShape: [4, 3, 2] })]);
  const { data } = dilated.getWeights()["conv2dTranspose/kernel"]!;
  const spread = new Float32Array(3 * 5 * 4);
  for (let y = 0; y < 2; y++)
    for (let x = 0; x < 3; x++)
      spread.set(data.subarray((y * 3 + x) * 4, (y * 3 + x + 1) * 4), (2 * y * 5 + 2 * x) * 4);
  wide.setWeights({ "conv2dTranspose/kernel": spread });
  const x = noise(24, 3);
  const [got, expected] = [await dilated.predict(x), await wide.predict(x)];
  expect(dilated.outputShape).toEqual([8, 9, 2]);
  expect(got.length).toBe(expected.length);
  got.forEach((v, i) => {
    expect(v).toBeCloseTo(expected[i]!, 5);
  });
});

describe("pruneLowMagnitude", () => {
  const schedule = constantSparsity({ targetSparsity: 0.5, frequency: 2 });
  const masked = (model: Model) =>
    sparsity(model)
      .tensors.filter(t => t.masked)
      .map(t => [t.name, t.sparsity]);

  test.each<[string, Layer, string]>([
    ["conv1d", conv1d({ filters: 4, kernelSize: 2 }), "kernel"],
    ["separableConv2d", separableConv2d({ filters: 4, kernelSize: 2 }), "pointwise_kernel"],
    ["conv2dTranspose", conv2dTranspose({ filters: 2, kernelSize: 2 }), "kernel"],
  ])("of a %s masks its kernel, as of a model with it", async (kind, layer, kernel) => {
    const shape = kind === "conv1d" ? [8, 4] : [4, 2, 4];
    const around = (inner: Layer) =>
      sequential([reshape({ targetShape: shape, inputShape: [32] }), inner, flatten(), dense({ units: 3 })]);
    const pruned = around(pruneLowMagnitude(layer, { schedule }));
    await pruned.fit(rows(pruned, 24), { batchSize: 8 });
    expect(masked(pruned)).toEqual([[`${kind}/${kernel}`, 0.5]]);
    const whole = pruneLowMagnitude(around(layer), { layers: [kind], schedule });
    await whole.fit(rows(whole, 24), { batchSize: 8 });
    expect(whole.getWeights()).toEqual(pruned.getWeights());
  });
});

describe("sequential: refused options", () => {
  const inputShape = [4, 4, 2];
  test.each<[string, () => unknown, string]>([
    ["padding of conv1d", () => conv1d({ filters: 1, kernelSize: 1, padding: "full" as never }), '"padding" expected'],
    ["groups of conv1d", () => sequential([conv1d({ filters: 2, kernelSize: 1, groups: 2, inputShape: [4, 3] })]), "3"],
    ["images for conv1d", () => sequential([conv1d({ filters: 2, kernelSize: 1, inputShape })]), "length x channels"],
    [
      "outputPadding of conv2dTranspose",
      () => conv2dTranspose({ filters: 1, kernelSize: 3, strides: 2, outputPadding: 2 }),
      '"outputPadding" expected numbers below the strides 2x2, got 2',
    ],
    [
      "outputPadding that no convolution leads back from",
      () =>
        sequential([
          conv2dTranspose({
            filters: 1,
            kernelSize: 2,
            strides: 2,
            padding: "same",
            outputPadding: 0,
            inputShape,
          }),
        ]),
      '"outputPadding" expected numbers that give an output of which strides 2x2 make 4x4 again, got 0',
    ],
    ["axis of layerNormalization", () => sequential([layerNormalization({ axis: 1, inputShape })]), '"axis" expected'],
    ["no axis of layerNormalization", () => sequential([layerNormalization({ axis: [], inputShape })]), '"axis"'],
    ["interpolation", () => upSampling2d({ interpolation: "bicubic" as never }), '"interpolation" expected'],
    ["scale", () => rescaling({} as never), '"scale" expected'],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
  });
});
