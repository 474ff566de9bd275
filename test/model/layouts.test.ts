/** Kernels of conv1d and conv2dTranspose have Keras' axes in every model made of the one they were built in. */
import { describe, expect, test } from "vitest";
import { pruneOnce, quantizeStatic, slim } from "../../src/compress/index.ts";
import { read, write } from "../../src/container/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { conv1d, conv2dTranspose, dense, flatten, loadModel, reshape, sequential } from "../../src/model/index.ts";
import { restoreLayouts } from "../../src/model/layouts.ts";
import { load } from "../../src/run/index.ts";

const network = (name?: string) =>
  sequential(
    [
      conv1d({ filters: 3, kernelSize: 4, activation: "relu", inputShape: [8, 2], ...(name && { name }) }),
      reshape({ targetShape: [5, 1, 3] }),
      conv2dTranspose({ filters: 2, kernelSize: 2 }),
      flatten(),
      dense({ units: 2 }),
    ],
    { seed: 1 },
  );
const x = Float32Array.from({ length: 160 }, (_, i) => Math.fround(Math.sin(i)));
const data = new Dataset({ x, shape: [8, 2] });
const shapes = (model: { getWeights(): Record<string, { shape: readonly number[] }> }) =>
  Object.values(model.getWeights())
    .map(({ shape }) => shape.join("x"))
    .filter(shape => shape.includes("x"));

describe("loadModel and restoreLayouts", () => {
  test.each([undefined, "stem"])("keep the axes of conv1d and conv2dTranspose, layer name %s", async name => {
    const model = network(name);
    const loaded = await loadModel(model.toBytes());
    expect(loaded.getWeights()).toEqual(model.getWeights());
    expect(loaded.layers.map(l => l.name)).toContain(name ?? "conv1d");
    const again = await loadModel(loaded.toBytes());
    expect(again.getWeights()).toEqual(model.getWeights());
    loaded.setWeights(Object.values(model.getWeights()).map(w => w.data));
    expect(await loaded.predict(data)).toEqual(await model.predict(data));
  });

  test("without names in the file", async () => {
    const model = network("stem");
    const loaded = await loadModel(model.toBytes({ names: false }));
    expect(Object.values(loaded.getWeights())).toEqual(Object.values(model.getWeights()));
  });

  test.each(["clone", "pruneOnce", "bake", "slim", "quantizeStatic"])("after %s too", async step => {
    const model = network();
    const made = {
      clone: () => model.clone(),
      pruneOnce: () => pruneOnce(model, 0.5),
      bake: () => pruneOnce(model, 0.5).bake(),
      slim: () => slim(model, { keep: { conv1d: 2 } }),
      quantizeStatic: () => quantizeStatic(model, { calibration: data }),
    };
    const result = await made[step as keyof typeof made]();
    const expected = step === "slim" ? ["4x2x2", "2x2x2x2", "24x2"] : ["4x2x3", "2x2x2x3", "24x2"];
    expect(shapes(result)).toEqual(expected);
    expect(shapes(await loadModel(result.toBytes()))).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ["layouts are no object", 7],
    ['"nothing" is no kernel with the layout "sequence"', { nothing: "sequence" }],
    ['"conv2d/kernel" is no kernel with the layout "outputsLast"', { "conv2d/kernel": "outputsLast" }],
    ['"conv2d/kernel" is no kernel with the layout Object', { "conv2d/kernel": {} }],
    ['"dense/kernel" is no kernel with the layout "transposed"', { "dense/kernel": "transposed" }],
  ])("refuse a file that says so: %s", (message, layouts) => {
    const { graph } = read(write(network().graph));
    expect(() => restoreLayouts(graph, layouts)).toThrow(message);
  });

  test("load of penjing/run does without", async () => {
    const model = network();
    expect((await load(model.toBytes())).predict(data.row(0).x)).toEqual((await model.net()).predict(data.row(0).x));
  });
});
