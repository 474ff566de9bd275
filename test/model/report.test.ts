import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { pruneOnce } from "../../src/compress/prune-once.ts";
import { quantizeDynamic } from "../../src/compress/quantize.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { dense, input, loadModel, type Model, sequential } from "../../src/model/index.ts";
import { earlyStopping } from "../../src/train/index.ts";

const data = (length: number, seed: number): Dataset => {
  const random = new Random(seed);
  const x = Float32Array.from({ length: length * 4 }, () => random.normal());
  const labels = Uint8Array.from({ length }, (_, i) => (x[4 * i]! + x[4 * i + 1]! > 0 ? 1 : 0));
  return new Dataset({ x, shape: [4], labels, classes: 2 });
};

const TRAIN = data(64, 1);
const TEST = data(50, 2);

const network = (): Model =>
  sequential([input({ shape: [4] }), dense({ units: 8, activation: "relu" }), dense({ units: 2 })], { seed: 3 });

const last = (model: Model) => model.report.rows.at(-1)!;

describe("Report", () => {
  test("of a model that was built: one row with its sizes", () => {
    const model = network();
    expect(model.report.rows).toEqual([
      { step: "float", bytes: model.toBytes().length, parameters: 58, nonZeros: 48, macs: 48 },
    ]);
    expect(JSON.parse(JSON.stringify(model.report))).toEqual({ rows: model.report.rows });
  });

  test("counts masked elements as zero, masked or baked", () => {
    const pruned = pruneOnce(network(), 0.5);
    expect(last(pruned)).toMatchObject({ parameters: 58, nonZeros: 24, bytes: pruned.toBytes().length });
    expect(last(pruned.bake())).toEqual(last(pruned));
  });

  test("follows the weights, the labels and the network in a file", async () => {
    const model = network();
    const before = last(model);
    model.setWeights({ "dense/bias": new Float32Array(8).fill(1) });
    expect(last(model).nonZeros).toBe(56);
    model.labels = ["one", "another"];
    expect(last(model).bytes).toBeGreaterThan(before.bytes!);
    expect((await loadModel(model.toBytes())).report.rows).toEqual([last(model)]);
    const small = await quantizeDynamic(model);
    expect((await loadModel(small.toBytes())).report.rows[0]!.step).toBe("integer");
  });

  test("evaluate leaves the accuracy, until the weights change", async () => {
    const model = network();
    expect("accuracy" in last(model)).toBe(false);
    const { accuracy } = await model.evaluate(TEST);
    expect(last(model)).toMatchObject({ accuracy, samples: 50 });
    model.labels = ["one", "another"];
    expect(last(model)).toMatchObject({ accuracy, samples: 50 });
    const twin = model.clone();
    expect(last(twin)).toEqual(last(model));
    twin.setWeights({ "dense/bias": new Float32Array(8).fill(1) });
    expect("accuracy" in last(twin)).toBe(false);
    expect(last(model)).toMatchObject({ accuracy });
    await model.evaluate(TEST, { metrics: [] });
    expect(last(model)).toMatchObject({ accuracy });
    model.preprocessing = { scale: 0.5, offset: 0 };
    expect("accuracy" in last(model)).toBe(false);
  });

  test("bake keeps the accuracy: it answers the same", async () => {
    const pruned = pruneOnce(network(), 0.5);
    const { accuracy } = await pruned.evaluate(TEST);
    expect(last(pruned.bake())).toMatchObject({ accuracy, samples: 50 });
  });

  test("evaluate of a network of integers leaves it too", async () => {
    const small = await quantizeDynamic(network());
    const { accuracy } = await small.evaluate(TEST);
    expect(small.report.rows.map(r => r.accuracy)).toEqual([undefined, accuracy]);
  });

  test("fit leaves that of its last validation", async () => {
    const model = network();
    const { history } = await model.fit(TRAIN, { epochs: 3, validation: TEST });
    expect(last(model)).toMatchObject({ accuracy: history.valAccuracy!.at(-1), samples: 50 });
    expect(last(model).accuracy).toBe((await model.evaluate(TEST)).accuracy);
    await model.fit(TRAIN);
    expect("accuracy" in last(model)).toBe(false);
  });

  test("fit records no accuracy if a callback changed the weights after the last validation", async () => {
    const model = network();
    await model.fit(TRAIN, { epochs: 2, validation: TEST, callbacks: [earlyStopping({ patience: 5 })] });
    expect("accuracy" in last(model)).toBe(false);
  });

  test("measure adds time and accuracy, and how they were measured", async () => {
    const model = network();
    const report = await model.report.measure({ data: TEST, milliseconds: 2 });
    expect(report).toBe(model.report);
    const { accuracy, samples, micros, timing } = last(model);
    expect({ accuracy, samples }).toEqual({ accuracy: (await model.evaluate(TEST)).accuracy, samples: 50 });
    expect(micros).toBeGreaterThan(0);
    expect(timing!.runs).toBeGreaterThanOrEqual(5);
    expect(["simd", "relaxed"]).toContain(timing!.variant);
    const pruned = pruneOnce(model, 0.5);
    await pruned.report.measure({ milliseconds: 2 });
    expect("accuracy" in last(pruned)).toBe(false);
  });

  test("measure refuses wrong options, and can be aborted", async () => {
    const { report } = network();
    const targets = new Dataset({ x: new Float32Array(8), shape: [4], targets: new Float32Array(4) });
    await expect(report.measure({ data: targets })).rejects.toThrow(
      'measure: "data" expected a Dataset with labels, got Dataset',
    );
    await expect(report.measure({ milliseconds: 0 })).rejects.toThrow('"milliseconds" expected finite number > 0');
    await expect(report.measure(JSON.parse('{ "runs": 3 }'))).rejects.toThrow(
      '"measure" has no option "runs"; it knows data, milliseconds, signal',
    );
    await expect(report.measure({ data: TEST, signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  });

  test("prints a table, sizes beside those of the first row", async () => {
    const model = network();
    await model.evaluate(TEST);
    const small = await quantizeDynamic(model);
    const [head, float, integer, ...more] = String(small.report).split("\n");
    expect(head).toMatch(/^step +parameters +non-zeros +MACs +bytes +smaller +accuracy$/);
    expect(float).toMatch(/^float +58 +48 +48 +\d+ +1\.0x +\d+\.\d\d %$/);
    expect(integer).toMatch(/^quantizeDynamic +58 +\d+ +48 +\d+ +\d\.\dx$/);
    expect(more).toEqual([]);
  });
});
