/** One class Model for all: a float network, its int8 forms, and each of them from a file. */
import { beforeAll, describe, expect, test } from "vitest";
import { analyze, pruneOnce, quantizeDynamic, quantizeStatic, sparsity } from "../../src/compress/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  flatten,
  loadModel,
  Model,
  relu,
  sequential,
} from "../../src/model/index.ts";
import { accuracy } from "../../src/train/metrics.ts";
import { adam } from "../../src/train/optimizers.ts";
import { corners } from "../train/networks.ts";

const data = corners(60, 5);
const unlabelled = new Dataset({ x: data.images, shape: data.shape });

const made: Record<string, Model> = {};
beforeAll(async () => {
  const float = sequential(
    [
      conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 1] }),
      batchNormalization(),
      relu(),
      flatten(),
      dense({ units: 4 }),
    ],
    { seed: 1, name: "corners" },
  );
  await float.fit(data, { epochs: 15, batchSize: 8, optimizer: adam(0.01) });
  const static8 = await quantizeStatic(float, { calibration: unlabelled });
  const dynamic = await quantizeDynamic(float);
  const bytes = await quantizeStatic(float, { calibration: unlabelled, inputType: "i8" });
  Object.assign(made, { float, static8, dynamic, bytes });
  for (const name of Object.keys(made)) made[`loaded ${name}`] = await loadModel(made[name]!.toBytes());
});

const NAMES = ["float", "static8", "dynamic", "bytes"].flatMap(name => [name, `loaded ${name}`]);
const INTEGERS = NAMES.filter(name => !name.includes("float"));

describe("Model", () => {
  test.each(NAMES)("%s predicts, runs, scores, counts, prints and saves", async name => {
    const model = made[name]!;
    expect(model).toBeInstanceOf(Model);
    expect(model.kind).toBe(name.includes("float") ? "float" : "integer");
    expect(model.name).toBe("corners");
    expect([model.inputShape, model.outputShape]).toEqual([[8, 8, 1], [4]]);

    const outputs = await model.predict(data);
    const labels = data.labels()!;
    const right = labels.filter((label, r) => {
      const row = outputs.subarray(4 * r, 4 * r + 4);
      return row.indexOf(Math.max(...row)) === label;
    });
    const scores = await model.evaluate(data, { loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] });
    expect(scores.accuracy).toBeCloseTo(right.length / data.length, 6);
    expect(scores.accuracy).toBeGreaterThan(0.9);
    expect(await model.evaluate(data, { batchSize: 7, metrics: [accuracy()] })).toEqual({
      loss: scores.loss,
      accuracy: scores.accuracy,
    });
    expect([...(await model.predict(data.row(3).x))]).toEqual([...outputs.subarray(12, 16)]);
    const type = name.includes("bytes") ? Int8Array : Float32Array;
    expect(await model.run(new type(64))).toBeInstanceOf(type);

    // batch normalization is folded in int8 networks: 8 of its 16 parameters become the convolution's bias, which it
    // had already
    expect(model.parameters).toBe(name.includes("float") ? 40 + 16 + 580 : 40 + 580);
    expect(model.macs).toBe(36 * 9 * 4 + 144 * 4 + (name.includes("float") ? 144 : 0));
    expect(model.summary()).toContain(`Total params: ${model.parameters} (`);
    expect(model.layer("conv2d").parameters).toBe(40);
    expect(await model.program()).toContain(name.includes("float") ? "f32_" : "i8_");
    expect((await model.profile({ milliseconds: 0.01 })).macs).toBe(model.macs);
    expect(sparsity(model).weights).toBe(36 + 576);
    expect(analyze(model)).toMatchObject({
      parameters: model.parameters,
      macs: model.macs,
      original: 4 * model.parameters,
      compressed: model.toBytes().length,
    });
    expect(await (await loadModel(model.toBytes())).predict(data)).toEqual(outputs);
    expect(await model.clone().predict(data)).toEqual(outputs);
  });

  test.each(INTEGERS)("%s is as good as before it was saved, and gives its weights in real numbers", async name => {
    const [model, before] = [made[name]!, made[name.replace("loaded ", "")]!];
    expect(await model.evaluate(data)).toEqual(await before.evaluate(data));
    const [whole, weights] = [new Model(before.float!).getWeights(), model.getWeights()];
    expect(Object.keys(weights)).toEqual(Object.keys(whole));
    for (const [weight, { shape, data }] of Object.entries(weights)) {
      expect(shape).toEqual(whole[weight]!.shape);
      const greatest = Math.max(...whole[weight]!.data.map(Math.abs));
      data.forEach((w, i) => {
        expect(Math.abs(w - whole[weight]!.data[i]!), weight).toBeLessThanOrEqual(greatest / 250);
      });
    }
  });

  test.each(INTEGERS)("%s is not trained, pruned or quantized again", async name => {
    const model = made[name]!;
    const refused = expect.objectContaining({
      code: "quantized",
      message: expect.stringContaining("is quantized already"),
    });
    await expect(model.fit(data)).rejects.toThrow(refused);
    await expect(model.trainStep(data.row(0).x, [0])).rejects.toThrow(refused);
    await expect(quantizeDynamic(model)).rejects.toThrow(refused);
    await expect(quantizeStatic(model, { calibration: data })).rejects.toThrow(refused);
    expect(() => pruneOnce(model, 0.5)).toThrow(refused);
    expect(() => model.setWeights({})).toThrow(refused);
    expect(model.summary()).toContain("Trainable params: 0 (a network of integers)");
    expect(model.layers.every(({ trainableParameters }) => trainableParameters === 0)).toBe(true);
  });
});

test("Model.save with masks writes what runs, as bake gives it", async () => {
  const pruned = pruneOnce(made.float!, 0.5);
  expect(pruned.toBytes()).toEqual(pruned.bake().toBytes());
  const loaded = await loadModel(pruned.toBytes());
  expect(await loaded.predict(data)).toEqual(await pruned.predict(data));
  expect(sparsity(loaded).zeros).toBe(sparsity(pruned).zeros);
});

test("evaluate of a quantized Model stops by its signal", async () => {
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  await expect(made.static8!.evaluate(data, { signal })).rejects.toBe(reason);
});
