import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { derived } from "../../src/compress/derived.ts";
import { constantSparsity } from "../../src/compress/index.ts";
import { quantizeDynamic, quantizeStatic } from "../../src/compress/quantize.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { Model } from "../../src/model/model.ts";
import { lenet5, lenet300100 } from "../../src/models/index.ts";

const images = (): Dataset => {
  const random = new Random(5);
  const rows = Float32Array.from({ length: 16 * 784 }, () => random.normal());
  return new Dataset({ images: rows, shape: [28, 28, 1], labels: new Uint8Array(16) });
};

describe("derived", () => {
  test("its report has the rows of the model before, as numbers", () => {
    const float = lenet300100({ seed: 1 });
    const once = derived(float, float.graph.copy().graph, { name: "first", options: { keep: 0.5 } });
    const twice = derived(once, once.graph.copy().graph, { name: "second" });
    expect(twice.report.rows.map(({ step, options }) => ({ step, options }))).toEqual([
      { step: "float", options: undefined },
      { step: "first", options: { keep: 0.5 } },
      { step: "second", options: undefined },
    ]);
    expect(twice.report.rows.slice(0, 2)).toEqual(once.report.rows);
    expect(twice.report.rows.slice(0, 1)).toEqual(float.report.rows);
    expect("options" in twice.report.rows[2]!).toBe(false);
  });

  test("keeps name, labels and preprocessing; parts replace them", () => {
    const float = lenet300100({ seed: 1, name: "small" });
    float.labels = [..."abcdefghij"];
    const { graph } = float.graph.copy();
    expect(derived(float, graph, { name: "step" })).toMatchObject({ name: "small", labels: float.labels });
    expect(derived(float, graph, { name: "step" }, { name: "other" }).name).toBe("other");
  });

  test("options become JSON: functions by name, data sets by length, schedules by their options", () => {
    const float = lenet300100({ seed: 1 });
    const options = {
      schedule: constantSparsity({ targetSparsity: 0.5 }),
      layers: ["dense"],
      chooses: function widest() {},
      data: images(),
      signal: new AbortController().signal,
      onProgress: () => {},
      missing: undefined,
    };
    const shown = derived(float, float.graph.copy().graph, { name: "step", options }).report.rows[1]!.options;
    expect(shown).toEqual({
      schedule: {
        name: "constantSparsity",
        config: { targetSparsity: 0.5, beginStep: 0, endStep: -1, frequency: 100 },
      },
      layers: ["dense"],
      chooses: "function widest",
      data: "16 samples",
    });
    expect(JSON.parse(JSON.stringify(shown))).toEqual(shown);
  });

  test("holds numbers only: the model before can be freed", () => {
    const float = lenet300100({ seed: 1 });
    const { report } = derived(float, float.graph.copy().graph, { name: "step" }).parts();
    expect(JSON.parse(JSON.stringify(report!.before))).toEqual(report!.before);
  });

  test("quantizeStatic and quantizeDynamic make a row", async () => {
    const float = lenet5({ seed: 1 });
    const integers = await quantizeStatic(float, { calibration: images(), exclude: ["dense"] });
    expect(integers.report.rows.map(r => [r.step, r.options])).toEqual([
      ["float", undefined],
      ["quantizeStatic", { calibration: "16 samples", exclude: ["dense"] }],
    ]);
    const [before, after] = integers.report.rows;
    expect(before).toEqual(float.report.rows[0]);
    expect(after!.bytes).toBe(integers.toBytes().length);
    const dynamic = await quantizeDynamic(float);
    expect(dynamic.report.rows.map(r => r.step)).toEqual(["float", "quantizeDynamic"]);
    expect(new Model(dynamic.graph).report.rows[0]!.step).toBe("integer");
  });
});
