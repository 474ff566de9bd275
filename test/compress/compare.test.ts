import { beforeAll, describe, expect, test } from "vitest";
import { compare, pruneOnce, quantizeDynamic, quantizeStatic } from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { conv2d, dense, input, type Model, sequential } from "../../src/model/index.ts";
import { stripes, trained } from "./trained.ts";

let model: Model;
const data = stripes(90, 2);
const quick = { milliseconds: 1 };

beforeAll(async () => {
  model = await trained();
});

const classes = async (of: Model): Promise<number[]> => {
  const outputs = await of.predict(data);
  return Array.from({ length: data.length }, (_, i) => {
    const row = [...outputs.subarray(3 * i, 3 * i + 3)];
    return row.indexOf(Math.max(...row));
  });
};

describe("compare", () => {
  test("a network with itself: nothing changed, all layers equal", async () => {
    const same = await compare(model, model.clone(), data, quick);
    expect(same.changed).toEqual({ count: 0, share: 0, rows: [], mended: 0, broken: 0, examples: [] });
    expect(same.output).toEqual({ meanError: 0, maxError: 0, sqnr: Infinity });
    expect(same.unmatched).toEqual([]);
    expect(same.layers.map(l => l.layer)).toEqual(["first", "second", "globalAveragePool2d", "flatten", "last"]);
    for (const { sqnr } of same.layers) expect(sqnr).toBe(Infinity);
  });

  test("answers, accuracy and sizes of a pruned network", async () => {
    const pruned = pruneOnce(model, 0.9);
    const found = await compare(model, pruned, data, { ...quick, examples: 2 });
    const [before, after, labels] = [await classes(model), await classes(pruned), data.labels()!];
    const rows = before.flatMap((label, i) => (label === after[i] ? [] : [i]));
    expect(rows.length).toBeGreaterThan(2);
    const { changed } = found;
    expect(changed!.rows).toEqual(rows);
    expect(changed).toMatchObject({ count: rows.length, share: rows.length / 90 });
    expect(changed!.mended).toBe(rows.filter(i => after[i] === labels[i]).length);
    expect(changed!.broken).toBe(rows.filter(i => before[i] === labels[i]).length);
    expect(changed!.examples).toEqual(
      rows.slice(0, 2).map(i => ({ row: i, a: `${before[i]}`, b: `${after[i]}`, label: `${labels[i]}` })),
    );
    expect(found.a).toMatchObject({
      name: "a",
      ...model.report.rows.at(-1),
      ...(await model.evaluate(data, {})),
      loss: expect.any(Number),
    });
    expect(found.b.accuracy).toBe((await pruned.evaluate(data)).accuracy);
    expect(found.b.loss).toBeCloseTo((await pruned.evaluate(data)).loss, 5);
    expect(found.b.bytes).toBe(pruned.toBytes().length);
    expect(found.b.micros).toBeGreaterThan(0);
    // normalization is folded where layers are compared: other roundings
    const last = found.layers.at(-1)!;
    expect(last.layer).toBe("last");
    expect(last.maxError).toBeCloseTo(found.output.maxError, 5);
    expect(last.meanError).toBeCloseTo(found.output.meanError, 5);
  });

  test("float against integers: normalization folded, errors within some steps", async () => {
    for (const small of [await quantizeStatic(model, { calibration: data }), await quantizeDynamic(model)]) {
      const found = await compare(model, small, data, quick);
      expect(found.layers.map(l => l.layer)).toEqual(["first", "second", "globalAveragePool2d", "flatten", "last"]);
      for (const { sqnr, meanError, maxError } of found.layers) {
        expect(sqnr).toBeGreaterThan(20);
        expect(maxError).toBeGreaterThanOrEqual(meanError);
      }
      expect(found.a.step).toBe("float");
      expect(found.b.bytes).toBeLessThan(found.a.bytes!);
    }
  });

  test("two integer networks, one of which takes int8", async () => {
    const [a, b] = [
      await quantizeStatic(model, { calibration: data }),
      await quantizeStatic(model, { calibration: data, inputType: "i8" }),
    ];
    const found = await compare(a, b, data, quick);
    expect(found.changed!.count).toBe(0);
    expect(found.output.sqnr).toBe(Infinity);
  });

  test("names of classes, and layers that do not correspond", async () => {
    const other = sequential([input({ shape: [8, 8, 1] }), conv2d({ filters: 2, kernelSize: 1, name: "first" })]);
    const flat = sequential([input({ shape: [64] }), dense({ units: 3, name: "last" })], { seed: 2 });
    expect(other.outputShape).toEqual([8, 8, 2]);
    await expect(compare(model, other, data)).rejects.toThrow(
      'compare: "b" expected outputs of 3, as "a" has them, got 8x8x2',
    );
    await expect(compare(model, flat, data)).rejects.toThrow('"data" expected');
    const twin = model.clone();
    twin.labels = ["across", "along", "none"];
    const found = await compare(pruneOnce(model, 0.9), twin, data, {
      ...quick,
      examples: 1,
      names: ["small", "large"],
    });
    expect(twin.labels).toContain(found.changed!.examples[0]!.a);
    expect(found).toMatchObject({ a: { name: "small" }, b: { name: "large" } });
  });

  test("data with targets or without labels", async () => {
    const x = data.batch(90).next().value!.x;
    const targets = new Dataset({ x, shape: [8, 8, 1], targets: new Float32Array(270), targetShape: [3] });
    const regression = await compare(model, pruneOnce(model, 0.5), targets, quick);
    expect("changed" in regression).toBe(false);
    expect(regression.a.loss).toBeGreaterThan(0);
    const bare = await compare(model, pruneOnce(model, 0.9), new Dataset({ x, shape: [8, 8, 1] }), quick);
    expect(Object.keys(bare.changed!)).toEqual(["count", "share", "rows", "examples"]);
    expect(bare.changed!.count).toBeGreaterThan(0);
    expect("loss" in bare.a).toBe(false);
  });

  test("prints tables and has JSON", async () => {
    const found = await compare(model, pruneOnce(model, 0.9), data, { ...quick, examples: 1 });
    const [sizes, changed, examples, layers] = String(found).split("\n\n");
    expect(sizes).toMatch(/^step .*us\/sample +accuracy\na .*\nb .*$/);
    expect(changed).toMatch(/^\d+ of 90 answers changed \(\d+\.\d\d %\), \d+ of them to the right one, \d+ from it$/);
    expect(examples).toMatch(/^sample +a +b +right\n\d+ +\d +\d +\d$/);
    expect(layers).toMatch(/^layer +mean error +greatest +SQNR\nfirst (?:.*\n)+outputs /);
    const { toString: _, ...plain } = found;
    expect(JSON.parse(JSON.stringify(found))).toEqual(JSON.parse(JSON.stringify(plain)));
  });

  test("without layers, with progress, aborted", async () => {
    const steps: number[][] = [];
    const onProgress = (...args: number[]) => steps.push(args);
    const { layers } = await compare(model, model, data, { ...quick, layers: false, onProgress });
    expect(layers).toEqual([]);
    expect(steps).toEqual([
      [90, 180],
      [180, 180],
    ]);
    await expect(compare(model, model, data, { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  });

  test("refuses models that cannot be compared", async () => {
    const wrong = (options: object) => compare(model, model, data, options);
    await expect(wrong({ names: ["one"] })).rejects.toThrow('compare: "names" expected two names, got ["one"]');
    await expect(wrong({ examples: -1 })).rejects.toThrow('"examples" expected integer >= 0, got -1');
    await expect(wrong({ layer: true })).rejects.toThrow('"compare" has no option "layer"');
    await expect(wrong({ layers: 1 })).rejects.toThrow('compare: "layers" expected a boolean, got 1');
    await expect(compare(model, model, data.take(0))).rejects.toThrow('compare: "data" expected at least 1 row, got 0');
  });
});
