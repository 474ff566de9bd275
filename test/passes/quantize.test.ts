import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import type { Value } from "../../src/graph/graph.ts";
import {
  quantizationOf,
  quantizeBias,
  quantizeWeights,
  type Range,
  weightScales,
} from "../../src/passes/quantize/scheme.ts";
import { quantizeStatic } from "../../src/passes/quantize/static.ts";
import { Net } from "../../src/run/net.ts";
import { answers, converted, convertedKernels, tensorflowLenet5 } from "../compress/tflite.ts";
import { digits } from "../data/digits.ts";

describe("quantizeWeights and quantizeBias: TensorFlow's converter", () => {
  const graph = tensorflowLenet5();
  const numbers = (name: string) => graph.leaves.find(v => v.name === name)!.data as Float32Array;
  const inputs = ["input", "conv2d", "conv2d_1", "dense", "dense_1"];

  test.each(converted.layers.map((layer, i) => [layer.name, layer, inputs[i]!] as const))(
    "%s: the same int8 weights, scales and int32 biases to the bit",
    (name, layer, input) => {
      const { scale: from } = converted.activations[input]!;
      const kernel = numbers(`${name}/kernel`);
      const scale = weightScales(kernel, layer.shape[0]!, { input: from, bias: numbers(`${name}/bias`) });
      expect(scale).toEqual(Float32Array.from(layer.weightScale));
      expect(quantizeWeights(kernel, scale)).toEqual(convertedKernels().get(name));
      const bias = quantizeBias(numbers(`${name}/bias`), from, scale);
      expect(bias.scale).toEqual(Float32Array.from(layer.biasScale));
      expect([...bias.data]).toEqual(layer.bias);
    },
  );
});

interface Tiny {
  top: number;
  kernel: number[];
  bias: number[];
  inputScale: number;
  weightScale: number[];
  quantizedKernel: number[];
  quantizedBias: number[];
}

const tiny: Tiny[] = JSON.parse(readFileSync("test/vectors/tflite/tiny-weights.json", "utf8"));

test.each(tiny)("weightScales: raised as by TensorFlow's converter where weights of $top have a bias of 1.5", of => {
  const [kernel, bias] = [Float32Array.from(of.kernel), Float32Array.from(of.bias)];
  const scale = weightScales(kernel, 3, { input: of.inputScale, bias });
  expect(scale).toEqual(Float32Array.from(of.weightScale));
  expect([...quantizeWeights(kernel, scale)]).toEqual(of.quantizedKernel);
  // the converter divides by the scale of the products, rounded to float32, which causes an error of that size
  quantizeBias(bias, of.inputScale, scale).data.forEach((q, c) => {
    const error = Math.abs(q - of.quantizedBias[c]!);
    expect(error).toBeLessThanOrEqual(Math.abs(q) * 2 ** -23);
  });
});

describe("weightScales", () => {
  test("a channel of zeros without a bias has the scale of TensorFlow's empty range", () => {
    expect(weightScales(new Float32Array(3), 1, { input: 0.1 })).toEqual(Float32Array.of(5e-7 / 127));
  });

  test("with so many weights that products fill int32, scales leave room for them and the bias", () => {
    const row = 100_000;
    const weights = new Float32Array(2 * row).fill(0.5);
    const bias = Float32Array.of(1e6, -1e6);
    const scale = weightScales(weights, 2, { input: 0.01, bias });
    const q = quantizeWeights(weights, scale);
    const products = 255 * row * q[0]!;
    const sum = products + quantizeBias(bias, 0.01, scale).data[0]!;
    expect(sum).toBeLessThan(2 ** 31);
    expect(sum).toBeGreaterThan(2 ** 30);
    expect(Math.abs(q[0]! * scale[0]! - 0.5)).toBeLessThan(scale[0]! / 2 + 1e-6);
  });
});

describe("quantizeStatic, against LiteRT", () => {
  /** A range that gives the quantization of the converter. */
  function range(v: Value): Range {
    const name = v.leaf ? "input" : v.node!.op.name === "relu" ? v.node!.inputs[0]!.node!.name : v.node!.name;
    const { scale, zeroPoint } = converted.activations[name]!;
    return { min: (-128 - zeroPoint) * scale, max: (127 - zeroPoint) * scale };
  }

  /** TFLite's int8 softmax of one row of logits: in float, probabilities in steps of 1/256. */
  function softmax(logits: Int8Array, scale: number): number[] {
    const powers = [...logits].map(q => Math.exp((q - Math.max(...logits)) * scale));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map(p => Math.min(127, Math.round((256 * p) / sum) - 128));
  }

  test("gives the same bytes for the first 200 test images", async () => {
    const graph = quantizeStatic(tensorflowLenet5(), { range, int8Borders: true });
    const net = await Net.create(graph);
    const { test: images } = await digits();
    const pixels = Int8Array.from({ length: 200 * 784 }, (_, i) => images.images[i]! - 128);
    const logits = net.run(pixels) as Int8Array;
    const { scale } = converted.activations.dense_2!;
    const ours = Array.from({ length: 200 }, (_, i) => softmax(logits.subarray(10 * i, 10 * i + 10), scale)).flat();
    expect(Int8Array.from(ours)).toEqual(answers());
  });
});

describe("quantizeWeights", () => {
  test("has one scale for each channel, 127 at its greatest magnitude, 0 at 0", () => {
    const random = new Random(8);
    const weights = Float32Array.from({ length: 6 * 11 }, (_, i) => (i % 7 ? random.normal() * (1 + (i % 3)) : 0));
    const scale = weightScales(weights, 6, { input: 0.01 });
    const data = quantizeWeights(weights, scale);
    for (let c = 0; c < 6; c++) {
      const row = data.subarray(c * 11, c * 11 + 11);
      expect(row.reduce((top, q) => Math.max(top, Math.abs(q)), 0)).toBe(127);
      row.forEach((q, i) => {
        const w = weights[c * 11 + i]!;
        expect(Math.abs(q * scale[c]! - w)).toBeLessThanOrEqual(scale[c]! / 2 + 1e-6);
        if (w === 0) expect(q).toBe(0);
      });
    }
  });
});

describe("quantizationOf", () => {
  test.each([
    [0, 1],
    [-1, 1],
    [-0.3, 12],
    [2, 5],
    [-5, -2],
    [0, 0],
  ])("%f .. %f: zero is exact and the ends are within half a step", (min, max) => {
    const { scale, zeroPoint } = quantizationOf({ min, max });
    expect(Number.isInteger(zeroPoint) && zeroPoint >= -128 && zeroPoint <= 127).toBe(true);
    const step = scale[0]!;
    if (min === max) return; // all observed numbers are zero: any scale is right
    expect(Math.abs((127 - zeroPoint) * step - Math.max(0, max))).toBeLessThanOrEqual(step / 2 + 1e-6);
    expect(Math.abs((-128 - zeroPoint) * step - Math.min(0, min))).toBeLessThanOrEqual(step / 2 + 1e-6);
  });
});
