/** Ranges of activations by several methods, and weights of few bits without training. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Histogram } from "../../src/compress/percentiles.ts";
import { quantizationReport } from "../../src/compress/quantization-report.ts";
import { type QuantizeStaticOptions, quantizeStatic } from "../../src/compress/quantize.ts";
import { quantizeModel } from "../../src/compress/quantize-model.ts";
import { entropyRange, leastErrorRange, percentileRange } from "../../src/compress/range-methods.ts";
import type { RangeMethod } from "../../src/compress/ranges.ts";
import { read } from "../../src/container/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { dense, input, type Model, sequential } from "../../src/model/index.ts";
import { quantizationOf, type Range } from "../../src/passes/quantize/scheme.ts";
import { leastErrorScale } from "../../src/passes/quantize/weight-bits.ts";
import { stripes, trained } from "./trained.ts";

/** Mostly normal, and few that are far away. */
function withOutliers(length: number, outlier: number): Float32Array {
  const random = new Random(4);
  return Float32Array.from({ length }, (_, i) => (i % 1000 === 7 ? outlier : random.normal()));
}

function histogramOf(numbers: Float32Array): Histogram {
  const histogram = new Histogram({ min: Math.min(...numbers), max: Math.max(...numbers) });
  for (const v of numbers) histogram.add(v);
  return histogram;
}

function squaredError(numbers: Float32Array, range: Range): number {
  const { scale, zeroPoint } = quantizationOf(range);
  return numbers.reduce((sum, v) => {
    const q = Math.max(-128, Math.min(127, Math.round(v / scale[0]!) + zeroPoint));
    return sum + (v - (q - zeroPoint) * scale[0]!) ** 2;
  }, 0);
}

describe("RangeMethod", () => {
  test("leastErrorRange is as good as the best of a brute search over both ends", () => {
    for (const outlier of [8, 40, -60]) {
      const numbers = withOutliers(5000, outlier);
      const histogram = histogramOf(numbers);
      const { min, max } = histogram.range;
      let best = Infinity;
      for (let a = 1; a <= 20; a++)
        for (let b = 1; b <= 20; b++)
          best = Math.min(best, squaredError(numbers, { min: (min * a) / 20, max: (max * b) / 20 }));
      expect(squaredError(numbers, leastErrorRange(histogram))).toBeLessThan(1.02 * best);
    }
  });

  test("percentileRange cuts off what is rare, and leaves an end at 0", () => {
    const numbers = withOutliers(40_000, 500).map(Math.abs);
    for (let i = 7; i < numbers.length; i += 1000) if (i > 3007) numbers[i] = 1;
    const { min, max } = percentileRange(histogramOf(numbers));
    expect(min).toBeGreaterThanOrEqual(0);
    expect(max).toBeLessThan(500);
    expect(max).toBeGreaterThan(3);
  });

  test("entropyRange keeps an even distribution whole, and cuts off single numbers far away", () => {
    const even = Float32Array.from({ length: 40_000 }, (_, i) => (i % 4000) / 4000 - 0.25);
    const kept = entropyRange(histogramOf(even));
    expect(kept.max).toBeGreaterThan(0.7);
    expect(kept.min).toBeLessThan(-0.24);
    const numbers = withOutliers(40_000, 1).map((v, i) => (i === 5 ? 30 : v));
    const cut = entropyRange(histogramOf(numbers));
    expect(cut.max).toBeLessThan(15);
    expect(cut.max).toBeGreaterThan(2);
  });

  test("leastErrorScale is the best of its shares of the greatest weight", () => {
    const weights = withOutliers(2000, 9);
    const error = (levels: number, scale: number) =>
      weights.reduce(
        (sum, w) => sum + (w - Math.max(-levels, Math.min(levels, Math.round(w / scale))) * scale) ** 2,
        0,
      );
    for (const levels of [1, 3, 7]) {
      const found = error(levels, leastErrorScale(weights, levels));
      for (let share = 0.1; share <= 1; share += 0.025)
        expect(found).toBeLessThan(1.001 * error(levels, (9 / levels) * share));
    }
    expect(leastErrorScale(new Float32Array(5), 7)).toBeGreaterThan(0);
  });
});

/** y = x in 8 numbers. */
function identity(): Model {
  const model = sequential([input({ shape: [8] }), dense({ units: 8, name: "same" })]);
  model.setWeights({ "same/kernel": Float32Array.from({ length: 64 }, (_, i) => (i % 9 ? 0 : 1)) });
  return model;
}

/** The range of the input that the network of integers has. */
async function inputRange(x: Float32Array, options: Partial<QuantizeStaticOptions>): Promise<Range> {
  const calibration = new Dataset({ x, shape: [8], labels: new Uint8Array(x.length / 8), classes: 8 });
  const { graph } = await quantizeStatic(identity(), { calibration, ...options });
  const { scale, zeroPoint } = graph.nodes[0]!.outputs[0]!.type.quantization!;
  return { min: scale[0]! * (-128 - zeroPoint), max: scale[0]! * (127 - zeroPoint) };
}

describe("quantizeStatic", () => {
  const x = withOutliers(8 * 640, 50);

  test('range "ema" is the debiased average over the batches', async () => {
    const { max } = await inputRange(x, { range: "ema", batchSize: 64 });
    let [average, weight] = [0, 0];
    for (let from = 0; from < x.length; from += 512) {
      const top = Math.max(...x.subarray(from, from + 512));
      average = average * 0.99 + top * 0.01;
      weight = weight * 0.99 + 0.01;
    }
    expect(max / (average / weight)).toBeCloseTo(1, 1);
    expect((await inputRange(x, { range: "minMax" })).max).toBeCloseTo(50, 0);
  });

  test.each(["percentile", "entropy", "mse"] satisfies RangeMethod[])(
    'range "%s" ends before outliers',
    async range => {
      const rare = x.map((v, i) => (v === 50 && i > 7 ? 0 : v));
      const { min, max } = await inputRange(rare, { range });
      expect(max).toBeLessThan(50.5);
      expect(max).toBeGreaterThan(2);
      expect(min).toBeLessThan(-1.5);
      if (range === "entropy") expect(max).toBeLessThan(49);
    },
  );

  test("range by the names of layers, the others by the data", async () => {
    const found = await inputRange(x, { range: { input: [-2, 3] } });
    expect(found.min).toBeCloseTo(-2, 1);
    expect(found.max).toBeCloseTo(3, 1);
    const wrong = (range: object) => inputRange(x, { range: range as { [layer: string]: [number, number] } });
    await expect(wrong({ nowhere: [0, 1] })).rejects.toThrow("layers whose outputs are quantized (input, same)");
    await expect(wrong({ same: [1, 0] })).rejects.toThrow('"range.same" expected [min, max] of finite numbers');
    await expect(inputRange(x, { range: "most" as RangeMethod })).rejects.toThrow('"range" expected');
  });

  test.each([
    [8, 127, 1],
    [4, 7, 0.5],
    [3, 3, 0.375],
    [2, 1, 0.25],
    ["ternary", 1, 0.25],
  ] as const)("weights of %s bits are -%i..%i, and take %d bytes each in a file", async (weights, levels, bytes) => {
    const model = sequential([input({ shape: [256] }), dense({ units: 64, name: "large" })], { seed: 2 });
    const calibration = new Dataset({
      x: new Float32Array(512).fill(1),
      shape: [256],
      labels: Uint8Array.of(0, 1),
      classes: 64,
    });
    const integers = await quantizeStatic(model, { calibration, weights });
    const data = integers.graph.leafOf("large/kernel")!.data!;
    expect(Math.max(...data)).toBe(levels);
    expect(Math.min(...data)).toBe(-levels);
    const file = integers.toBytes();
    expect(file.length).toBeLessThan(bytes * data.length + 1000);
    expect(read(file).graph.leafOf("large/kernel")!.data).toEqual(data);
  });

  test("weights by the names of layers are 8 bits where there is none", async () => {
    const options = { calibration: stripes(32, 1), weights: { second: 2 } } as const;
    const { graph } = await quantizeStatic(await trained(), options);
    const most = (name: string) => Math.max(...Array.from(graph.leafOf(name)!.data!, Math.abs));
    expect(["first", "second", "last"].map(layer => most(`${layer}/kernel`))).toEqual([127, 1, 127]);
  });

  test("refuses a model that was trained for quantization and then baked, as its scales are lost", async () => {
    const aware = quantizeModel(await trained(), { weights: 4 });
    await aware.fit(stripes(96, 1));
    await expect(quantizeStatic(aware.bake())).rejects.toThrow('layer "first" has lost the scale that was trained');
  });
});

describe("quantizationReport", () => {
  test("shows for each layer what quantizing it alone does", async () => {
    const model = await trained();
    const data = stripes(120, 9);
    const options = { calibration: stripes(64, 2), weights: { second: "ternary" } } as const;
    const report = await quantizationReport(model, data, options);
    expect(report.layers.map(({ layer, bits }) => [layer, bits])).toEqual([
      ["first", 8],
      ["second", 2],
      ["last", 8],
    ]);
    const [first, second] = report.layers;
    expect(first!.sqnr).toBeGreaterThan(25);
    expect(second!.sqnr).toBeLessThan(first!.sqnr - 10);
    for (const { scores, lost, clipped } of report.layers) {
      expect(lost).toBeCloseTo(report.scores.accuracy! - scores.accuracy!, 10);
      expect(clipped).toBeLessThan(0.05);
    }
    const whole = await quantizeStatic(model, options);
    expect(report.quantized).toEqual(await whole.evaluate(data, { metrics: ["accuracy"] }));
    expect(String(report)).toMatch(
      /^accuracy on 120 samples: float .* each layer quantized alone:\nlayer +bits +SQNR, dB/,
    );
    const narrow = await quantizationReport(model, data, { ...options, range: { first: [-0.1, 0.1] } });
    expect(narrow.layers[0]!.clipped).toBeGreaterThan(0.3);
  });

  test("takes what a model of quantizeModel has learned", async () => {
    const aware = quantizeModel(await trained(), { weights: 4 });
    await aware.fit(stripes(96, 1));
    const report = await quantizationReport(aware, stripes(60, 9), {});
    expect(report.layers.map(({ bits }) => bits)).toEqual([4, 4, 4]);
  });
});
