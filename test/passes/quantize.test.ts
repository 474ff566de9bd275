import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { quantizationOf, quantizeBias, quantizeWeights } from "../../src/passes/quantize.ts";
import { converted, convertedKernels, tensorflowLenet5 } from "../compress/tflite.ts";

describe("TensorFlow's converter", () => {
  const graph = tensorflowLenet5();
  const numbers = (name: string) => graph.leaves.find(v => v.name === name)!.data as Float32Array;
  const inputs = ["input", "conv2d", "conv2d_1", "dense", "dense_1"];

  test.each(converted.layers.map((layer, i) => [layer.name, layer, inputs[i]!] as const))(
    "%s: the same int8 weights, scales and int32 biases to the bit",
    (name, layer, input) => {
      const { data, scale } = quantizeWeights(numbers(`${name}/kernel`), layer.shape[0]!);
      expect(scale).toEqual(Float32Array.from(layer.weightScale));
      expect(data).toEqual(convertedKernels().get(name));
      const bias = quantizeBias(numbers(`${name}/bias`), converted.activations[input]!.scale, scale);
      expect(bias.scale).toEqual(Float32Array.from(layer.biasScale));
      expect([...bias.data]).toEqual(layer.bias);
    },
  );
});

describe("quantizeWeights", () => {
  test("has one scale for each channel, 127 at its greatest magnitude, 0 at 0", () => {
    const random = new Random(8);
    const weights = Float32Array.from({ length: 6 * 11 }, (_, i) => (i % 7 ? random.normal() * (1 + (i % 3)) : 0));
    const { data, scale } = quantizeWeights(weights, 6);
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

  test("gives a channel of zeros the scale 1", () => {
    expect(quantizeWeights(new Float32Array(3), 1)).toEqual({ data: new Int8Array(3), scale: Float32Array.of(1) });
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
    if (min === max) return; // nothing was seen but zero: any scale does
    expect(Math.abs((127 - zeroPoint) * step - Math.max(0, max))).toBeLessThanOrEqual(step / 2 + 1e-6);
    expect(Math.abs((-128 - zeroPoint) * step - Math.min(0, min))).toBeLessThanOrEqual(step / 2 + 1e-6);
  });
});
