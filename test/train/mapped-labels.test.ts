/** Labels that a map returns are those that count: in training, class weights, evaluation of floats and integers. */
import { describe, expect, test } from "vitest";
import { compare, quantizeStatic } from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { dense, flatten, sequential } from "../../src/model/index.ts";
import { adam } from "../../src/train/optimizers.ts";
import { corners } from "./networks.ts";

const data = corners(60, 5);
const turned = data.map(({ x, y }) => ({ x, y: 3 - (y as number) }));
/** The same by an array, without a map. */
const stored = new Dataset({
  x: data.images,
  shape: data.shape,
  labels: data.labels()!.map(y => 3 - y),
  scale: data.scale as number,
  offset: data.offset as number,
});
const network = (units = 4) => sequential([flatten({ inputShape: [8, 8, 1] }), dense({ units })], { seed: 1 });
const OPTIONS = { epochs: 12, batchSize: 10, optimizer: adam(0.01) };

describe("Dataset.map of labels", () => {
  test("answer is the label after map, and labels() the stored ones", () => {
    for (let i = 0; i < 8; i++) expect(turned.answer(i)).toBe(3 - data.labels()![i]!);
    expect(data.answer(3)).toBe(data.row(3).y);
    expect(() => data.answer(60)).toThrow('"row" expected integer in 0..59, got 60');
  });

  test("fit, evaluate, quantizeStatic and compare agree with stored labels", async () => {
    const model = network();
    await model.fit(turned, OPTIONS);
    const scores = await model.evaluate(turned);
    expect(scores.accuracy).toBeGreaterThan(0.9);
    expect(await model.evaluate(stored)).toEqual(scores);
    const small = await quantizeStatic(model, { calibration: data });
    expect(await small.evaluate(turned)).toEqual(await small.evaluate(stored));
    expect((await small.evaluate(turned)).accuracy).toBeGreaterThan(0.9);

    const other = network();
    const { changed, a } = await compare(model, other, turned, { milliseconds: 1 });
    expect(a.accuracy).toBe(scores.accuracy);
    const { rows, mended, broken } = (await compare(model, other, stored, { milliseconds: 1 })).changed!;
    expect(changed).toMatchObject({ rows, mended, broken });
  });

  test("fit with classWeight weighs the labels after map", async () => {
    const [mapped, plain] = [network(), network()];
    const options = { ...OPTIONS, epochs: 2, classWeight: { 0: 3, 1: 0.5 } };
    await mapped.fit(turned, options);
    await plain.fit(
      stored.map(row => row),
      options,
    );
    expect(mapped.getWeights()).toEqual(plain.getWeights());
  });

  test("fit and evaluate take a map to fewer classes, and refuse labels out of range by row", async () => {
    const half = data.map(({ x, y }) => ({ x, y: (y as number) % 2 }));
    const model = network(2);
    await model.fit(half, OPTIONS);
    expect((await model.evaluate(half)).accuracy).toBeGreaterThan(0.6);
    const small = await quantizeStatic(model, { calibration: data });
    await expect(small.evaluate(turned)).rejects.toThrow(/label of row \d+" expected integer in 0..1, got [23]/);
    await expect(model.evaluate(turned)).rejects.toThrow(/label of row \d+" expected integer in 0..1, got [23]/);
  });
});
