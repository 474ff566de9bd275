/** The smallest file of each kind of fault that fuzzing found: each is refused, by name, or gives the correct value. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { tensor } from "../../src/base/tensor.ts";
import { write } from "../../src/container/write.ts";
import { Graph, type Op, type Type, type Value } from "../../src/graph/graph.ts";
import { logSoftmax } from "../../src/ops/activation/log-softmax.ts";
import { prelu } from "../../src/ops/activation/prelu.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { rescale } from "../../src/ops/arithmetic/rescale.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { evaluate } from "../../src/ops/index.ts";
import { batchNormalization } from "../../src/ops/normalization/batch-normalization.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d, type Pool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { concat } from "../../src/ops/shape/concat.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { resizeBilinear } from "../../src/ops/shape/resize-bilinear.ts";
import { load } from "../../src/run/index.ts";
import { lawless } from "./grammar.ts";
import { guardFaults } from "./guarded.ts";
import { runFaults } from "./running.ts";

const f32 = (...shape: number[]): Type => ({ shape, dtype: "f32", batched: true });
const u8 = (...shape: number[]): Type => ({ ...f32(...shape), dtype: "u8" });
const i8 = (...shape: number[]): Type => ({
  ...f32(...shape),
  dtype: "i8",
  quantization: { scale: Float32Array.of(0.7), zeroPoint: 5 },
});

/** A file with one node, regardless of its op's checks. */
function fileOf<A>(op: Op<A>, x: Type, attrs: A, more: (graph: Graph, x: Value) => Value[] = () => []): Uint8Array {
  const graph = new Graph();
  const input = graph.leaf("input", "x", x);
  graph.results = [graph.one(lawless(op, x), [input, ...more(graph, input)], attrs)];
  return write(graph);
}

const refused = async (file: Uint8Array, message: RegExp) => {
  const error = await load(file).catch(error => error);
  expect(error).toMatchObject({ name: "PenjingError", code: "damaged" });
  expect(error.message).toMatch(message);
};

describe("maxPool2d and averagePool2d refuse windows entirely in the padding", () => {
  const pool = (more: Partial<Pool2d>): Pool2d => ({ ...plainWindow, size: [2, 2], strides: [2, 2], ...more });
  const cases: [string, Partial<Pool2d>, RegExp][] = [
    ["below the image", { pads: [0, 0, 2 ** 20, 0] }, /wholly in the padding/],
    ["above the image", { pads: [1000, 0, 0, 0] }, /wholly in the padding/],
    ["left of it", { pads: [0, 2, 0, 0] }, /wholly in the padding/],
    ["right of it", { pads: [0, 0, 0, 3] }, /wholly in the padding/],
    [
      "around it, their step jumps over it",
      { pads: [2, 0, 2, 0], dilations: [8, 1], size: [2, 1] },
      /wholly in the padding/,
    ],
    ["over what is cropped", { pads: [0, 0, -1, 0], ceil: true, size: [3, 1], strides: [4, 1] }, /cropped edge/],
    ["beyond 32 bits", { pads: [2 ** 31 - 1, 0, 2 ** 31 - 1, 0], dilations: [2 ** 31, 1] }, /below 2\^30/],
  ];
  test.each(cases)("%s", async (_, attrs, message) => {
    for (const x of [f32(7, 2, 7), i8(7, 2, 7)])
      for (const op of [maxPool2d, averagePool2d]) await refused(fileOf(op, x, pool(attrs)), message);
  });

  test("and windows of more taps than a sum has room for", async () => {
    const size = [2 ** 12, 2 ** 12] as const;
    const whole = pool({ size, pads: [2 ** 12 - 7, 2 ** 12 - 2, 0, 0] });
    await refused(fileOf(averagePool2d, i8(7, 2, 7), { ...whole, countIncludePad: true }), /int8 means are over/);
  });

  test("those that touch the image with one tap are averaged over it", async () => {
    const attrs = pool({ size: [3, 3], strides: [3, 3], pads: [2, 2, 2, 2] });
    const net = await load(fileOf(averagePool2d, f32(2, 2, 1), attrs));
    expect([...net.run(Float32Array.of(1, 2, 3, 4))]).toEqual([1, 2, 3, 4]);
    expect(runFaults(net, 9, new Random(1))).toEqual([]);
  });
});

describe("load: kernels of floats never run over other elements", () => {
  const states = (graph: Graph): Value[] =>
    ["gamma", "beta", "mean", "variance"].map(name =>
      graph.state("weight", name, { shape: [4], dtype: "f32", batched: false }, new Float32Array(4).fill(1)),
    );
  test.each([relu, softmax, logSoftmax] as Op<any>[])("$name over bytes", async op => {
    await refused(fileOf(op, u8(100, 100, 8), {}), /expects f32.*got u8/);
  });
  test("batchNormalization over int8", async () => {
    const attrs = { epsilon: 1e-3, momentum: 0.9 };
    await refused(fileOf(batchNormalization, i8(64, 64, 4), attrs, states), /expects f32, got i8/);
  });
  test("prelu with slopes of int8", async () => {
    const slopes = (graph: Graph) => [graph.state("weight", "alpha", { ...i8(9), batched: false }, new Int8Array(9))];
    await refused(fileOf(prelu, f32(9), {}, slopes), /expects f32, got i8/);
  });
});

describe("load: ops of rows refuse scalars, which are stored without a row's padding", () => {
  test.each([softmax, logSoftmax, prelu] as Op<any>[])("$name", async op => {
    const alpha = (graph: Graph) => [graph.state("weight", "alpha", { ...f32(), batched: false }, new Float32Array(1))];
    await refused(fileOf(op, f32(), {}, op === prelu ? alpha : undefined), /at least one axis/);
  });
  test("rescale", async () => {
    await refused(fileOf(rescale, u8(), { scale: 1, offset: 0 }), /at least one axis/);
  });
});

test("reshape pads scalars that become vectors", async () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", f32());
  const weight = graph.state("weight", "w", { shape: [1, 1], dtype: "f32", batched: false }, Float32Array.of(2));
  graph.results = [graph.one(dense, [graph.one(reshape, [x], { shape: [1] }), weight])];
  const net = await load(write(graph));
  const images = Float32Array.from({ length: 9 }, (_, i) => i);
  expect([...net.run(images)]).toEqual([...images.map(v => 2 * v)]);
});

test("conv2d of int8 with a group per channel, several outputs each and a pool reads its weights", async () => {
  const graph = new Graph();
  const random = new Random(4);
  const x = graph.leaf("input", "x", i8(6, 6, 3));
  const scale = Float32Array.of(0.1);
  const weights = { shape: [12, 2, 2, 1], dtype: "i8", batched: false, quantization: { scale, zeroPoint: 0 } } as const;
  const kernel = Int8Array.from({ length: 48 }, () => random.integer(255) - 127);
  const quantization = { scale: Float32Array.of(8), zeroPoint: -3 };
  const attrs = { ...plainWindow, groups: 3, quantization };
  const y = graph.one(conv2d, [x, graph.state("weight", "kernel", weights, kernel)], attrs);
  const pool = { ...plainWindow, size: [2, 2], strides: [2, 2] } as const;
  graph.results = [graph.one(maxPool2d, [y], pool)];
  const net = await load(write(graph), { capacity: 1 });
  const image = Int8Array.from({ length: 108 }, () => random.integer(256) - 128);
  const [wanted] = evaluate(graph, v =>
    tensor(v === x ? [1, 6, 6, 3] : v.type.shape, Float64Array.from(v === x ? image : kernel)),
  );
  expect([...net.run(image)]).toEqual([...wanted!.data]);
  expect(await guardFaults(net.machine, random)).toEqual([]);
});

test("dense refuses a bias without an axis, whose scales would follow from weights without any", async () => {
  const quantization = { scale: Float32Array.of(1), zeroPoint: 0 };
  const states = (graph: Graph) => [
    graph.state("weight", "kernel", { shape: [2, 4], dtype: "i8", batched: false }, new Int8Array(8)),
    graph.state("bias", "bias", { shape: [], dtype: "i32", batched: false, quantization }, new Int32Array(1)),
  ];
  await refused(fileOf(dense, i8(4), { quantization }, states), /int8 of 2x4 with 0 scales/);
});

test("concat refuses batched and unbatched values together", async () => {
  const state = (graph: Graph) => [graph.state("constant", "b", { ...f32(3), batched: false }, new Float32Array(3))];
  await refused(fileOf(concat, f32(3), { axis: 0 }, state), /broadcast it first/);
});

test("resizeBilinear refuses a size that is no height and width", async () => {
  const attrs = { size: [2, 3, 2] as never, coordinates: "asymmetric" } as const;
  await refused(fileOf(resizeBilinear, f32(4, 4, 1), attrs), /height and width/);
});

test("load: a value has at most as many axes as kernels nest", async () => {
  await refused(fileOf(reshape, f32(1), { shape: Array<number>(50_000).fill(1) }), /at most 15 axes, got 50000/);
});
