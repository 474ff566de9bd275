import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { quantizeDynamic, quantizeStatic } from "../../src/compress/quantize.ts";
import { read } from "../../src/container/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { verify } from "../../src/graph/verify.ts";
import * as L from "../../src/model/index.ts";
import { Net } from "../../src/run/net.ts";
import { evaluated } from "../ops/planned.ts";

const SHAPE = [8, 8, 3];

const data = (rows: number): Dataset => {
  const random = new Random(4);
  const images = Float32Array.from({ length: rows * size(SHAPE) }, () => random.normal());
  return new Dataset({ images, shape: SHAPE, labels: new Uint8Array(rows) });
};

/** conv2d, the layer, flatten, dense: the layer under test is between integers. */
function around(between: (x: L.SymbolicTensor) => L.SymbolicTensor): L.Model {
  const inputs = L.input({ shape: SHAPE });
  const x = L.conv2d({ filters: 4, kernelSize: 3 })(inputs);
  return L.model({ inputs, outputs: L.dense({ units: 5 })(L.flatten()(between(x))), seed: 2 });
}

const activations = [
  "linear",
  "relu",
  "relu6",
  "leakyRelu",
  "elu",
  "sigmoid",
  "tanh",
  "hardSigmoid",
  "hardSwish",
  "gelu",
  "silu",
  "softmax",
  "logSoftmax",
  "prelu",
] as const;

const layers: Record<string, (x: L.SymbolicTensor) => L.SymbolicTensor> = {
  ...Object.fromEntries(
    activations.map(a => [`activation ${a}`, (x: L.SymbolicTensor) => L.activation(a as never)(x)]),
  ),
  depthwiseConv2d: L.depthwiseConv2d({ kernelSize: 3, padding: "same" }),
  "depthwiseConv2d x2": L.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
  "conv2d strided, same": L.conv2d({ filters: 5, kernelSize: 3, strides: 2, padding: "same", activation: "relu" }),
  batchNormalization: L.batchNormalization(),
  "batchNormalization behind relu": x => L.batchNormalization()(L.activation("relu")(x)),
  maxPool2d: L.maxPool2d(),
  averagePool2d: L.averagePool2d(),
  globalAveragePool2d: L.globalAveragePool2d(),
  zeroPadding2d: L.zeroPadding2d(),
  dropout: L.dropout(0.5),
  add: x => L.add()(x, L.conv2d({ filters: 4, kernelSize: 3, padding: "same" })(x)),
  subtract: x => L.subtract()(x, L.conv2d({ filters: 4, kernelSize: 3, padding: "same" })(x)),
  multiply: x => L.multiply()(x, L.conv2d({ filters: 4, kernelSize: 3, padding: "same" })(x)),
  concatenate: x => L.concatenate()(x, L.conv2d({ filters: 2, kernelSize: 3, padding: "same" })(x)),
  layerNormalization: L.layerNormalization({ axis: [-2, -1] }),
};

const sequences = L.reshape({ targetShape: [-1, 4] });
const images = L.reshape({ targetShape: [6, 6, 4] });

/** Layers that are integer from end to end. */
const whole: Record<string, (x: L.SymbolicTensor) => L.SymbolicTensor> = {
  conv1d: x => L.conv1d({ filters: 4, kernelSize: 3, padding: "same" })(sequences(x)),
  "conv1d strided, causal": x => L.conv1d({ filters: 3, kernelSize: 3, strides: 2, padding: "causal" })(sequences(x)),
  maxPool1d: x => images(L.maxPool1d({ poolSize: 3, strides: 1, padding: "same" })(sequences(x))),
  averagePool1d: x => L.averagePool1d()(sequences(x)),
  globalMaxPool1d: x => L.globalMaxPool1d()(sequences(x)),
  globalAveragePool1d: x => L.globalAveragePool1d()(sequences(x)),
  globalMaxPool2d: L.globalMaxPool2d(),
  separableConv2d: L.separableConv2d({ filters: 5, kernelSize: 3, depthMultiplier: 2, padding: "same" }),
  conv2dTranspose: L.conv2dTranspose({ filters: 3, kernelSize: 3 }),
  "conv2dTranspose strided": L.conv2dTranspose({ filters: 3, kernelSize: 3, strides: [2, 3], padding: "same" }),
  "conv2dTranspose, wide strides": L.conv2dTranspose({ filters: 2, kernelSize: 1, strides: 2, outputPadding: 0 }),
  "upSampling2d nearest": L.upSampling2d({ size: [2, 3] }),
  "upSampling2d bilinear": L.upSampling2d({ size: [2, 3], interpolation: "bilinear" }),
  rescaling: L.rescaling({ scale: 2, offset: -0.5 }),
  "multiply, broadcast": x => L.multiply()(x, L.globalMaxPool2d()(x)),
  average: x => L.average()(x, L.conv2d({ filters: 4, kernelSize: 3, padding: "same" })(x)),
  maximum: x => L.maximum()(x, L.conv2d({ filters: 4, kernelSize: 3, padding: "same" })(x)),
  minimum: x => L.minimum()(x, L.conv2d({ filters: 4, kernelSize: 3, padding: "same" })(x)),
};

/** True if there are float ops only at the borders. Integers are the same to the bit, floats but for rounding. */
const integers = (graph: Graph): boolean =>
  graph.nodes.every(({ op, outputs }) => op.name === "dequantize" || outputs[0]!.type.dtype === "i8") &&
  graph.nodes.filter(({ op }) => op.name === "quantize").length === 1;

describe("quantizeStatic of every layer between integers", () => {
  test.each(Object.entries({ ...layers, ...whole }))("%s", async (name, between) => {
    const made = around(between);
    const rows = data(48);
    const float = await made.predict(rows);
    const integral = await quantizeStatic(made, { calibration: rows });
    if (name in whole) expect(integers(integral.graph)).toBe(true);
    for (const quantized of [integral, await quantizeDynamic(made)]) {
      verify(quantized.graph);
      const answers = await quantized.predict(rows);
      const top = float.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const distance = float.reduce((sum, v, i) => sum + Math.abs(v - answers[i]!), 0) / float.length / top;
      expect(distance).toBeLessThan(0.03);
      const input = quantized.graph.leaves.find(v => v.leaf === "input")!;
      const [specified] = evaluated(quantized.graph, { [input.name]: rows.images }, rows.length);
      if (integers(quantized.graph)) expect(answers).toEqual(Float32Array.from(specified!.data));
      const loaded = await Net.create(read(quantized.toBytes()).graph);
      expect(loaded.predict(rows.images as Float32Array)).toEqual(answers);
    }
  });
});
