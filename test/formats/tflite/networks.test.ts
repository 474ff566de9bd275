/** Real networks, read and run: int8 gives LiteRT's bytes, float its numbers, on every variant this engine supports. */
import { describe, expect, test } from "vitest";
import { size } from "../../../src/base/shape.ts";
import { read, write } from "../../../src/container/index.ts";
import { loadTflite } from "../../../src/formats/tflite/index.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { printGraph } from "../../../src/graph/print.ts";
import { verify } from "../../../src/graph/verify.ts";
import { crc32 } from "../../../src/kernels/bits.ts";
import { supported, type Variant } from "../../../src/kernels/load.ts";
import { RUN } from "../../../src/kernels/load-run.ts";
import { autoencoder, dsCnn, mobilenetV1, resnet8 } from "../../../src/models/index.ts";
import { COST, LOWER, PREFERS } from "../../../src/ops/index.ts";
import { Net } from "../../../src/run/net.ts";
import { noise } from "../../kernels/harness.ts";
import { evaluated, expectClose, planned } from "../../ops/planned.ts";
import { bytesOf, digits, FLOAT, floatsOf, INT8, int8Of } from "./vectors.ts";

const VARIANTS: Variant[] = ["simd", ...(supported().relaxedDot === "u8" ? ["relaxed" as const] : [])];
const load = (model: string) => loadTflite(bytesOf(`${model}.tflite`));

describe.each(INT8)("%s", (model, inputs, answers) => {
  const expected = int8Of(answers);
  const images = (perImage: number, outputs: number) =>
    int8Of(inputs).subarray(0, (expected.length / outputs) * perImage);

  test.each(VARIANTS)("gives LiteRT's bytes, %s", async variant => {
    const { graph } = await load(model);
    verify(graph);
    const net = await Net.create(graph, { variant });
    const x = images(size(net.inputs[0]!.shape), size(net.outputs[0]!.shape)).slice();
    expect(net.run(x)).toEqual(expected);
  });
});

describe.each(INT8.filter(([model]) => /zoo|kws|lenet5|mnist/.test(model)))("%s inside", (model, inputs) => {
  test("every value is the specification's", async () => {
    const { graph } = await load(model);
    const perImage = size(graph.leaves[0]!.type.shape);
    const x = int8Of(inputs).subarray(0, 2 * perImage);
    await expectEveryValue(graph, x, 0);
  });
});

/** Compares the plan with evaluate, node by node, at batch 2. */
async function expectEveryValue(graph: Graph, x: ArrayLike<number>, relative: number): Promise<void> {
  const all = graph.copy().graph;
  all.results = all.nodes.map(n => n.outputs[0]!);
  const feed = { [graph.leaves[0]!.name]: x };
  const expected = evaluated(all, feed, 2);
  const ran = await planned(all, feed, {
    batch: 2,
    binary: RUN,
    ops: { lower: LOWER, prefers: PREFERS },
    variant: "simd",
  });
  all.nodes.forEach((n, i) => {
    if (relative) expectClose(ran.results[i]!.data, expected[i]!.data, n.name, relative);
    // a float between int8 values differs in its last bits, which rounding removes
    else if (n.outputs[0]!.type.dtype === "i8")
      expect([...ran.results[i]!.data], n.name).toEqual([...expected[i]!.data]);
  });
}

/**
 * |got - expected| is at most 1e-6 plus 1e-5 of the largest output for the same image: sums cancel, and both are
 * rounded.
 */
function expectNear(got: Float32Array, expected: Float32Array, outputs: number): void {
  expect(got.length).toBe(expected.length);
  for (let at = 0; at < got.length; at += outputs) {
    const largest = expected.subarray(at, at + outputs).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    for (let i = at; i < at + outputs; i++)
      if (!(Math.abs(got[i]! - expected[i]!) <= 1e-6 + 1e-5 * largest))
        expect.fail(`answer ${i} is ${got[i]}, expected ${expected[i]}`);
  }
}

describe.each(FLOAT)("%s", model => {
  test("gives LiteRT's numbers, image by image and in batches", async () => {
    const { graph } = await load(model);
    verify(graph);
    for (const capacity of [1, 16]) {
      const net = await Net.create(graph, { capacity });
      expectNear(
        net.predict(floatsOf(`${model}.in.f32.bin`)),
        floatsOf(`${model}.out.f32.bin`),
        size(net.outputs[0]!.shape),
      );
    }
  });

  test("every value is the specification's", async () => {
    const { graph } = await load(model);
    await expectEveryValue(
      graph,
      floatsOf(`${model}.in.f32.bin`).subarray(0, 2 * size(graph.leaves[0]!.type.shape)),
      1e-5,
    );
  });
});

test("loadTflite: kws_ref_model_float32, whose convolutions are int8 at run time, gives LiteRT's results", async () => {
  const model = await load("tflite/kws_ref_model_float32");
  const got = await model.predict(floatsOf("tflite/kws_ref_model_float32.in.f32.bin"));
  const expected = floatsOf("tflite/kws_ref_model_float32.out.f32.bin");
  // float convolutions between them differ in their last bits, which sometimes changes the rounding of the next layer's
  // input
  got.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThanOrEqual(1e-4));
  expect(got.length).toBe(expected.length);
});

describe("loadTflite: forms of LeNet-5", () => {
  const x = digits();
  const answered = async (name: string) => {
    const model = await load(`tflite/${name}`);
    return { model, got: await model.predict(x), expected: floatsOf(`tflite/${name}.out.f32.bin`) };
  };

  test.each(["lenet5_float", "lenet5_float16", "lenet5_poly80_sparse"])("%s gives LiteRT's numbers", async name => {
    const { got, expected } = await answered(name);
    expectNear(got, expected, 10);
  });

  test("lenet5_qat, quantized inside, gives the same steps of 1/256", async () => {
    const { got, expected } = await answered("lenet5_qat");
    expect([...got]).toEqual([...expected]);
  });

  test("lenet5_dynamic gives the same classes, and scores within 0.02", async () => {
    const { got, expected } = await answered("lenet5_dynamic");
    const classes = (y: Float32Array) =>
      Array.from({ length: 200 }, (_, i) => y.subarray(10 * i, 10 * i + 10)).map(row => row.indexOf(Math.max(...row)));
    expect(classes(got)).toEqual(classes(expected));
    got.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThanOrEqual(0.02));
  });

  test("the sparse one has four zeros in five weights, dense again", async () => {
    const { model } = await answered("lenet5_poly80_sparse");
    const { data } = model.getWeights()["dense/kernel"]!;
    expect(data.filter(v => v === 0).length / data.length).toBeCloseTo(0.8, 2);
  });
});

describe("loadTflite returns an ordinary model", () => {
  test("which prints, and costs the sum of its layers", async () => {
    const { graph } = await load("tflite/lenet5_float");
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "input input_1: f32*[28x28x1]
      state conv2d/kernel: f32[6x5x5x1]
      state conv2d/bias: f32[6]
      state conv2d_1/kernel: f32[16x5x5x6]
      state conv2d_1/bias: f32[16]
      state dense/kernel: f32[120x256]
      state dense/bias: f32[120]
      state dense_1/kernel: f32[84x120]
      state dense_1/bias: f32[84]
      state dense_2/kernel: f32[10x84]
      state dense_2/bias: f32[10]
      %3: f32*[24x24x6] = conv2d(input_1, conv2d/kernel, conv2d/bias) strides=[1,1] pads=[0,0,0,0] dilations=[1,1] groups=1
      %4: f32*[24x24x6] = relu(%3)
      %5: f32*[12x12x6], %6: i32*[12x12x6] = maxPool2d(%4) size=[2,2] strides=[2,2] dilations=[1,1] pads=[0,0,0,0]
      %9: f32*[8x8x16] = conv2d(%5, conv2d_1/kernel, conv2d_1/bias) strides=[1,1] pads=[0,0,0,0] dilations=[1,1] groups=1    ; conv2d_1
      %10: f32*[8x8x16] = relu(%9)    ; relu_1
      %11: f32*[4x4x16], %12: i32*[4x4x16] = maxPool2d(%10) size=[2,2] strides=[2,2] dilations=[1,1] pads=[0,0,0,0]    ; maxPool2d_1
      %13: f32*[256] = reshape(%11) shape=[256]
      %16: f32*[120] = dense(%13, dense/kernel, dense/bias)
      %17: f32*[120] = relu(%16)    ; relu_2
      %20: f32*[84] = dense(%17, dense_1/kernel, dense_1/bias)    ; dense_1
      %21: f32*[84] = relu(%20)    ; relu_3
      %24: f32*[10] = dense(%21, dense_2/kernel, dense_2/bias)    ; dense_2
      %25: f32*[10] = softmax(%24)
      -> %25"
    `);
    expect(graph.nodes.reduce((sum, n) => sum + COST[n.op.name as keyof typeof COST](n).macs, 0)).toBe(281640);
  });

  test.each([
    "tflite/lenet5_int8",
    "tflite-zoo/zoo_wide_int8",
    "tflite-zoo/zoo_unet_int8",
    "tflite-zoo/zoo_branch_float",
  ])("%s is stored and answers the same", async name => {
    const model = await load(name);
    const bytes = model.toBytes();
    const { graph } = read(bytes);
    expect(crc32(write(graph))).toBe(crc32(bytes));
    const [before, after] = [await model.net(), await Net.create(graph)];
    const x = noise(2 * size(model.inputShape), 3);
    expect([...after.predict(x)]).toEqual([...before.predict(x)]);
  });

  test.each([
    ["kws_ref_model", dsCnn],
    ["pretrainedResnet_quant", resnet8],
    ["vww_96_int8", mobilenetV1],
    ["ad01_int8", autoencoder],
  ])("%s is the network its builder builds: shapes and MACs", async (name, make) => {
    const weighted = (graph: Graph) =>
      graph.nodes
        .filter(n => ["conv2d", "depthwiseConv2d", "dense"].includes(n.op.name))
        .map(n =>
          [n.op.name, n.outputs[0]!.type.shape.join("x"), COST[n.op.name as keyof typeof COST](n).macs].join(" "),
        );
    const { graph } = await load(`tflite/${name}`);
    expect(weighted(graph).sort()).toEqual(weighted(make().graph).sort());
  });

  test("a float one trains on", async () => {
    const model = await load("tflite/lenet5_float");
    const x = digits().subarray(0, 8 * 784);
    const y = Int32Array.of(7, 2, 1, 0, 4, 1, 4, 9);
    const before = model.getWeights()["conv2d/kernel"]!.data.slice();
    const { loss } = await model.trainStep(x, y);
    expect(Number.isFinite(loss)).toBe(true);
    await model.trainStep(x, y);
    expect(model.getWeights()["conv2d/kernel"]!.data).not.toEqual(before);
  });
});
