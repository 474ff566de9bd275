import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { size } from "../../src/base/shape.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { Graph, type Role } from "../../src/graph/graph.ts";
import {
  activation,
  averagePool2d,
  batchNormalization,
  concatenate,
  conv2d,
  dense,
  depthwiseConv2d,
  dropout,
  flatten,
  globalAveragePool2d,
  input,
  loadModel,
  Model,
  maxPool2d,
  model,
  multiply,
  prelu,
  relu,
  sequential,
  subtract,
  zeroPadding2d,
} from "../../src/model/index.ts";
import { add as sum } from "../../src/ops/arithmetic/add.ts";
import { dense as matrixProduct } from "../../src/ops/convolution/dense.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, expectClose } from "../ops/planned.ts";

const small = (seed = 1): Model =>
  sequential(
    [
      conv2d({ filters: 3, kernelSize: 3, inputShape: [6, 6, 2], useBias: false }),
      batchNormalization(),
      relu(),
      maxPool2d(),
      flatten(),
      dense({ units: 4, trainable: false }),
    ],
    { seed, name: "small" },
  );

const folder = mkdtempSync(join(tmpdir(), "penjing-model-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("Model: weights", () => {
  test("have Keras' order, names and shapes", () => {
    const shapes = Object.entries(small().getWeights()).map(([name, w]) => `${name} ${w.shape.join("x")}`);
    expect(shapes).toEqual([
      "conv2d/kernel 3x3x2x3",
      "batchNormalization/gamma 3",
      "batchNormalization/beta 3",
      "batchNormalization/moving_mean 3",
      "batchNormalization/moving_variance 3",
      "dense/kernel 12x4",
      "dense/bias 4",
    ]);
  });

  test("of a convolution: Keras' [kh][kw][in][out] is our [out][kh][kw][in]", () => {
    const model = sequential([conv2d({ filters: 3, kernelSize: [2, 1], inputShape: [4, 4, 2] })]);
    const keras = Float32Array.from({ length: 12 }, (_, i) => i);
    model.setWeights({ "conv2d/kernel": { data: keras } });
    const inside = model.graph.leaves.find(v => v.name === "conv2d/kernel")!.data!;
    for (let tap = 0; tap < 2; tap++)
      for (let c = 0; c < 2; c++)
        for (let o = 0; o < 3; o++) expect(inside[(o * 2 + tap) * 2 + c]).toBe(keras[(tap * 2 + c) * 3 + o]);
  });

  test("of a depthwise convolution come back, with their own last axes", () => {
    const model = sequential([depthwiseConv2d({ kernelSize: 2, depthMultiplier: 3, inputShape: [4, 4, 2] })]);
    const kernel = { shape: [2, 2, 2, 3], data: noise(24) };
    model.setWeights({ "depthwiseConv2d/kernel": kernel });
    expect(model.getWeights()["depthwiseConv2d/kernel"]).toEqual(kernel);
  });

  test("are set by name or by index, all or none", () => {
    const [a, b] = [small(1), small(2)];
    b.setWeights(Object.values(a.getWeights()));
    expect(b.getWeights()).toEqual(a.getWeights());
    // as in Keras' get_weights and set_weights: a list of arrays, flat or nested
    const lists = Object.values(a.getWeights()).map(({ data }) => data);
    const c = small(2);
    c.setWeights(lists);
    expect(c.getWeights()).toEqual(a.getWeights());
    const kernel = Array.from({ length: 12 }, (_, i) => [i, -i, 2 * i, 0]);
    c.setWeights({ "dense/kernel": kernel, "dense/bias": [1, 2, 3, 4] });
    expect([...c.getWeights()["dense/kernel"]!.data]).toEqual(kernel.flat());
    expect([...c.getWeights()["dense/bias"]!.data]).toEqual([1, 2, 3, 4]);
    const before = a.getWeights();
    const wrong: [Parameters<Model["setWeights"]>[0], string][] = [
      [
        { "dense/bias": { data: [1, 2, 3, 4] }, "dense/weight": { data: [] } },
        "names among conv2d/kernel, batchNormalization/gamma",
      ],
      [{ "dense/bias": { data: [1, 2, 3] } }, '"dense/bias" expected 4 = 4 numbers, got 3'],
      [{ "dense/kernel": { shape: [4, 12], data: new Float32Array(48) } }, '"dense/kernel" expected 12x4, got 4x12'],
      [{ "dense/bias": { data: [1, 2, Number.NaN, 4] } }, '"dense/bias[2]" expected finite number, got NaN'],
      [[{ data: [1] }], '"weights" expected 7 weights, got 1'],
      [[[1]], '"weights" expected 7 weights, got 1'],
      [{ "dense/bias": [1, 2] }, '"dense/bias" expected 4 = 4 numbers, got 2'],
      [
        { "dense/kernel": kernel[0]!.map((_, c) => kernel.map(row => row[c]!)) },
        '"dense/kernel" expected 12x4, got 4x12',
      ],
      [{ "dense/kernel": kernel.map((row, i) => row.slice(i % 2)) }, "got arrays of different lengths"],
      [Float32Array.of(1) as never, '"weights" expected weights by name, or a list of all, got Float32Array(1)'],
    ];
    for (const [weights, message] of wrong) expect(() => a.setWeights(weights)).toThrow(message);
    expect(a.getWeights()).toEqual(before);
  });
});

describe("Model: freezing", () => {
  const frozen = (model: Model) => model.graph.leaves.filter(v => v.frozen).map(v => v.name);
  const statistics = ["batchNormalization/moving_mean", "batchNormalization/moving_variance"];

  test("follows the option and the layer, and never the moving statistics", () => {
    const model = small();
    expect(frozen(model)).toEqual([...statistics, "dense/kernel", "dense/bias"]);
    model.layer("dense").trainable = true;
    model.layer("conv2d").trainable = false;
    model.layer("batchNormalization").trainable = true;
    expect(frozen(model)).toEqual(["conv2d/kernel", ...statistics]);
    expect(model.layers.map(l => l.trainable)).toEqual([false, true, true, true, true, true]);
    expect(model.layer("batchNormalization")).toMatchObject({ parameters: 12, trainableParameters: 6 });
    expect(() => model.layer("conv")).toThrow(
      '"layer" expected one of conv2d, batchNormalization, relu, maxPool2d, flatten, dense, got "conv"',
    );
  });
});

test("Model.summary has a line for each layer with its inputs, and all parameters", () => {
  expect(small().summary()).toMatchInlineSnapshot(`
    "Model: "small"
    --------------------------------------------------------------------------------------
    Layer (ops)                              Output shape      Param #  Connected to
    --------------------------------------------------------------------------------------
    input (input)                            (batch, 6, 6, 2)        0
    conv2d (conv2d)                          (batch, 4, 4, 3)       54  input
    batchNormalization (batchNormalization)  (batch, 4, 4, 3)       12  conv2d
    relu (relu)                              (batch, 4, 4, 3)        0  batchNormalization
    maxPool2d (maxPool2d)                    (batch, 2, 2, 3)        0  relu
    flatten (reshape)                        (batch, 12)             0  maxPool2d
    dense (dense)                            (batch, 4)             52  flatten
    --------------------------------------------------------------------------------------
    Total params: 118 (472.00 B)
    Trainable params: 60 (240.00 B)
    Non-trainable params: 58 (232.00 B)"
  `);
});

describe("Model.predict", () => {
  const images = noise(11 * 72, 9);

  test("gives the results of evaluate, for any number of images", async () => {
    const model = small();
    const [expected] = evaluated(model.graph, { input: images }, 11);
    expectClose(await model.predict(images), expected!.data, "all at once");
    for (const [from, to] of [
      [0, 1],
      [1, 3],
      [2, 11],
    ] as const) {
      const some = await model.predict(images.subarray(from * 72, to * 72));
      expectClose(some, expected!.data.subarray(from * 4, to * 4), `images ${from}..${to}`);
    }
  });

  test("of a data set: scaled by its preprocessing, with more rows than are prepared at a time", async () => {
    const model = small();
    const pixels = Uint8Array.from({ length: 300 * 72 }, (_, i) => (i * 131) % 256);
    const data = new Dataset({ images: pixels, shape: [6, 6, 2], labels: new Uint8Array(300), classes: 4 });
    const real = Float32Array.from(pixels, p => Math.fround(p * Math.fround(1 / 255)));
    expect(await model.predict(data)).toEqual(await model.predict(real));
    expect(await model.predict(pixels)).toEqual(await model.predict(real));
  });

  test("follows the weights", async () => {
    const [model, other] = [small(1), small(2)];
    await model.predict(images);
    model.setWeights(other.getWeights());
    expect(await model.predict(images)).toEqual(await other.predict(images));
  });

  test("names shapes that do not fit", async () => {
    await expect(small().predict(new Float32Array(71))).rejects.toThrow(
      '"x" expected whole samples of 6x6x2 = 72 numbers',
    );
    const data = new Dataset({ images: new Uint8Array(72), shape: [6, 12, 1], labels: [0] });
    await expect(small().predict(data)).rejects.toThrow('"x" expected samples of 6x6x2, got 6x12x1');
  });
});

describe("Model: copies and files", () => {
  const images = noise(3 * 72, 4);

  test("a clone is a model of its own", async () => {
    const model = small();
    const clone = model.clone();
    expect(clone.getWeights()).toEqual(model.getWeights());
    expect(clone.layer("dense").trainable).toBe(false);
    model.setWeights({ "dense/bias": { data: [9, 9, 9, 9] } });
    model.layer("dense").trainable = true;
    expect([...clone.getWeights()["dense/bias"]!.data]).toEqual([0, 0, 0, 0]);
    expect(clone.layer("dense").trainable).toBe(false);
  });

  const lenetLike = () =>
    sequential([
      conv2d({ filters: 3, kernelSize: 3, activation: "relu", inputShape: [6, 6, 2] }),
      maxPool2d(),
      flatten(),
      dense({ units: 5, activation: "relu" }),
      dense({ units: 4 }),
    ]);

  test("saved and loaded it gives the same results from the same weights", async () => {
    const model = lenetLike();
    model.layer("dense_1").trainable = false;
    const path = join(folder, "model.penjing");
    await model.save(path, { labels: ["a", "b", "c", "d"], metadata: { from: "a test" } });
    const loaded = await loadModel(path);
    expect(loaded.getWeights()).toEqual(model.getWeights());
    expect(await loaded.predict(images)).toEqual(await model.predict(images));
    expect(loaded.labels).toEqual(["a", "b", "c", "d"]);
    expect(loaded.metadata).toEqual({ from: "a test" });
    expect(loaded.layer("dense_1").trainable).toBe(false);
  });

  test("default names take no bytes, others are kept", async () => {
    const plain = lenetLike().toBytes().length;
    expect(plain).toBe(lenetLike().toBytes({ names: false }).length);
    expect(lenetLike().toBytes({ names: true }).length).toBeGreaterThan(plain);
    const named = sequential([flatten({ inputShape: [2, 2] }), dense({ units: 1, name: "Output-1" })]);
    const loaded = await loadModel(named.toBytes());
    expect(Object.keys(loaded.getWeights())).toEqual(["Output-1/kernel", "Output-1/bias"]);
  });

  test("every kind of layer is restored, with everything that training needs", async () => {
    const x = input({ shape: [6, 6, 2] });
    const a = conv2d({ filters: 4, kernelSize: 3, padding: "same", groups: 2, activation: "leakyRelu" })(x);
    const b = depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: [1, 0, 1, 2], dilationRate: 1 })(x);
    const c = batchNormalization({ epsilon: 0.01, scale: false })(
      zeroPadding2d({
        padding: [
          [0, 1],
          [0, 0],
        ],
      })(a),
    );
    const cropped = maxPool2d({ poolSize: [2, 1], strides: 1 })(c);
    const both = concatenate()(cropped, multiply()(cropped, activation("sigmoid")(a)), subtract()(a, b));
    const shaped = prelu({ sharedAxes: [1, 2] })(dropout(0.25)(averagePool2d({ padding: "same", poolSize: 3 })(both)));
    const ends = (["relu6", "elu", "prelu", "hardSigmoid", "tanh", "hardSwish", "logSoftmax", "softmax"] as const).map(
      name => dense({ units: 3, activation: name })(flatten()(shaped)),
    );
    const whole = model({ inputs: x, outputs: concatenate()(globalAveragePool2d()(shaped), ...ends), seed: 3 });
    whole.setWeights({ "batchNormalization/moving_mean": { data: [0.1, -0.2, 0.3, 0] } });
    const loaded = await loadModel(whole.toBytes());
    expect(Object.values(loaded.getWeights())).toEqual(Object.values(whole.getWeights()));
    expect(await loaded.predict(images)).toEqual(await whole.predict(images));
    expect(loaded.graph.nodes.map(n => n.attrs)).toMatchObject(whole.graph.nodes.map(n => n.attrs));
    expect(loaded.graph.leaves.map(v => v.frozen ?? false)).toEqual(whole.graph.leaves.map(v => v.frozen ?? false));
    expect(loaded.graph.leaves.map(v => v.role)).toEqual(whole.graph.leaves.map(v => v.role));
    expect(loaded.summary().split("\n").slice(-3)).toEqual(whole.summary().split("\n").slice(-3));
  });

  test("options are checked, and so are loaded files", async () => {
    expect(() => small().toBytes({ nams: true } as never)).toThrow('"save" has no option "nams"');
    await expect(loadModel(join(folder, "none"))).rejects.toMatchObject({ code: "missing" });
    await expect(loadModel(new Uint8Array(40))).rejects.toMatchObject({ code: "magic" });
    await expect(loadModel("x", { names: 1 } as never)).rejects.toThrow('"loadModel" has no option "names"');
  });
});

test("Role: the role of a state does not depend on its name", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [2], dtype: "f32", batched: true });
  const state = (role: Role, name: string, shape: number[]) =>
    graph.state(role, name, { shape, dtype: "f32", batched: false }, new Float32Array(size(shape)).fill(2));
  const y = graph.one(matrixProduct, [x, state("weight", "layer/ones", [3, 2]), state("bias", "layer/mask", [3])]);
  graph.results = [
    graph.one(sum, [y, graph.one(broadcast, [state("constant", "layer/kernel", [3]), y], { shape: [3] })]),
  ];
  const made = new Model(graph);
  expect(Object.keys(made.getWeights())).toEqual(["layer/ones", "layer/mask"]);
  expect(made.parameters).toBe(9);
});

describe("Model.net", () => {
  test("is a single network, with the current weights", async () => {
    const model = small();
    const net = await model.net();
    const before = net.predict(noise(72));
    const w = model.getWeights();
    model.setWeights({ "dense/bias": { data: w["dense/bias"]!.data.map(v => v + 1) } });
    expect(await model.net()).toBe(net);
    expectClose(
      net.predict(noise(72)),
      before.map(v => v + 1),
      "predictions",
    );
  });

  test("is a new network if options are given", async () => {
    const model = small();
    const [one, other] = [
      await model.net({ capacity: 2 }),
      await model.net({ capacity: 2, labels: ["a", "b", "c", "d"] }),
    ];
    expect(one).not.toBe(other);
    expect(one).not.toBe(await model.net());
    expect(other.labels).toEqual(["a", "b", "c", "d"]);
    expect(one.bytes).toBeLessThanOrEqual((await model.net()).bytes);
    expect(other.predict(noise(72))).toEqual((await model.net()).predict(noise(72)));
    await expect(model.net({ capcity: 2 } as never)).rejects.toThrow('"capcity"');
  });
});
