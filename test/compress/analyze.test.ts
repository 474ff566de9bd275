import { expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { analyze, analyzeFile } from "../../src/compress/analyze.ts";
import { pruneOnce } from "../../src/compress/index.ts";
import { quantizeDynamic, quantizeStatic } from "../../src/compress/quantize.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { dense, input, model } from "../../src/model/index.ts";
import { lenet5 } from "../../src/models/index.ts";

const PARAMETERS = 44426;
const MACS = [86400, 0, 153600, 0, 0, 30720, 10080, 840];

const images = (): Dataset => {
  const random = new Random(5);
  const rows = Float32Array.from({ length: 16 * 784 }, () => random.normal());
  return new Dataset({ images: rows, shape: [28, 28, 1], labels: new Uint8Array(16) });
};

test("analyze a float network: its file is its parameters and little more", () => {
  const whole = lenet5({ seed: 1 });
  const { original, float, compressed, ratio, parameters, macs, layers } = analyze(whole);
  expect({ original, parameters, macs }).toEqual({
    original: 4 * PARAMETERS,
    parameters: PARAMETERS,
    macs: MACS.reduce((a, b) => a + b),
  });
  expect(compressed).toBe(whole.toBytes().length);
  expect(float - original).toBeGreaterThan(0);
  expect(float - original).toBeLessThanOrEqual(95);
  expect(ratio).toBe(original / compressed);
  expect(layers.map(l => l.macs)).toEqual(MACS);
  expect(layers[2]).toMatchObject({
    name: "conv2d_1",
    op: "conv2d",
    outputShape: [8, 8, 16],
    parameters: 2416,
    nonZeros: 2400, // biases begin at zero
  });
});

test("analyze a pruned network, masked or baked alike", () => {
  const pruned = pruneOnce(lenet5({ seed: 1 }), 0.8);
  const { float, compressed, nonZeros } = analyze(pruned);
  expect(analyze(pruned.bake())).toEqual({ ...analyze(pruned), toString: expect.any(Function) });
  expect(nonZeros).toBe(44190 / 5);
  expect(float).toBe(analyze(lenet5()).float);
  expect(compressed).toBe(pruned.bake().toBytes().length);
  expect(compressed / float).toBeLessThan(0.25);
});

test("analyze int8 networks: a byte per weight instead of four", async () => {
  const whole = lenet5({ seed: 1 });
  for (const quantized of [await quantizeStatic(whole, { calibration: images() }), await quantizeDynamic(whole)]) {
    const { original, float, compressed, layers, ratio } = analyze(quantized);
    expect([original, float]).toEqual([analyze(whole).original, analyze(whole).float]);
    expect(compressed).toBe(quantized.toBytes().length);
    expect(ratio).toBeGreaterThan(3.8);
    const bytes = layers.reduce((sum, l) => sum + l.bytes, 0);
    expect(compressed - bytes).toBeGreaterThan(0);
    expect(compressed - bytes).toBeLessThan(120);
    expect(layers.find(l => l.name === "dense")!.macs).toBe(30720);
  }
});

test("analyzeFile gives the same as analyze of its model", async () => {
  const whole = lenet5({ seed: 1 });
  const baked = pruneOnce(whole, 0.8).bake();
  for (const model of [
    whole,
    baked,
    await quantizeStatic(baked, { calibration: images() }),
    await quantizeDynamic(whole),
  ]) {
    const { layers: _, ...told } = analyze(model);
    expect(analyzeFile(model.toBytes())).toMatchObject({ ...told, toString: expect.any(Function) });
  }
  expect(() => analyzeFile("model.penjing" as never)).toThrow('"bytes" expected Uint8Array');
});

test("analyze counts weights that layers share once", () => {
  const x = input({ shape: [4] });
  const twice = dense({ units: 4, name: "twice" });
  const { parameters, macs, layers } = analyze(model({ inputs: x, outputs: twice(twice(x)) }));
  expect({ parameters, macs, layers: layers.length }).toEqual({ parameters: 20, macs: 32, layers: 1 });
});

test("analyze prints a table", () => {
  const lines = String(analyze(lenet5({ seed: 1 }))).split("\n");
  const cells = (line: string) => line.split(/ {2,}/);
  expect(cells(lines[0]!)).toEqual(["layer", "op", "output", "parameters", "non-zeros", "MACs", "bytes"]);
  expect(cells(lines[1]!)).toEqual(["conv2d", "conv2d", "24x24x6", "156", "150", "86400", expect.any(String)]);
  expect(new Set(lines.slice(0, -1).map(line => line.length)).size).toBe(1);
  expect(lines.at(-1)).toContain("parameters as float32 177704 bytes, float file 17");
});

test("analyze refuses arguments that are not models", () => {
  expect(() => analyze({} as never)).toThrow('"model" expected a Model, got Object');
});
