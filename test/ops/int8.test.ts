import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Quantization, type Value } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { add } from "../../src/ops/add.ts";
import { type Conv2d, conv2d } from "../../src/ops/conv2d.ts";
import { dense } from "../../src/ops/dense.ts";
import { conv2dMaxPool2d } from "../../src/ops/fused/conv2d-max-pool2d.ts";
import { maxPool2d, type Pool2d } from "../../src/ops/max-pool2d.ts";
import { dequantize, quantize } from "../../src/ops/quantize.ts";
import { relu } from "../../src/ops/relu.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { LOWER, PREFERS } from "../../src/ops/run.ts";
import { plainWindow } from "../../src/ops/window.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { evaluated, planned } from "./planned.ts";

/**
 * The relaxed dot product is exact on every engine only while q + 128 is in 0..127. Where the probe finds clean unsigned bytes
 * (and in the plain kernels always) the whole range is used; elsewhere zero points are -128 and activations stay below 0.
 */
interface Span {
  variant: Variant;
  half: boolean;
}
const SPANS: Span[] = [
  { variant: "simd", half: false },
  ...(supported().relaxed ? [{ variant: "relaxed" as const, half: supported().relaxedDot !== "u8" }] : []),
];

/** Builds networks of int8 layers with random weights, each output quantized so that it fills its span. */
class Builder {
  readonly graph = new Graph();
  readonly random = new Random(5);
  readonly batch: number;
  readonly span: Span;
  /** Images for `input`. */
  readonly feed: { x: ArrayLike<number> } = { x: [] };
  #layers = 0;

  constructor(batch: number, span: Span) {
    this.batch = batch;
    this.span = span;
  }

  quantization(reach: number): Quantization {
    if (this.span.half) return { scale: Float32Array.of(reach / 200), zeroPoint: -128 };
    return { scale: Float32Array.of(reach / 100), zeroPoint: this.random.integer(120) - 100 };
  }

  input(shape: Shape): Value {
    const most = this.span.half ? 128 : 256;
    this.feed.x = Int8Array.from({ length: this.batch * size(shape) }, () => this.random.integer(most) - 128);
    return this.graph.leaf("input", "x", { shape, dtype: "i8", batched: true, quantization: this.quantization(1) });
  }

  /** In the half span: y with a scale just wide enough for what it holds. */
  fitted(y: Value): Value {
    const holds = () => evaluated(this.graph, this.feed, this.batch, [y])[0]!.data;
    while (this.span.half && holds().some(q => q > -1)) {
      const quantization = { scale: Float32Array.of(y.type.quantization!.scale[0]! * 1.3), zeroPoint: -128 };
      y.type = { ...y.type, quantization };
      y.node!.attrs.quantization = quantization;
    }
    return y;
  }

  /** Weights, and the largest output that sums of `taps` random products usually have. */
  parameters(shape: Shape, x: Value, bias = true): { inputs: Value[]; reach: number } {
    const name = `layer ${this.#layers++}`;
    const outs = shape[0]!;
    const scale = Float32Array.from({ length: outs }, () => this.random.uniform(0.002, 0.01));
    const step = x.type.quantization!.scale[0]!;
    const quantization = { scale, zeroPoint: 0, axis: 0 };
    const leaf = (kind: string, of: Shape, dtype: "i8" | "i32", data: Int8Array | Int32Array, q: Quantization) =>
      this.graph.leaf("state", `${name}/${kind}`, { shape: of, dtype, batched: false, quantization: q }, data);
    const w = Int8Array.from({ length: size(shape) }, () => this.random.integer(255) - 127);
    const b = Int32Array.from({ length: outs }, () => this.random.integer(4001) - 2000);
    const products = { ...quantization, scale: scale.map(s => Math.fround(s * step)) };
    return {
      inputs: [
        leaf("kernel", shape, "i8", w, quantization),
        ...(bias ? [leaf("bias", [outs], "i32", b, products)] : []),
      ],
      reach: 0.006 * step * 80 * 80 * Math.sqrt(size(shape) / outs),
    };
  }

  conv2d(x: Value, out: number, kernel: [number, number], attrs: Partial<Conv2d> = {}, bias = true): Value {
    const groups = attrs.groups ?? 1;
    const { inputs, reach } = this.parameters([out, ...kernel, x.type.shape[2]! / groups], x, bias);
    const quantization = this.quantization(reach);
    return this.fitted(this.graph.one(conv2d, [x, ...inputs], { ...plainWindow, groups, quantization, ...attrs }));
  }

  dense(x: Value, out: number): Value {
    const { inputs, reach } = this.parameters([out, x.type.shape[0]!], x);
    return this.fitted(this.graph.one(dense, [x, ...inputs], { quantization: this.quantization(reach) }));
  }

  pool(x: Value, attrs: Partial<Pool2d> = {}): Value {
    return this.graph.one(maxPool2d, [x], { ...plainWindow, size: [2, 2], strides: [2, 2], ...attrs });
  }

  flat(x: Value): Value {
    return this.graph.one(reshape, [x], { shape: [size(x.type.shape)] });
  }
}

type Build = (b: Builder, x: Value) => Value | Value[];

/** Ran by the kernels of one span, fused and unfused, equals the specification to the bit. */
async function same(shape: Shape, build: Build, span: Span, batch: number): Promise<Graph> {
  const b = new Builder(batch, span);
  b.graph.results = [build(b, b.input(shape))].flat();
  const { feed } = b;
  const expected = evaluated(b.graph, feed, batch);
  const options = { batch, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant: span.variant };
  const plain = await planned(b.graph, feed, options);
  const { graph } = b.graph.copy();
  fuse(graph, FORWARD);
  const fused = await planned(graph, feed, options);
  expected.forEach((t, i) => {
    // something must be seen: neither all equal nor all at one end
    expect(new Set(t.data).size, "distinct results").toBeGreaterThan(Math.min(2, t.data.length - 1));
    expect([...plain.results[i]!.data]).toEqual([...t.data]);
    expect([...fused.results[i]!.data]).toEqual([...t.data]);
  });
  return graph;
}

const around = (n: number) => ({ pads: [n, n, n, n] as const });

const NETWORKS: [name: string, shape: Shape, build: Build][] = [
  ["conv2d", [7, 6, 3], (b, x) => b.conv2d(x, 9, [3, 3], around(1))],
  [
    "conv2d without a bias, strided, uneven pads",
    [8, 9, 4],
    (b, x) => b.conv2d(x, 8, [3, 2], { strides: [2, 1], pads: [1, 0, 0, 1] }, false),
  ],
  [
    "conv2d, dilated, cropped",
    [11, 9, 2],
    (b, x) => b.conv2d(x, 5, [3, 3], { dilations: [2, 2], pads: [2, -1, 1, 2] }),
  ],
  ["conv2d in groups", [5, 6, 6], (b, x) => b.conv2d(x, 4, [3, 3], { groups: 2, ...around(1) })],
  ["conv2d, depthwise", [6, 7, 9], (b, x) => b.conv2d(x, 9, [3, 3], { groups: 9, ...around(1), strides: [2, 2] })],
  ["conv2d and relu", [6, 5, 3], (b, x) => b.graph.one(relu, [b.conv2d(x, 6, [3, 3])])],
  ["one channel, relu, pool", [14, 15, 1], (b, x) => b.pool(b.graph.one(relu, [b.conv2d(x, 5, [5, 5])]))],
  ["one channel, pads, pool", [8, 8, 1], (b, x) => b.pool(b.conv2d(x, 6, [3, 3], around(1)))],
  ["conv2d and pool, wide", [10, 13, 6], (b, x) => b.pool(b.graph.one(relu, [b.conv2d(x, 16, [5, 5])]))],
  ["conv2d and pool, narrow", [6, 6, 3], (b, x) => b.pool(b.conv2d(x, 7, [3, 3]))],
  [
    "conv2d and a pool that overlaps",
    [9, 9, 3],
    (b, x) => b.pool(b.conv2d(x, 7, [3, 3]), { size: [3, 3], pads: [1, 1, 1, 1] }),
  ],
  ["conv2d and a pool that hangs over", [7, 7, 3], (b, x) => b.pool(b.conv2d(x, 7, [3, 3]), { ceil: true })],
  [
    "two convolutions with pads",
    [6, 5, 3],
    (b, x) => b.conv2d(b.conv2d(x, 8, [3, 3], around(1)), 4, [5, 5], around(2)),
  ],
  [
    "residual",
    [6, 5, 4],
    (b, x) => {
      const y = b.conv2d(x, 4, [3, 3], around(1));
      const quantization = b.quantization(2 * y.type.quantization!.scale[0]! * 127);
      const sum = b.graph.one(add, [x, b.conv2d(y, 4, [3, 3], around(1))], { quantization });
      return b.conv2d(b.fitted(sum), 3, [3, 3], around(1));
    },
  ],
  [
    "read twice",
    [6, 6, 2],
    (b, x) => {
      const y = b.conv2d(x, 5, [3, 3], around(1));
      return [b.graph.one(relu, [y]), b.pool(y), b.conv2d(y, 3, [1, 1])];
    },
  ],
  [
    "flatten with a halo around",
    [4, 4, 2],
    (b, x) => {
      const y = b.conv2d(x, 3, [3, 3]);
      return [b.dense(b.flat(y), 5), b.conv2d(y, 2, [3, 3], around(1))];
    },
  ],
  [
    "LeNet-5's layers",
    [28, 28, 1],
    (b, x) => {
      const rectified = (v: Value) => b.graph.one(relu, [v]);
      const images = b.pool(rectified(b.conv2d(b.pool(rectified(b.conv2d(x, 6, [5, 5]))), 16, [5, 5])));
      return b.dense(rectified(b.dense(rectified(b.dense(b.flat(images), 120)), 84)), 10);
    },
  ],
];

for (const span of SPANS)
  describe(`int8, ${span.variant}`, () => {
    for (const [name, shape, build] of NETWORKS)
      for (const batch of [1, 5])
        test(`${name}, batch ${batch}`, async () => {
          await same(shape, build, span, batch);
        });

    test("images in groups give the same bits as one by one", async () => {
      const runs = await Promise.all(
        [1, 2, 4].map(async group => {
          const b = new Builder(4, span);
          b.graph.results = [b.conv2d(b.conv2d(b.input([5, 5, 3]), 6, [3, 3], around(1)), 5, [3, 3], around(1))];
          const options = { batch: 4, group, binary: RUN, ops: { lower: LOWER, prefers: PREFERS } };
          const ran = await planned(b.graph, b.feed, { ...options, variant: span.variant });
          return [...ran.results[0]!.data];
        }),
      );
      expect(runs[1]).toEqual(runs[0]);
      expect(runs[2]).toEqual(runs[0]);
    });

    test("float borders", async () => {
      const b = new Builder(3, span);
      const x = b.graph.leaf("input", "x", { shape: [5, 4, 2], dtype: "f32", batched: true });
      b.feed.x = Float32Array.from({ length: 3 * 40 }, () => b.random.uniform(0, 1));
      const q = b.fitted(b.graph.one(quantize, [x], { quantization: b.quantization(1) }));
      b.graph.results = [b.graph.one(dequantize, [b.conv2d(q, 5, [3, 3], around(1))]), b.graph.one(dequantize, [q])];
      const options = { batch: 3, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant: span.variant };
      const { results } = await planned(b.graph, b.feed, options);
      evaluated(b.graph, b.feed, 3).forEach((t, i) => {
        expect([...results[i]!.data]).toEqual([...t.data]);
      });
    });
  });

test("a 2x2 pool is fused, a relu too", async () => {
  const build: Build = (b, x) => b.pool(b.graph.one(relu, [b.conv2d(x, 5, [3, 3])]));
  const graph = await same([8, 8, 3], build, SPANS[0]!, 1);
  expect(graph.nodes.map(n => [n.op.name, (n.attrs as Conv2d).relu])).toEqual([[conv2dMaxPool2d.name, true]]);
});

test("types that do not go together are refused", () => {
  const b = new Builder(1, SPANS[0]!);
  const x = b.input([5, 5, 2]);
  const real = b.graph.leaf("input", "real", { shape: [5, 5, 2], dtype: "f32", batched: true });
  const w = b.parameters([3, 3, 3, 2], x).inputs[0]!;
  const attrs = { ...plainWindow, groups: 1 };
  expect(() => b.graph.one(conv2d, [x, w], attrs)).toThrow("int8 inputs need the quantization of the output");
  const floats = b.graph.leaf("state", "w", { shape: [3, 3, 3, 2], dtype: "f32", batched: false });
  expect(() => b.graph.one(conv2d, [x, floats], attrs)).toThrow("int8 inputs need int8 weights, got f32");
  expect(() => b.graph.one(add, [x, real])).toThrow("cannot mix i8 and f32");
  expect(() => b.graph.one(add, [x, x])).toThrow("int8 inputs need the quantization of the output");
});
