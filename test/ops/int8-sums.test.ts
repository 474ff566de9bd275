/**
 * The int32 sums of int8 layers: exact up to the end of their range in every kernel, refused beyond it, and with zero
 * points of weights.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Op, type Quantization, type Value } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { mean } from "../../src/ops/arithmetic/mean.ts";
import { sub } from "../../src/ops/arithmetic/sub.ts";
import { type Conv2d, conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { printProgram } from "../../src/plan/print.ts";
import { Net } from "../../src/run/net.ts";
import { evaluated, planned } from "./planned.ts";

/**
 * `half`: if the relaxed dot product does not support whole bytes, activations are -128..-1 and their zero point is
 * -128.
 */
const SPANS: { variant: Variant; half: boolean }[] = [
  { variant: "simd", half: false },
  ...(supported().relaxed ? [{ variant: "relaxed" as const, half: supported().relaxedDot !== "u8" }] : []),
];

interface Layer {
  readonly name: string;
  /** The kernel that runs it, fused; `general`: the one for weights with a zero point. */
  readonly kernel: RegExp;
  readonly general: RegExp;
  readonly image: Shape;
  readonly op: Op<never>;
  readonly weight: Shape;
  readonly window?: Partial<Conv2d>;
  readonly pooled?: boolean;
  readonly batch?: number;
}

const layers: Layer[] = [];
const layer = (
  name: string,
  kernel: RegExp,
  op: Op<never>,
  image: Shape,
  weight: Shape,
  more: Partial<Layer> = {},
  general = more.pooled ? /i8_conv2d_max_pool2d/ : /i8_conv2d /,
) => layers.push({ name, kernel, general, image, op, weight, ...more });

const around = (n: number) => ({ pads: [n, n, n, n] as const });
layer("dense", /i8_dense /, dense, [301], [9, 301]);
layer("dense, several images", /i8_gemm_requantize/, dense, [77], [11, 77], { batch: 8 });
layer("conv2d", /i8_conv2d /, conv2d, [7, 6, 3], [9, 3, 3, 3], { window: around(1) });
layer("conv2d, pointwise", /i8_conv2d /, conv2d, [4, 5, 33], [16, 1, 1, 33]);
layer("conv2d in groups", /i8_conv2d /, conv2d, [6, 5, 6], [4, 3, 3, 3], { window: { groups: 2, ...around(1) } });
layer("conv2d, dilated", /i8_conv2d /, conv2d, [9, 9, 4], [5, 3, 3, 4], {
  window: { dilations: [2, 2], strides: [2, 1] },
});
layer("conv2d of one channel and pool", /i8_conv2d_1c/, conv2d, [14, 12, 1], [5, 5, 5, 1], { pooled: true });
layer("conv2d and pool", /i8_conv2d_(fir_)?max_pool2d/, conv2d, [10, 13, 6], [16, 5, 5, 6], { pooled: true });
layer("conv2d and pool, narrow", /i8_conv2d_max/, conv2d, [6, 6, 3], [7, 3, 3, 3], { pooled: true });
layer("conv2d by tiles", /i8_conv2d_winograd/, conv2d, [8, 8, 16], [16, 3, 3, 16], { window: around(1) });
const depthwise = /i8_depthwise_conv2d /;
layer("depthwise 3x3", /3x3/, depthwiseConv2d, [6, 7, 9], [9, 3, 3, 1], { window: around(1) }, depthwise);
layer("depthwise 5x4", depthwise, depthwiseConv2d, [8, 7, 9], [9, 5, 4, 1], { window: around(2) }, depthwise);
layer("depthwise, two each", depthwise, depthwiseConv2d, [6, 7, 5], [10, 3, 2, 1], {}, depthwise);

interface Numbers {
  readonly x: Quantization;
  readonly zeroPoint: number;
  readonly weights: Int8Array;
  readonly bias: Int32Array;
  /** The accumulator that corresponds to 100 steps of the output. */
  readonly far: number;
}

function built({ op, image, weight, window, pooled }: Layer, { x, zeroPoint, weights, bias, far }: Numbers): Graph {
  const graph = new Graph();
  const outs = weight[0]!;
  const scale = Float32Array.from({ length: outs }, (_, c) => 0.002 + 0.001 * c);
  const state = (name: string, shape: Shape, data: Int8Array | Int32Array, zero: number): Value => {
    const dtype = data instanceof Int8Array ? "i8" : "i32";
    const quantization = { scale, zeroPoint: zero, axis: 0 };
    return graph.state("weight", name, { shape, dtype, batched: false, quantization }, data);
  };
  const input = graph.leaf("input", "x", { shape: image, dtype: "i8", batched: true, quantization: x });
  const quantization = { scale: Float32Array.of((far * x.scale[0]! * scale[outs >> 1]!) / 100), zeroPoint: -3 };
  const attrs = { ...(op === (dense as Op<never>) ? {} : { ...plainWindow, groups: 1, ...window }), quantization };
  const inputs = [input, state("w", weight, weights, zeroPoint), state("b", [outs], bias, 0)];
  const y = graph.one(op as Op<object>, inputs, attrs);
  graph.results = [pooled ? graph.one(maxPool2d, [y], { ...plainWindow, size: [2, 2], strides: [2, 2] }) : y];
  return graph;
}

/** Compares the fused kernels with the specification. */
async function expectSame(of: Layer, graph: Graph, x: Int8Array, variant: Variant, kernel: RegExp): Promise<void> {
  const batch = of.batch ?? 2;
  const { graph: fused } = graph.copy();
  fuse(fused, FORWARD);
  const ran = await planned(fused, { x }, { batch, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant });
  expect(printProgram(ran.machine.program("test"))).toMatch(kernel);
  const [expected] = evaluated(graph, { x }, batch);
  expect(new Set(expected!.data).size, "distinct results").toBeGreaterThan(2);
  expect([...ran.results[0]!.data]).toEqual([...expected!.data]);
}

const images = (of: Layer, draw: () => number) => Int8Array.from({ length: (of.batch ?? 2) * size(of.image) }, draw);

/** Sum of absolute weights of each channel, minus the zero point. */
const sums = (weights: Int8Array, outs: number, zeroPoint: number): number[] =>
  Array.from({ length: outs }, (_, c) => {
    const row = weights.length / outs;
    return weights.subarray(c * row, (c + 1) * row).reduce((sum, w) => sum + Math.abs(w - zeroPoint), 0);
  });

for (const { variant, half } of SPANS)
  describe(`int8 kernels, ${variant}`, () => {
    const zeros = half ? [-128] : [-128, 127, 5];

    test.each(layers)("$name: exact where sums reach both ends of int32", async of => {
      const random = new Random(3);
      const kernel = variant === "relaxed" && of.kernel.source.includes("winograd") ? /i8_conv2d/ : of.kernel;
      for (const zero of zeros) {
        const weights = Int8Array.from({ length: size(of.weight) }, () => random.integer(256) - 128);
        // every channel has its own sign, and its bias leaves room for the products alone
        const bias = Int32Array.from(
          sums(weights, of.weight[0]!, 0),
          (s, c) => (c % 2 ? -1 : 1) * (2 ** 31 - 1 - 255 * s),
        );
        const x = { scale: Float32Array.of(0.02), zeroPoint: zero };
        const graph = built(of, { x, zeroPoint: 0, weights, bias, far: 2 ** 31 });
        const ends = () => (random.integer(2) ? (half ? -1 : 127) : -128);
        await expectSame(of, graph, images(of, ends), variant, kernel);
        bias[1]! -= 1;
        await expect(Net.create(graph, { variant })).rejects.toThrow(
          expect.objectContaining({ code: "refused", message: expect.stringMatching(/in channel 1$/) }),
        );
      }
    });

    test.each(layers)("$name: exact with a zero point of weights", async of => {
      const random = new Random(4);
      for (const zero of zeros)
        for (const zeroPoint of [-128, -7, 15, 127]) {
          const weights = Int8Array.from({ length: size(of.weight) }, () => random.integer(256) - 128);
          const bias = Int32Array.from({ length: of.weight[0]! }, () => random.integer(20001) - 10000);
          const x = { scale: Float32Array.of(0.02), zeroPoint: zero };
          const far = 128 * 128 * Math.sqrt(size(of.weight) / of.weight[0]!) * (1 + Math.abs(zeroPoint) / 32);
          const graph = built(of, { x, zeroPoint, weights, bias, far });
          const data = images(of, () => random.integer(half ? 128 : 256) - 128);
          await expectSame(of, graph, data, variant, of.general);
        }
    });
  });

/** Kernels with so many inputs that the products alone fill int32. */
const WIDE: Layer[] = [
  { name: "dense", kernel: /i8_dense /, image: [65000], op: dense, weight: [8, 65000] },
  { name: "conv2d", kernel: /i8_conv2d /, image: [1, 1, 65000], op: conv2d, weight: [8, 1, 1, 65000] },
  {
    name: "conv2d and pool",
    kernel: /i8_conv2d_fir_max_pool2d/,
    image: [4, 10, 7000],
    op: conv2d,
    weight: [8, 3, 3, 7000],
    pooled: true,
  },
].map(of => ({ ...of, batch: 1, general: of.kernel }) as Layer);

const WHOLE = SPANS.filter(({ half }) => !half).flatMap(({ variant }) =>
  WIDE.map(of => ({ of, variant, name: of.name })),
);

test.each(WHOLE)("$name, $variant: sums of products alone reach the ends of int32", async ({ of, variant }) => {
  const outs = of.weight[0]!;
  const row = size(of.weight) / outs;
  const weights = Int8Array.from({ length: size(of.weight) }, (_, i) => (Math.floor(i / row) % 2 ? -128 : 127));
  for (const [zeroPoint, q] of [
    [-128, 127],
    [127, -128],
  ] as const) {
    const bias = Int32Array.from(sums(weights, outs, 0), (s, c) => {
      const room = 2 ** 31 - 1 - 255 * s;
      return c % 2 === (q > 0 ? 0 : 1) ? room : -room;
    });
    const x = { scale: Float32Array.of(0.02), zeroPoint };
    const graph = built(of, { x, zeroPoint: 0, weights, bias, far: 2 ** 31 });
    const data = images(of, () => q);
    const { graph: fused } = graph.copy();
    fuse(fused, FORWARD);
    const ran = await planned(
      fused,
      { x: data },
      { batch: 1, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant },
    );
    if (variant === "simd") expect(printProgram(ran.machine.program("test"))).toMatch(of.kernel);
    const [scale] = graph.leaves.find(v => v.name === "w")!.type.quantization!.scale;
    const steps = (c: number) => (100 * (0.002 + 0.001 * c)) / (0.002 + 0.001 * (outs >> 1));
    expect(scale).toBeCloseTo(0.002);
    ran.results[0]!.data.forEach((got, i) => {
      const c = i % outs;
      const sign = c % 2 === (q > 0 ? 0 : 1) ? 1 : -1;
      expect(got).toBe(Math.max(-128, Math.min(127, Math.round(sign * steps(c)) - 3)));
    });
  }
});

describe("conv2d and others: int8 weights with a zero point", () => {
  test.each(layers)("$name: are weights less that number", of => {
    const random = new Random(6);
    const shifted = Int8Array.from({ length: size(of.weight) }, () => random.integer(200) - 100);
    const bias = new Int32Array(of.weight[0]!);
    const x = { scale: Float32Array.of(0.02), zeroPoint: 9 };
    const data = images(of, () => random.integer(256) - 128);
    const [a, b] = [0, -20].map(zeroPoint => {
      const weights = shifted.map(w => w + zeroPoint);
      const graph = built(of, { x, zeroPoint, weights, bias, far: 2 ** 19 });
      return [...evaluated(graph, { x: data }, of.batch ?? 2)[0]!.data];
    });
    expect(b).toEqual(a);
  });

  const typed = (of: Partial<Quantization>, bias = 0, dynamic = false, real: "f32" | "i32" = "f32") => {
    const graph = new Graph();
    const quantization = { scale: Float32Array.of(1, 1), zeroPoint: 0, axis: 0 };
    const state = (name: string, shape: Shape, dtype: "i8" | "i32" | "f32", q?: Quantization) =>
      graph.state("weight", name, { shape, dtype, batched: false, ...(q && { quantization: q }) });
    const x = dynamic
      ? graph.leaf("input", "x", { shape: [2], dtype: "f32", batched: true })
      : graph.leaf("input", "x", {
          shape: [2],
          dtype: "i8",
          batched: true,
          quantization: { ...quantization, scale: Float32Array.of(1) },
        });
    const weight = state("w", [2, 2], "i8", { ...quantization, ...of });
    const b = dynamic ? state("b", [2], real) : state("b", [2], "i32", { ...quantization, zeroPoint: bias });
    return () => graph.one(dense, [x, weight, b], { quantization: { scale: Float32Array.of(1), zeroPoint: 0 } });
  };

  test.each([
    ["beyond int8", typed({ zeroPoint: 128 }), /zero point in -128..127, got 128/],
    ["of 2^31 - 1", typed({ zeroPoint: 2 ** 31 - 1 }), /zero point in -128..127/],
    ["of a bias", typed({}, 3), /a bias needs zero point 0, got 3/],
    ["on float inputs", typed({ zeroPoint: 3 }, 0, true), /float inputs need int8 weights with zero point 0, got 3/],
    ["and a bias of integers on float inputs", typed({}, 0, true, "i32"), /float inputs need an f32 bias, got i32/],
    ["and scales of another axis", typed({ axis: 1 }), /scales along axis 0, got axis 1/],
  ])("%s: is refused", (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(/layer "dense"/);
  });
});

describe("add and others: scales that no kernel can represent", () => {
  const value = (graph: Graph, name: string, scale: number): Value => {
    const quantization = { scale: Float32Array.of(scale), zeroPoint: 0 };
    return graph.leaf("input", name, { shape: [2, 2, 2], dtype: "i8", batched: true, quantization });
  };

  test.each([
    ["add", add, 1e-4, 300],
    ["add, small", add, 1e-4, 1e-8],
    ["sub", sub, 1e-4, 300],
  ] as const)("%s: is refused when it is made", (_, op, other, scale) => {
    const graph = new Graph();
    const inputs = [value(graph, "a", scale === 300 ? scale : other), value(graph, "b", other)];
    const quantization = { scale: Float32Array.of(scale === 300 ? 1 : 10), zeroPoint: 0 };
    expect(() => graph.one(op, inputs, { quantization })).toThrow(/lie too far from their sum's/);
  });

  test("a layer whose products have an infinite ratio to its results is refused", async () => {
    const graph = new Graph();
    const state = (name: string, shape: Shape, data: Int8Array | Int32Array) => {
      const quantization = { scale: Float32Array.of(1e30, 1), zeroPoint: 0, axis: 0 };
      const dtype = data instanceof Int8Array ? "i8" : "i32";
      return graph.state("weight", name, { shape, dtype, batched: false, quantization }, data);
    };
    const x = graph.one(reshape, [value(graph, "x", 1)], { shape: [8] });
    const inputs = [x, state("w", [2, 8], new Int8Array(16)), state("b", [2], new Int32Array(2))];
    graph.results = [graph.one(dense, inputs, { quantization: { scale: Float32Array.of(1e-20), zeroPoint: 0 } })];
    await expect(Net.create(graph)).rejects.toThrow(
      expect.objectContaining({ code: "refused", message: expect.stringMatching(/"dense" has scales/) }),
    );
  });

  test("mean, averagePool2d: a mean over more numbers than int32 sums up is refused", () => {
    const graph = new Graph();
    const quantization = { scale: Float32Array.of(1), zeroPoint: 0 };
    const x = graph.leaf("input", "x", { shape: [4096, 4096, 1], dtype: "i8", batched: true, quantization });
    expect(() => graph.one(mean, [x], { axes: [0, 1], keepDims: false, quantization })).toThrow(/8388608 numbers/);
    const whole = { ...plainWindow, size: [4096, 4096] as const };
    expect(() => graph.one(averagePool2d, [x], whole)).toThrow(/8388608 numbers/);
  });
});
