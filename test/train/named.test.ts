/** Strings in place of objects, as in Keras, and the progress of a training. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { Dataset } from "../../src/data/dataset.ts";
import { dense, flatten, sequential } from "../../src/model/index.ts";
import { binaryCrossentropy, categoricalCrossentropy, huber, meanSquaredError } from "../../src/train/losses.ts";
import { accuracy, measured } from "../../src/train/metrics.ts";
import { adam, adamW, rmsprop, sgd } from "../../src/train/optimizers.ts";
import { progressBar } from "../../src/train/progress-bar.ts";
import { corners } from "./networks.ts";

const data = corners(40, 2);
const network = () => sequential([flatten({ inputShape: [8, 8, 1] }), dense({ units: 4 })], { seed: 1 });
type Options = Parameters<ReturnType<typeof network>["fit"]>[1];
const trained = async (options: Options, set = data) => {
  const model = network();
  const { history } = await model.fit(set, { epochs: 2, ...options });
  return { history, weights: model.getWeights() };
};

describe("names of adam, huber, accuracy and others stand for", () => {
  test.each<[string, Options, Options]>([
    ["adam", { optimizer: "adam" }, { optimizer: adam() }],
    ["adamW", { optimizer: "adamW" }, { optimizer: adamW() }],
    ["rmsprop", { optimizer: "rmsprop" }, { optimizer: rmsprop() }],
    ["sgd", { optimizer: "sgd" }, { optimizer: sgd(0.01) }],
    ["mse", { loss: "mse" }, { loss: meanSquaredError() }],
    ["meanSquaredError", { loss: "meanSquaredError" }, { loss: meanSquaredError() }],
    ["categoricalCrossentropy", { loss: "categoricalCrossentropy" }, { loss: categoricalCrossentropy() }],
    ["binaryCrossentropy", { loss: "binaryCrossentropy" }, { loss: binaryCrossentropy() }],
    ["accuracy", { metrics: ["accuracy"] }, { metrics: [accuracy()] }],
    [
      "losses as metrics",
      { loss: "mse", metrics: ["huber"] },
      { loss: meanSquaredError(), metrics: [measured(huber())] },
    ],
  ])("%s", async (_, named, made) => {
    expect(await trained(named)).toEqual(await trained(made));
  });

  test("metrics under the name they were given", async () => {
    expect(Object.keys((await trained({ loss: "mse", metrics: ["mae"] })).history)).toContain("mae");
  });
});

describe("Model.fit: validation [x, y] is a data set of the same", () => {
  const [first, second] = [corners(40, 2), corners(20, 7)];
  test("labels", async () => {
    const x = second.batch(20).next().value!.x;
    const { history } = await trained({ validation: second }, first);
    expect((await trained({ validation: [x, second.labels()!] }, first)).history).toEqual(history);
    expect((await trained({ validation: [[...x], [...second.labels()!]] }, first)).history).toEqual(history);
    const nested = Array.from(second, row =>
      Array.from({ length: 8 }, (_, i) => [...row.x.subarray(8 * i, 8 * i + 8)]),
    );
    expect((await trained({ validation: [nested, second.labels()!] }, first)).history).toEqual(history);
  });

  test("targets, bytes scaled as those of the training, sample weights", async () => {
    const bytes = (seed: number) => Uint8Array.from({ length: 64 * 10 }, (_, i) => (i * i * seed) % 251);
    const targets = Float32Array.from({ length: 40 }, (_, i) => i / 40);
    const weights = Float32Array.from({ length: 10 }, (_, i) => i);
    const make = (x: Uint8Array, more = {}) =>
      new Dataset({ x, shape: [8, 8, 1], targets, ...more }).normalise({ scale: 1 / 128, offset: -1 });
    const { history } = await trained({ validation: make(bytes(3), { sampleWeights: weights }) }, make(bytes(2)));
    expect((await trained({ validation: [bytes(3), targets, weights] }, make(bytes(2)))).history).toEqual(history);
  });
});

describe("progressBar", () => {
  const written: string[] = [];
  const terminal = (isTTY: boolean) => {
    written.length = 0;
    const text = (chunk: unknown) => written.push(String(chunk)) > 0;
    vi.spyOn(process.stderr, "write").mockImplementation(text);
    vi.spyOn(process.stderr, "isTTY", "get").mockReturnValue(isTTY);
  };
  afterEach(() => vi.restoreAllMocks());

  test("prints a line per epoch without a terminal, and verbose: 1 the same", async () => {
    process.stderr.isTTY ??= false;
    terminal(false);
    await trained({ verbose: 1, validation: data });
    const lines = written.join("").trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    const measures = ["loss", "accuracy", "valLoss", "valAccuracy"].map(name => `${name} \\d\\.\\d{4}`).join("  ");
    lines.forEach((line, i) => {
      expect(line).toMatch(new RegExp(`^epoch ${i + 1}/2  ${measures}  learningRate 0\\.0010  \\d+\\.\\d s$`));
    });
    await trained({ callbacks: [progressBar()] });
    expect(written.join("").trimEnd().split("\n")).toHaveLength(4);
  });

  test("prints nothing by default, and changes nothing", async () => {
    process.stderr.isTTY ??= false;
    terminal(false);
    const quiet = await trained({});
    expect(written).toEqual([]);
    expect(await trained({ verbose: 1 })).toEqual(quiet);
  });

  test("is a bar on a terminal, put away in the end and after an abort", async () => {
    process.stderr.isTTY ??= false;
    terminal(true);
    await trained({ verbose: 1 });
    const [HIDE, SHOW] = ["\x1b[?25l", "\x1b[?25h"];
    expect(written.join("")).toContain("epoch 2/2  loss ");
    expect(written.filter(text => text.includes(HIDE))).toHaveLength(1);
    expect(written.join("").lastIndexOf(SHOW)).toBeGreaterThan(written.join("").lastIndexOf(HIDE));

    terminal(true);
    const abort = new AbortController();
    const callbacks = [{ onEpochEnd: () => abort.abort() }];
    await expect(trained({ verbose: 1, callbacks, signal: abort.signal })).rejects.toThrow();
    expect(written.join("").lastIndexOf(SHOW)).toBeGreaterThan(written.join("").lastIndexOf(HIDE));
  });
});
