import { beforeAll, describe, expect, test } from "vitest";
import { pruneOnce, quantizeDynamic, sensitivity, slim } from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import type { Model } from "../../src/model/index.ts";
import {
  add,
  model as buildModel,
  conv2d,
  dense,
  flatten,
  globalAveragePool2d,
  input,
  relu,
  sequential,
} from "../../src/model/index.ts";
import { meanSquaredError, topK } from "../../src/train/index.ts";
import { stripes, trained } from "./trained.ts";

let model: Model;
const data = stripes(90, 2);

beforeAll(async () => {
  model = await trained();
});

describe("sensitivity", () => {
  test("to sparsity: as pruneOnce of that layer alone", async () => {
    const before = model.getWeights();
    const found = await sensitivity(model, data, { strengths: [0, 0.5, 0.9] });
    expect(found).toMatchObject({ of: "sparsity", metric: "accuracy", samples: 90, strengths: [0, 0.5, 0.9] });
    expect(found.layers.map(({ layer, op, weights }) => [layer, op, weights])).toEqual([
      ["first", "conv2d", 36],
      ["second", "conv2d", 216],
      ["last", "dense", 18],
    ]);
    expect(found.scores.accuracy).toBeGreaterThan(0.8);
    for (const { layer, points } of found.layers)
      for (const { strength, scores } of points) {
        const pruned = pruneOnce(model, { sparsity: strength, layers: [layer] });
        const { loss, accuracy } = await pruned.evaluate(data);
        expect(scores.accuracy).toBe(accuracy);
        expect(scores.loss).toBeCloseTo(loss, 5);
      }
    expect(model.getWeights()).toEqual(before);
  });

  test("to bits: many bits change nothing, few do; a pruned model stays pruned", async () => {
    const pruned = pruneOnce(model, 0.3);
    const { scores, layers } = await sensitivity(pruned, data, { of: "bits", strengths: [16, 2], layers: ["second"] });
    expect(layers.map(l => l.layer)).toEqual(["second"]);
    const [fine, coarse] = layers[0]!.points;
    expect(scores.accuracy).toBe((await pruned.evaluate(data)).accuracy);
    expect(fine!.scores.loss).toBeCloseTo(scores.loss, 3);
    expect(Math.abs(coarse!.scores.loss - scores.loss)).toBeGreaterThan(1e-3);
  });

  test("to channels: as slim of that layer alone; layers that share channels are one", async () => {
    const found = await sensitivity(model, data, { of: "channels", strengths: [0, 0.5] });
    expect(found.layers.map(l => l.layer)).toEqual(["first", "second"]);
    for (const { layer, points } of found.layers) {
      expect(points[0]!.scores).toEqual(found.scores);
      const slimmed = await slim(model, { keep: { [layer]: layer === "first" ? 2 : 3 } });
      expect(points[1]!.scores.accuracy).toBe((await slimmed.evaluate(data)).accuracy);
    }
    const x = input({ shape: [8, 8, 1] });
    const stem = conv2d({ filters: 4, kernelSize: 3, padding: "same", name: "stem" })(x);
    const branch = conv2d({ filters: 4, kernelSize: 3, padding: "same", name: "branch" })(stem);
    const outputs = dense({ units: 3 })(flatten()(globalAveragePool2d()(add()(stem, branch))));
    const residual = await sensitivity(buildModel({ inputs: x, outputs, seed: 1 }), data, {
      of: "channels",
      strengths: [0.5],
    });
    expect(residual.layers.map(({ layer, tied }) => [layer, tied])).toEqual([["stem", ["branch"]]]);
    const bare = sequential([input({ shape: [64] }), dense({ units: 3 })]);
    const flat = new Dataset({ x: new Float32Array(64), shape: [64], labels: [0], classes: 3 });
    await expect(sensitivity(bare, flat, { of: "channels" })).rejects.toThrow(
      "no layer with channels that may be removed",
    );
  });

  test("with another metric, or the loss alone of data without labels", async () => {
    const top2 = await sensitivity(model, data, { metric: topK(2), strengths: [0.5], layers: ["last"] });
    expect(top2.metric).toBe("top2");
    expect(Object.keys(top2.scores)).toEqual(["loss", "top2"]);
    const targets = new Dataset({
      x: data.batch(90).next().value!.x,
      shape: [8, 8, 1],
      targets: new Float32Array(270),
      targetShape: [3],
    });
    const regression = await sensitivity(model, targets, { strengths: [0.5], layers: ({ op }) => op === "dense" });
    expect(regression.metric).toBe("loss");
    expect(regression.scores).toEqual({ loss: expect.any(Number) });
    expect(regression.layers[0]!.points[0]!.scores.loss).not.toBe(regression.scores.loss);
    expect(meanSquaredError().name).toBe("meanSquaredError");
  });

  test("prints a table and has JSON", async () => {
    const found = await sensitivity(model, data, { of: "bits", strengths: [8, 3] });
    const [title, head, ...rows] = String(found).split("\n");
    expect(title).toMatch(/^accuracy on 90 samples against bits a weight; unchanged \d+\.\d\d %$/);
    expect(head).toMatch(/^layer +weights +8 +3$/);
    expect(rows).toHaveLength(3);
    expect(rows[1]).toMatch(/^second +216 +\d+\.\d\d % +\d+\.\d\d %$/);
    const { toString: _, ...plain } = found;
    expect(JSON.parse(JSON.stringify(found))).toEqual(plain);
  });

  test("reports its progress, and can be aborted; the model is unchanged", async () => {
    const steps: unknown[] = [];
    const onProgress = (...args: unknown[]) => steps.push(args);
    await sensitivity(model, data, { strengths: [0.5], layers: ["first", "last"], onProgress });
    expect(steps).toEqual([
      [1, 2, "first"],
      [2, 2, "last"],
    ]);
    const before = model.getWeights();
    const abort = new AbortController();
    const stopped = sensitivity(model, data, {
      signal: abort.signal,
      onProgress: done => done === 2 && abort.abort(),
    });
    await expect(stopped).rejects.toThrow("aborted");
    expect(model.getWeights()).toEqual(before);
  });

  test("refuses models and options that do not fit", async () => {
    const refusals: [options: object, message: string][] = [
      [{ of: "weight" }, 'sensitivity: "of" expected one of "sparsity", '],
      [{ strengths: [] }, 'sensitivity: "strengths" expected a list of numbers, got []'],
      [{ strengths: [0.5, 1] }, 'sensitivity: "strengths[1]" expected finite number >= 0 and < 1, got 1'],
      [{ of: "bits", strengths: [1] }, 'sensitivity: "strengths[0]" expected integer in 2..16, got 1'],
      [{ layers: ["none"] }, 'sensitivity: "layers" expected layers with a kernel (first, second, last), got "none"'],
      [
        { layers: () => false },
        'sensitivity: "layers" expected a choice of at least one of first, second, last, got "none"',
      ],
      [{ strength: [1] }, '"sensitivity" has no option "strength"'],
      [{ onProgress: 1 }, 'sensitivity: "onProgress" expected a function, got 1'],
    ];
    for (const [options, message] of refusals) await expect(sensitivity(model, data, options)).rejects.toThrow(message);
    await expect(sensitivity(await quantizeDynamic(model), data)).rejects.toThrow(
      "measure the sensitivity of the float one",
    );
    const bare = sequential([input({ shape: [8, 8, 1] }), relu()]);
    await expect(sensitivity(bare, data)).rejects.toThrow("no layer with a kernel");
    const wrong = sequential([input({ shape: [5] }), dense({ units: 3 })]);
    await expect(sensitivity(wrong, data)).rejects.toThrow("expected");
  });
});
