/**
 * Channels whose weights are tiny or zero, with a bias that is not: a frequent bug report to TensorFlow and onnxruntime
 * (tensorflow#33735, onnxruntime#25278).
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { quantizeDynamic, quantizeStatic } from "../../src/compress/quantize.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  globalAveragePool2d,
  type Model,
  relu,
  sequential,
} from "../../src/model/index.ts";

const floats = (n: number, of: (i: number) => number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => of(i));

/** Weights in Keras' order. */
const give = (model: Model, weights: readonly Float32Array[]): void =>
  model.setWeights(weights.map(data => ({ data })));

function images(rows: number, shape: readonly number[], of: (i: number) => number): Dataset {
  const length = rows * shape.reduce((n, s) => n * s, 1);
  return new Dataset({ images: floats(length, of), shape, labels: new Uint8Array(rows) });
}

/** The largest error of each channel, in steps of the output. */
function errors(real: Float32Array, quantized: Float32Array, channels: number): number[] {
  const least = real.reduce((a, b) => Math.min(a, b), 0);
  const most = real.reduce((a, b) => Math.max(a, b), 0);
  const worst = new Array<number>(channels).fill(0);
  real.forEach((v, i) => {
    const c = i % channels;
    worst[c] = Math.max(worst[c]!, (Math.abs(v - quantized[i]!) * 255) / (most - least));
  });
  return worst;
}

describe("quantizeStatic", () => {
  test.each([1, 1e-3, 1e-6, 1e-8, 1e-10, 1e-12, 1e-20, 1e-36, 1e-40, 0])(
    "keeps a bias of 1.5 beside weights of %s",
    async top => {
      const random = new Random(1);
      const model = sequential([dense({ units: 3, inputShape: [8] })], { seed: 1 });
      const kernel = floats(24, i => (i % 3 === 0 ? top : 1) * random.uniform(-1, 1));
      give(model, [kernel, Float32Array.of(1.5, 0.25, -0.5)]);
      const data = images(64, [8], () => random.uniform(0, 1));
      const real = await model.predict(data);
      const quantized = await quantizeStatic(model, { calibration: data });
      const [dead, ...others] = errors(real, await quantized.predict(data), 3);
      expect(dead).toBeLessThan(top < 1 ? 0.7 : 1.5);
      for (const error of others) expect(error).toBeLessThan(1.5);
      const dynamic = errors(real, await (await quantizeDynamic(model)).predict(data), 3);
      expect(dynamic[0]).toBeLessThan(top < 1 ? 0.2 : 1.5);
    },
  );

  test.each([
    [0.05, 1],
    [0.0526, 1],
    [0.0531, 1],
    [0.06, 1],
    [-0.0526, -1],
    [-0.0531, -1],
    [-0.06, -1],
  ])("keeps the sign of a bias of %s that fits into 32 bits, but not beside its sums", async (bias, sign) => {
    for (const other of [0.02, 0.001]) {
      const random = new Random(1);
      const model = sequential([dense({ units: 2, inputShape: [64] })], { seed: 1 });
      const kernel = floats(128, i =>
        i % 2 === 0 ? sign * 8e-7 * random.uniform(0.5, 1) : other * random.uniform(-1, 1),
      );
      kernel[0] = sign * 8e-7;
      give(model, [kernel, Float32Array.of(bias, 0)]);
      const data = images(32, [64], i => (i === 0 ? 1 : random.uniform(0, 1)));
      const quantized = await quantizeStatic(model, { calibration: data });
      expect(errors(await model.predict(data), await quantized.predict(data), 2)[0]).toBeLessThan(0.7);
    }
  });

  test.each([
    [0.3, 1],
    [0.01, 10],
    [0.3, 100],
    [-0.4, 1],
    [1e-3, 1],
  ])("keeps a beta of %s behind a batch normalization with gamma 0, inputs up to %s", async (beta, top) => {
    const random = new Random(2);
    const layers = [conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2], useBias: false }), batchNormalization()];
    const model = sequential(layers, { seed: 3 });
    const kernel = floats(72, () => (random.uniform(-1, 1) * 0.02) / top);
    const ones = Float32Array.of(1, 1, 1, 1);
    give(model, [kernel, Float32Array.of(0, 1, 1, 1), Float32Array.of(beta, 0, 0, 0), new Float32Array(4), ones]);
    const data = images(32, [6, 6, 2], () => random.uniform(0, top));
    const quantized = await quantizeStatic(model, { calibration: data });
    expect(errors(await model.predict(data), await quantized.predict(data), 4)[0]).toBeLessThan(0.7);
  });

  /**
   * Logits of a depthwise separable network in which `dead` depthwise filters are 1e-8, as after a batch normalization
   * that has collapsed.
   */
  async function separable(dead: number): Promise<number> {
    const small = { useBias: false } as const;
    const model = sequential(
      [
        conv2d({ filters: 32, kernelSize: 3, strides: 2, padding: "same", inputShape: [32, 32, 3], ...small }),
        batchNormalization(),
        relu({ maxValue: 6 }),
        depthwiseConv2d({ kernelSize: 3, padding: "same", ...small }),
        batchNormalization(),
        relu({ maxValue: 6 }),
        conv2d({ filters: 32, kernelSize: 1, ...small }),
        batchNormalization(),
        relu({ maxValue: 6 }),
        globalAveragePool2d(),
        dense({ units: 10 }),
      ],
      { seed: 2 },
    );
    const random = new Random(9);
    const weights = Object.entries(model.getWeights()).map(([name, { data }]) =>
      Float32Array.from(data, (v, i) => {
        if (name.startsWith("dense") && name.endsWith("kernel")) return random.uniform(-0.5, 0.5);
        if (name.endsWith("kernel"))
          return random.uniform(-0.4, 0.4) * (name.startsWith("depthwise") && i % 32 < dead ? 1e-8 : 1);
        if (name.endsWith("beta")) return random.uniform(0, 1.5);
        return name.endsWith("variance") ? random.uniform(0.3, 1.3) : v;
      }),
    );
    give(model, weights);
    const data = images(24, [32, 32, 3], () => random.uniform(0, 1));
    const real = await model.predict(data);
    const quantized = await (await quantizeStatic(model, { calibration: data })).predict(data);
    return Math.max(...real.map((v, i) => Math.abs(v - quantized[i]!)));
  }

  test("loses nothing with dead depthwise filters", async () => {
    const alive = await separable(0);
    expect(alive).toBeLessThan(0.2);
    for (const dead of [1, 8]) expect(await separable(dead)).toBeLessThan(2 * alive);
  });

  test("refuses by name channels that no scale can represent", async () => {
    const model = sequential([dense({ units: 2, inputShape: [4] })], { seed: 1 });
    give(model, [new Float32Array(8), Float32Array.of(1e38, 0)]);
    const data = images(8, [4], i => (i % 3) * 1e-36);
    await expect(quantizeStatic(model, { calibration: data })).rejects.toThrow(
      expect.objectContaining({ code: "quantize", message: expect.stringMatching(/"dense".*channel 0/) }),
    );
  });
});
