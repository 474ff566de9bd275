/** Data sets and networks: every command converts images as the network's file says. */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asReadBy } from "../../src/cli/digits.ts";
import { Dataset, mnist } from "../../src/data/index.ts";
import { dense, flatten, input, model, sequential } from "../../src/model/index.ts";
import { load } from "../../src/run/index.ts";
import { penjing } from "./penjing.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-data-"));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LIMIT = ["--limit", "640"];
let train: Dataset;
let held: Dataset;

async function documentOf(...argv: string[]): Promise<any> {
  const { code, json, errors } = await penjing([...argv, "--json"]);
  expect([errors, code]).toEqual(["", 0]);
  return json;
}

/** The fraction of the test images whose bytes a saved network classifies correctly. */
async function accuracyOf(file: string): Promise<number> {
  const net = await load(file);
  const labels = held.labels()!;
  const right = labels.filter((label, i) => net.classify(held.stored(i) as Uint8Array)[0]!.label === String(label));
  return right.length / held.length;
}

/** Trains a layer of softmax on digits dark on light: bytes / 255 would be wrong for it. */
beforeAll(async () => {
  const all = await mnist();
  train = all.train.take(640);
  held = all.test.take(640);
  const network = sequential([flatten({ inputShape: [28, 28, 1] }), dense({ units: 10 })], { seed: 1 });
  await network.fit(train.normalise({ scale: -1 / 255, offset: 1 }), { epochs: 12, batchSize: 32 });
  await network.save(at("inverted.penjing"));
});

describe("evaluate, quantize and others use the preprocessing of the file", () => {
  test("evaluate scores the network's outputs for bytes", async () => {
    const accuracy = await accuracyOf(at("inverted.penjing"));
    expect(accuracy).toBeGreaterThan(0.7);
    expect((await documentOf("evaluate", at("inverted.penjing"), ...LIMIT)).accuracy).toBeCloseTo(accuracy, 10);
  });

  test("quantize calibrates and scores with it", async () => {
    const { before, after, out } = await documentOf("quantize", at("inverted.penjing"), ...LIMIT);
    expect(before.accuracy).toBeCloseTo(await accuracyOf(at("inverted.penjing")), 10);
    expect(after.accuracy).toBeCloseTo(await accuracyOf(out), 10);
    expect(Math.abs(after.accuracy - before.accuracy)).toBeLessThan(0.02);
  });

  test("prune trains on images converted as the file says", async () => {
    const how = ["--epochs", "2", "--sparsity", "0.6", ...LIMIT];
    const { before, after, out } = await documentOf("prune", at("inverted.penjing"), ...how);
    expect(before.accuracy).toBeGreaterThan(0.7);
    expect(after.accuracy).toBeGreaterThan(0.7);
    expect(after.accuracy).toBeCloseTo(await accuracyOf(out), 10);
    expect((await load(out)).preprocessing).toEqual((await load(at("inverted.penjing"))).preprocessing);
  });

  test.each([
    ["one mean for all channels", { mean: [0.4], std: [0.2], scale: 1 / 255 }],
    ["a mean and a deviation for each", { mean: [0.1, 0.2, 0.3], std: [0.5, 1, 2], scale: 1 / 255 }],
    ["scale and offset", { scale: 2 / 255, offset: -1 }],
    ["none", undefined],
  ])("asReadBy gives the numbers of predict: %s", async (_, preprocessing) => {
    const network = sequential([flatten({ inputShape: [2, 2, 3] }), dense({ units: 4 })], { seed: 3 });
    const images = Uint8Array.from({ length: 24 }, (_, i) => (i * 41) & 255);
    const data = new Dataset({ images, shape: [2, 2, 3], labels: [0, 3] });
    const net = await network.net({ ...(preprocessing && { preprocessing }) });
    const read = asReadBy({ graph: network.graph, preprocessing }, data, "x");
    for (let i = 0; i < 2; i++)
      expect([...net.run(read.row(i).x)]).toEqual([...net.predict(data.stored(i) as Uint8Array)]);
  });

  test("asReadBy leaves data that are real numbers already", () => {
    const { graph } = sequential([dense({ units: 2, inputShape: [2] })]);
    const data = new Dataset({ images: Float32Array.of(1, 2), shape: [2], labels: [1] });
    expect([...asReadBy({ graph, preprocessing: { scale: 9 } }, data, "x").row(0).x]).toEqual([1, 2]);
  });
});

describe("asReadBy: shapes of the network", () => {
  test.each([[[28, 28]], [[784]], [[28, 28, 1]]])("images of 28x28x1 go with a network of %j", async inputShape => {
    const file = at(`${inputShape.join("x")}.penjing`);
    const network = sequential([flatten({ inputShape }), dense({ units: 10 })], { seed: 1 });
    await network.save(file);
    const { accuracy } = await documentOf("evaluate", file, ...LIMIT);
    expect(accuracy).toBeCloseTo(await accuracyOf(file), 10);
    const pruned = await documentOf("prune", file, "--epochs", "1", "--optimizer", "sgd", ...LIMIT);
    expect(pruned.after.sparsity).toBeCloseTo(0.8, 3);
    expect(pruned.before.accuracy).toBe(accuracy);
    await documentOf("quantize", file, ...LIMIT);
  });

  test("of other sizes, several inputs or outputs: one line", async () => {
    await sequential([dense({ units: 3, inputShape: [4] })]).save(at("houses.penjing"));
    const houses = await penjing(["evaluate", at("houses.penjing"), ...LIMIT]);
    expect(houses).toMatchObject({ code: 1, out: "" });
    expect(houses.errors).toMatch(/houses\.penjing" expects samples of 4, the data has 28x28x1\n$/);
    const [a, b] = [input({ shape: [784] }), input({ shape: [784] })];
    await model({ inputs: [a, b], outputs: [dense({ units: 10 })(a), dense({ units: 10 })(b)] }).save(
      at("two.penjing"),
    );
    const { errors, code } = await penjing(["evaluate", at("two.penjing"), ...LIMIT]);
    expect(code).toBe(1);
    expect(errors).toContain('two.penjing" has 2 inputs and 2 outputs');
  });
});

describe("quantize --dynamic needs no data", () => {
  test.each([
    ["another size of images", [4], 10],
    ["fewer classes", [784], 3],
  ])("with data at hand that are not for the network, %s: the size alone", async (_, inputShape, units) => {
    const [file, out] = [at("other.penjing"), at("other.int8.penjing")];
    await sequential([dense({ units, inputShape })], { seed: 1 }).save(file);
    const document = await documentOf("quantize", file, "--dynamic");
    expect(document).toEqual({ file, out, method: "dynamic", bytes: statSync(out).size });
    expect(await penjing(["quantize", file, "--dynamic"])).toMatchObject({
      code: 0,
      out: `${document.bytes} bytes in ${out}\n`,
    });
  });

  test("data that were asked for and do not fit are an error before anything is written", async () => {
    const file = at("asked.penjing");
    await sequential([dense({ units: 10, inputShape: [4] })], { seed: 1 }).save(file);
    const none = await penjing(["quantize", file, "--dynamic", "--data", folder]);
    expect(none.errors).toContain("train-images-idx3-ubyte");
    expect([none.code, existsSync(at("asked.int8.penjing"))]).toEqual([1, false]);
  });
});
