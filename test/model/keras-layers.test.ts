/** Every layer against Keras: outputs, gradients for inputs and weights, moving statistics, by the planned kernels. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import {
  type Activation,
  activation,
  add,
  average,
  averagePool1d,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv1d,
  conv2d,
  conv2dTranspose,
  dense,
  depthwiseConv2d,
  elu,
  flatten,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  input,
  type Layer,
  layerNormalization,
  leakyReLU,
  type Model,
  maximum,
  maxPool1d,
  maxPool2d,
  minimum,
  model,
  type Padding,
  type Padding1d,
  prelu,
  relu,
  rescaling,
  separableConv2d,
  softmax,
  upSampling2d,
  zeroPadding2d,
} from "../../src/model/index.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { trainingForm } from "../../src/passes/training.ts";
import { evaluated, expectClose, type Feed, planned, withGradients } from "../ops/planned.ts";

interface Numbers {
  shape: Shape;
  data: number[];
}

interface Case {
  layer: string;
  config: Record<string, never>;
  training: boolean;
  inputs: Numbers[];
  weights: Record<string, Numbers>;
  output: Numbers;
  upstream: Numbers;
  inputGradients: Numbers[];
  weightGradients: Record<string, Numbers>;
  after: Record<string, Numbers>;
}

const cases: Record<string, Case> = JSON.parse(readFileSync("test/vectors/keras/layers.json", "utf8"));

/** snake_case -> camelCase, and the one function with another name in Keras. */
const activationName = (name: string): Activation =>
  (name === "hard_silu" ? "hardSwish" : name.replace(/_(.)/g, (_, c: string) => c.toUpperCase())) as Activation;

type Config = Record<string, unknown>;
type Two = [number, number];

const window = (c: Config) => ({ strides: c.strides as Two, padding: c.padding as Padding });
const convolution = (c: Config) => ({
  ...window(c),
  kernelSize: c.kernel_size as Two,
  dilationRate: c.dilation_rate as Two,
  activation: activationName(c.activation as string),
  useBias: c.use_bias as boolean,
});

/** Keras' configuration has lists of one number along sequences. */
const single = (of: unknown): number => (of as [number])[0];

const along = (c: Config) => ({
  poolSize: single(c.pool_size),
  strides: single(c.strides),
  padding: c.padding as "valid" | "same",
});

const normalization = (c: Config) => ({
  epsilon: c.epsilon as number,
  center: c.center as boolean,
  scale: c.scale as boolean,
});

/** Keras' class -> our layer. */
const LAYERS: Record<string, (c: Config) => Layer> = {
  Conv1D: c =>
    conv1d({
      filters: c.filters as number,
      kernelSize: single(c.kernel_size),
      strides: single(c.strides),
      padding: c.padding as Padding1d,
      dilationRate: single(c.dilation_rate),
      groups: c.groups as number,
      activation: activationName(c.activation as string),
      useBias: c.use_bias as boolean,
    }),
  SeparableConv2D: c =>
    separableConv2d({
      ...convolution(c),
      filters: c.filters as number,
      depthMultiplier: c.depth_multiplier as number,
    }),
  Conv2DTranspose: c =>
    conv2dTranspose({
      ...convolution(c),
      padding: c.padding as "valid" | "same",
      filters: c.filters as number,
      ...(c.output_padding !== null && { outputPadding: c.output_padding as Two }),
    }),
  MaxPooling1D: c => maxPool1d(along(c)),
  AveragePooling1D: c => averagePool1d(along(c)),
  GlobalMaxPooling1D: () => globalMaxPool1d(),
  GlobalAveragePooling1D: () => globalAveragePool1d(),
  GlobalMaxPooling2D: () => globalMaxPool2d(),
  UpSampling2D: c => upSampling2d({ size: c.size as Two, interpolation: c.interpolation as "nearest" | "bilinear" }),
  LayerNormalization: c => layerNormalization({ ...normalization(c), axis: c.axis as number[] }),
  Rescaling: c => rescaling({ scale: c.scale as number, offset: c.offset as number }),
  Maximum: () => maximum(),
  Minimum: () => minimum(),
  Average: () => average(),
  Conv2D: c => conv2d({ ...convolution(c), filters: c.filters as number, groups: c.groups as number }),
  DepthwiseConv2D: c => depthwiseConv2d({ ...convolution(c), depthMultiplier: c.depth_multiplier as number }),
  Dense: c =>
    dense({
      units: c.units as number,
      activation: activationName(c.activation as string),
      useBias: c.use_bias as boolean,
    }),
  MaxPooling2D: c => maxPool2d({ ...window(c), poolSize: c.pool_size as Two }),
  AveragePooling2D: c => averagePool2d({ ...window(c), poolSize: c.pool_size as Two }),
  GlobalAveragePooling2D: () => globalAveragePool2d(),
  BatchNormalization: c => batchNormalization({ ...normalization(c), momentum: c.momentum as number }),
  ReLU: c =>
    relu({ negativeSlope: c.negative_slope as number, ...("max_value" in c && { maxValue: c.max_value as number }) }),
  LeakyReLU: c => leakyReLU({ negativeSlope: c.negative_slope as number }),
  ELU: c => elu({ alpha: c.alpha as number }),
  PReLU: () => prelu(),
  Activation: c => activation(activationName(c.activation as string)),
  Softmax: () => softmax(),
  Flatten: () => flatten(),
  ZeroPadding2D: c => zeroPadding2d({ padding: c.padding as [Two, Two] }),
  Add: () => add(),
  Concatenate: c => concatenate({ axis: c.axis as number }),
};

/** A model of that one layer, with Keras' weights. */
function modelOf(c: Case): { model: Model; layer: string } {
  const inputs = c.inputs.map(x => input({ shape: x.shape.slice(1) }));
  const made = model({ inputs, outputs: LAYERS[c.layer]!(c.config)(...inputs) });
  const layer = made.layers[0]!.name;
  made.setWeights(Object.fromEntries(Object.entries(c.weights).map(([name, w]) => [`${layer}/${name}`, w])));
  return { model: made, layer };
}

/** Converts a gradient from our layout to Keras'. */
function inKerasLayout(model: Model, name: string, gradient: Float64Array): Float32Array {
  const copy = model.clone();
  copy.graph.leaves.find(v => v.name === name)!.data = Float32Array.from(gradient);
  return copy.getWeights()[name]!.data;
}

/** The form of the graph that runs: as built, or fused. */
const FORMS = ["built", "fused"] as const;

describe.each(Object.entries(cases))("%s", (name, c) => {
  test.each(FORMS)("forward, gradients and statistics are Keras', %s", async form => {
    const { model, layer } = modelOf(c);
    const { graph } = model.graph.copy();
    if (c.training) expect(trainingForm(graph)).toBe(true);
    if (form === "fused") fuse(graph, FORWARD);
    const inputs = graph.leaves.filter(v => v.leaf === "input").map(v => v.name);
    const weights = Object.keys(c.weightGradients).map(weight => `${layer}/${weight}`);
    withGradients(graph, [...inputs, ...weights]);

    const batch = c.output.shape[0]!;
    const feed: Feed = {
      ...Object.fromEntries(inputs.map((name, i) => [name, c.inputs[i]!.data])),
      "upstream 0": c.upstream.data,
    };
    const after = Object.keys(c.after).map(name => `${layer}/${name}`);
    // Keras computed the output and the gradients in two calls, each of which updated the moving averages
    const ran = await planned(graph, feed, { batch, after, runs: 2 });

    const [y, ...gradients] = ran.results;
    expect(y!.shape).toEqual(c.output.shape);
    expectClose(y!.data, c.output.data, "output");
    // of two numbers, the normalized ones are +-1 for any values: the gradient is the difference of nearly equal
    // numbers
    const tolerance = name === "batchnorm_dense_training" ? 1e-3 : 1e-5;
    c.inputGradients.forEach((d, i) => {
      expectClose(gradients[i]!.data, d.data, `gradient of input ${i}`, tolerance);
    });
    Object.entries(c.weightGradients).forEach(([name, d], i) => {
      const got = inKerasLayout(model, `${layer}/${name}`, gradients[inputs.length + i]!.data);
      expectClose(got, d.data, `gradient of ${name}`);
    });
    for (const [name, v] of Object.entries(c.after)) expectClose(ran.after[`${layer}/${name}`]!, v.data, name);

    evaluated(graph, feed, batch).forEach((t, i) => {
      expectClose(ran.results[i]!.data, t.data, `result ${i} beside evaluate`, tolerance);
    });
  });

  test("predict returns the output, and getWeights the weights that were set", async () => {
    const { model, layer } = modelOf(c);
    for (const [name, { shape, data }] of Object.entries(c.weights)) {
      const got = model.getWeights()[`${layer}/${name}`]!;
      expect(got.shape).toEqual(shape);
      expect(got.data).toEqual(Float32Array.from(data));
    }
    expect(model.parameters).toBe(Object.values(c.weights).reduce((sum, w) => sum + size(w.shape), 0));
    if (c.inputs.length > 1 || c.training) return;
    expectClose(await model.predict(Float32Array.from(c.inputs[0]!.data)), c.output.data, "predict");
  });
});

test("Layer: there are 71 cases, of every layer", () => {
  expect(Object.keys(cases).length).toBe(71);
  expect(new Set(Object.values(cases).map(c => c.layer))).toEqual(new Set(Object.keys(LAYERS)));
});
