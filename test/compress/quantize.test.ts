import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { pruneLowMagnitude, pruneOnce } from "../../src/compress/index.ts";
import { quantizeDynamic, quantizeStatic } from "../../src/compress/quantize.ts";
import { read } from "../../src/container/index.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { verify } from "../../src/graph/verify.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  dropout,
  flatten,
  input,
  loadModel,
  Model,
  maxPool2d,
  model,
  sequential,
} from "../../src/model/index.ts";
import { lenet5 } from "../../src/models/index.ts";
import { readState } from "../../src/run/contents.ts";
import { Net } from "../../src/run/net.ts";
import { digits } from "../data/digits.ts";
import { evaluated } from "../ops/planned.ts";
import { converted, convertedKernels, tensorflowLenet5, ulps } from "./tflite.ts";

function noise(rows: number, shape: readonly number[], seed = 5): Dataset {
  const random = new Random(seed);
  return new Dataset({
    images: Float32Array.from({ length: rows * size(shape) }, () => random.normal()),
    shape,
    labels: Array.from({ length: rows }, () => random.integer(3)),
  });
}

/** Mean distance of two sets of outputs, relative to the greatest magnitude. */
function distance(a: Float32Array, b: Float32Array): number {
  const top = a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]!), 0) / a.length / top;
}

async function expectIntegerKernels(quantized: Model): Promise<void> {
  expect(await quantized.program()).not.toMatch(/f32_(conv2d|gemm|depthwise)/);
  const { machine } = await quantized.net();
  for (const leaf of quantized.graph.leaves.filter(v => v.leaf === "state" && v.type.shape.length > 1)) {
    expect(leaf.type.dtype, leaf.name).toBe("i8");
    expect(readState(machine, leaf.name), leaf.name).toEqual(leaf.data);
    expect(machine.leaf(leaf.name).unit, leaf.name).toBeLessThan(size(leaf.type.shape) + 64);
  }
}

describe("quantizeStatic", () => {
  test("runs LeNet-5 by integer kernels from int8 weights", async () => {
    const whole = lenet5({ seed: 3 });
    const data = noise(64, [28, 28, 1]);
    const quantized = await quantizeStatic(whole, { calibration: data });
    verify(quantized.graph);
    await expectIntegerKernels(quantized);
    expect(distance(await whole.predict(data), await quantized.predict(data))).toBeLessThan(0.02);
  });

  test("gives the results of its specification, to the bit", async () => {
    const quantized = await quantizeStatic(lenet5({ seed: 3 }), { calibration: noise(32, [28, 28, 1]) });
    const x = noise(3, [28, 28, 1], 8).images as Float32Array;
    const leaf = quantized.graph.leaves.find(v => v.leaf === "input")!;
    const [expected] = evaluated(quantized.graph, { [leaf.name]: x }, 3);
    expect(await quantized.predict(x)).toEqual(Float32Array.from(expected!.data));
  });

  test("converts TensorFlow's LeNet-5 as TensorFlow's converter does", async () => {
    const { train } = await digits();
    const quantized = await quantizeStatic(new Model(tensorflowLenet5()), {
      calibration: train.take(512),
      inputType: "i8",
    });
    const kernels = convertedKernels();
    for (const { name } of converted.layers) {
      const [, weight, bias] = quantized.graph.nodes.find(n => n.name === name)!.inputs;
      expect(weight!.data, name).toEqual(kernels.get(name));
      const layer = converted.layers.find(l => l.name === name)!;
      // the input's scale may differ in its last bit, and so a bias by about one in 10 million
      layer.bias.forEach((b, i) => {
        expect(Math.abs(bias!.data![i]! - b), `${name} bias ${i}`).toBeLessThanOrEqual(1);
      });
      const y = quantized.graph.nodes.find(n => n.name === name)!.outputs[0]!.type.quantization!;
      expect(y.zeroPoint, name).toBe(converted.activations[name]!.zeroPoint);
      expect(ulps(y.scale[0]!, converted.activations[name]!.scale), name).toBeLessThanOrEqual(2);
    }
  });

  test("is evaluated like the model it was made of", async () => {
    const whole = lenet5({ seed: 3 });
    const data = noise(40, [28, 28, 1]);
    const quantized = await quantizeStatic(whole, { calibration: data });
    const [float, integer] = [await whole.evaluate(data), await quantized.evaluate(data)];
    expect(integer.loss).toBeCloseTo(float.loss, 1);
    expect(Math.abs(integer.accuracy! - float.accuracy!)).toBeLessThanOrEqual(0.1);
    const outputs = await quantized.predict(data);
    const right = [...data.labels()!].filter((label, i) => {
      const row = outputs.subarray(10 * i, 10 * i + 10);
      return row.indexOf(Math.max(...row)) === label;
    });
    expect(integer.accuracy).toBe(right.length / 40);
  });

  test("has int8 inputs and outputs on request", async () => {
    const quantized = await quantizeStatic(lenet5({ seed: 3 }), {
      calibration: noise(32, [28, 28, 1]),
      inputType: "i8",
    });
    const net = await quantized.net();
    expect([net.inputs[0]!.dtype, net.outputs[0]!.dtype]).toEqual(["i8", "i8"]);
    expect(net.run(new Int8Array(28 * 28 * 2))).toHaveLength(20);
    expect(await quantized.program()).not.toMatch(/ f32_/);
  });

  test("folds batch normalization, bakes masks and drops dropout", async () => {
    const whole = sequential([
      conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 2], activation: "linear" }),
      batchNormalization(),
      maxPool2d(),
      dropout(0.5),
      flatten(),
      dense({ units: 3 }),
    ]);
    const pruned = pruneOnce(whole, 0.5);
    const data = noise(40, [8, 8, 2]);
    const quantized = await quantizeStatic(pruned, { calibration: data });
    await expectIntegerKernels(quantized);
    const kernel = quantized.graph.leaves.find(v => v.name === "dense/kernel")!.data!;
    expect(kernel.filter(q => q === 0).length).toBeGreaterThanOrEqual(kernel.length / 2);
    expect(distance(await pruned.predict(data), await quantized.predict(data))).toBeLessThan(0.03);
  });

  test("quantizes a layer used twice for each of its inputs' scales", async () => {
    const x = input({ shape: [6] });
    const twice = dense({ units: 6, name: "twice", biasInitializer: "ones" });
    const whole = model({ inputs: x, outputs: dense({ units: 2 })(twice(twice(x))) });
    const data = noise(60, [6]);
    const quantized = await quantizeStatic(whole, { calibration: data });
    verify(quantized.graph);
    const states = quantized.graph.leaves.filter(v => v.leaf === "state").map(v => v.name);
    expect(states).toEqual(["twice/kernel", "twice/bias", "twice/bias 2", "dense/kernel", "dense/bias"]);
    const [first, second] = quantized.graph.leaves.filter(v => v.name.startsWith("twice/bias"));
    expect(first!.data).not.toEqual(second!.data);
    expect(distance(await whole.predict(data), await quantized.predict(data))).toBeLessThan(0.03);
  });

  test("leaves excluded layers in float", async () => {
    const whole = lenet5({ seed: 3 });
    const data = noise(32, [28, 28, 1]);
    const quantized = await quantizeStatic(whole, { calibration: data, exclude: ["dense_2"] });
    const types = Object.fromEntries(quantized.graph.leaves.map(v => [v.name, v.type.dtype]));
    expect(types).toMatchObject({ "dense_1/kernel": "i8", "dense_2/kernel": "f32", "dense_2/bias": "f32" });
    expect(distance(await whole.predict(data), await quantized.predict(data))).toBeLessThan(0.02);
    const convolutions = await quantizeStatic(whole, { calibration: data, exclude: ({ op }) => op === "dense" });
    expect(await convolutions.program()).toMatch(/f32_gemm/);
  });

  test("is the same in a file and back", async () => {
    const quantized = await quantizeStatic(lenet5({ seed: 3 }), { calibration: noise(32, [28, 28, 1]) });
    const bytes = quantized.toBytes();
    expect(bytes.length).toBeLessThan(lenet5().toBytes().length / 3.8);
    const loaded = await Net.create(read(bytes).graph);
    const x = noise(4, [28, 28, 1], 8).images as Float32Array;
    expect(loaded.predict(x)).toEqual(await quantized.predict(x));
  });

  test("names wrong options", async () => {
    const calibration = noise(4, [28, 28, 1]);
    const wrong = (options: object) => quantizeStatic(lenet5(), options as never);
    await expect(wrong({})).rejects.toThrow('"calibration" expected a Dataset, with labels or without, got undefined');
    await expect(wrong({ calibration, bits: 4 })).rejects.toThrow('no option "bits"');
    await expect(wrong({ calibration, inputType: "u8" })).rejects.toThrow('"inputType" expected one of "f32", "i8"');
    await expect(wrong({ calibration, exclude: ["nothing"] })).rejects.toThrow('"exclude" expected layers among');
    await expect(wrong({ calibration, exclude: () => true })).rejects.toThrow("no convolution or dense layer is left");
    await expect(quantizeStatic({} as never, { calibration })).rejects.toThrow('"model" expected a Model');
  });
});

describe("quantizeDynamic", () => {
  test("runs LeNet-5 by integer kernels, float in and out", async () => {
    const whole = lenet5({ seed: 3 });
    const data = noise(20, [28, 28, 1]);
    const quantized = await quantizeDynamic(whole);
    verify(quantized.graph);
    await expectIntegerKernels(quantized);
    expect(distance(await whole.predict(data), await quantized.predict(data))).toBeLessThan(0.02);
    const loaded = await Net.create(read(quantized.toBytes()).graph);
    expect(loaded.predict(data.images as Float32Array)).toEqual(await quantized.predict(data));
  });

  test("leaves excluded layers in float", async () => {
    const quantized = await quantizeDynamic(lenet5(), { exclude: ["conv2d"] });
    const types = Object.fromEntries(quantized.graph.leaves.map(v => [v.name, v.type.dtype]));
    expect(types).toMatchObject({ "conv2d/kernel": "f32", "conv2d_1/kernel": "i8", "conv2d_1/bias": "f32" });
  });
});

describe("quantizeStatic, quantizeDynamic and others refuse a quantized network", () => {
  const data = noise(8, [28, 28, 1]);
  const forms = {
    static: () => quantizeStatic(lenet5(), { calibration: data }),
    "static, int8 inputs": () => quantizeStatic(lenet5(), { calibration: data, inputType: "i8" }),
    dynamic: () => quantizeDynamic(lenet5()),
  };
  const says = (verb: string) =>
    expect.objectContaining({
      code: "quantized",
      message: `this network is quantized already: ${verb} the float one it was made of`,
    });
  const attempt = async (act: () => unknown) => act();

  test.each(Object.entries(forms))("%s: is not quantized, pruned or trained", async (_, make) => {
    const quantized = await make();
    const loaded = await loadModel(quantized.toBytes());
    for (const model of [quantized as unknown as Model, loaded, loaded.bake()]) {
      await expect(quantizeStatic(model, { calibration: data })).rejects.toThrow(says("quantize"));
      await expect(quantizeDynamic(model)).rejects.toThrow(says("quantize"));
      await expect(attempt(() => pruneOnce(model, 0.5))).rejects.toThrow(says("prune"));
      await expect(attempt(() => pruneLowMagnitude(model))).rejects.toThrow(says("prune"));
    }
    await expect(loaded.fit(data)).rejects.toThrow(says("train"));
    const image = (data.images as Float32Array).subarray(0, 784);
    await expect(loaded.trainStep(image, [1])).rejects.toThrow(says("train"));
  });
});
