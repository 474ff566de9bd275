import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Op, type Quantization, type Value } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { clip } from "../../src/ops/activation/clip.ts";
import { elu } from "../../src/ops/activation/elu.ts";
import { hardSigmoid } from "../../src/ops/activation/hard-sigmoid.ts";
import { hardSwish } from "../../src/ops/activation/hard-swish.ts";
import { leakyRelu } from "../../src/ops/activation/leaky-relu.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { sigmoid } from "../../src/ops/activation/sigmoid.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { maximum } from "../../src/ops/arithmetic/maximum.ts";
import { mean } from "../../src/ops/arithmetic/mean.ts";
import { minimum } from "../../src/ops/arithmetic/minimum.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { sub } from "../../src/ops/arithmetic/sub.ts";
import { type Conv2d, conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { type DepthwiseConv2d, depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { conv2dMaxPool2d } from "../../src/ops/fused/conv2d-max-pool2d.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d, type Pool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { dequantize, quantize } from "../../src/ops/quantized/quantize.ts";
import { requantize } from "../../src/ops/quantized/requantize.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { concat } from "../../src/ops/shape/concat.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { pad } from "../../src/ops/shape/pad.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { resizeBilinear } from "../../src/ops/shape/resize-bilinear.ts";
import { resizeNearest } from "../../src/ops/shape/resize-nearest.ts";
import { stridedSlice } from "../../src/ops/shape/strided-slice.ts";
import { transpose } from "../../src/ops/shape/transpose.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { printProgram } from "../../src/plan/print.ts";
import { evaluated, planned } from "./planned.ts";

/**
 * The range of activations. The relaxed dot product is exact on every engine only for q + 128 in 0..127. If the probe
 * finds that unsigned bytes are exact (and in the plain kernels always) the whole range is used; otherwise zero points
 * are -128 and activations are below 0.
 */
interface Span {
  variant: Variant;
  half: boolean;
}
const SPANS: Span[] = [
  { variant: "simd", half: false },
  ...(supported().relaxed ? [{ variant: "relaxed" as const, half: supported().relaxedDot !== "u8" }] : []),
];

/** Builds networks of int8 layers with random weights, each output quantized so that it fills its range. */
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

  /** In the half range: y with a scale just wide enough for its values. */
  fitted(y: Value): Value {
    const holds = () => evaluated(this.graph, this.feed, this.batch, [y])[0]!.data;
    while (this.span.half && holds().some(q => q > -1)) {
      const quantization = { scale: Float32Array.of(y.type.quantization!.scale[0]! * 1.3), zeroPoint: -128 };
      y.type = { ...y.type, quantization };
      y.node!.attrs.quantization = quantization;
    }
    return y;
  }

  /** Weights, and the typical largest output of sums of `taps` random products. */
  parameters(shape: Shape, x: Value, bias = true): { inputs: Value[]; reach: number } {
    const name = `layer ${this.#layers++}`;
    const outs = shape[0]!;
    const scale = Float32Array.from({ length: outs }, () => this.random.uniform(0.002, 0.01));
    const step = x.type.quantization!.scale[0]!;
    const quantization = { scale, zeroPoint: 0, axis: 0 };
    const leaf = (kind: string, of: Shape, dtype: "i8" | "i32", data: Int8Array | Int32Array, q: Quantization) =>
      this.graph.state("weight", `${name}/${kind}`, { shape: of, dtype, batched: false, quantization: q }, data);
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

  depthwise(x: Value, out: number, kernel: [number, number], attrs: Partial<DepthwiseConv2d>): Value {
    const { inputs, reach } = this.parameters([out, ...kernel, 1], x);
    const quantization = this.quantization(reach);
    return this.fitted(this.graph.one(depthwiseConv2d, [x, ...inputs], { ...plainWindow, quantization, ...attrs }));
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

const pooling = { ...plainWindow, size: [2, 2] as const, strides: [2, 2] as const };

type Build = (b: Builder, x: Value) => Value | Value[];

/** Runs the kernels of one range, fused and unfused: equal to the specification to the bit. */
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
    // the results must be informative: neither all equal nor all at one end
    expect(new Set(t.data).size, "distinct results").toBeGreaterThan(Math.min(2, t.data.length - 1));
    expect([...plain.results[i]!.data]).toEqual([...t.data]);
    expect([...fused.results[i]!.data]).toEqual([...t.data]);
  });
  return graph;
}

const unary = (b: Builder, x: Value, op: Op<never>, attrs: object, reach: number): Value =>
  b.fitted(b.graph.one(op as Op<object>, [x], { ...attrs, quantization: b.quantization(reach) }));

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
  ["pointwise, few channels", [5, 5, 9], (b, x) => b.conv2d(b.conv2d(x, 16, [1, 1]), 32, [1, 1], { strides: [2, 2] })],
  ["pointwise, few pixels", [3, 3, 70], (b, x) => b.conv2d(b.conv2d(x, 150, [1, 1]), 17, [1, 1])],
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
    "convolutions in tiles",
    [9, 11, 17],
    (b, x) =>
      b.conv2d(b.conv2d(b.graph.one(relu, [b.conv2d(x, 18, [3, 3], around(1))]), 16, [3, 3]), 20, [3, 3], around(1)),
  ],
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
    "a sum that is rectified and read with several halos",
    [9, 8, 8],
    (b, x) => {
      const y = b.conv2d(x, 8, [3, 3], around(1));
      // all values are above 0
      const quantization = { scale: Float32Array.of(y.type.quantization!.scale[0]! * 3), zeroPoint: -128 };
      const sum = b.graph.one(relu, [b.fitted(b.graph.one(add, [x, y], { quantization }))]);
      const strided = b.conv2d(sum, 5, [3, 3], { strides: [2, 2], pads: [0, 0, 1, 1] });
      return [
        strided,
        b.conv2d(sum, 3, [5, 5], around(2)),
        b.conv2d(sum, 4, [1, 1]),
        b.pool(sum),
        b.dense(b.flat(sum), 3),
      ];
    },
  ],
  [
    "averages",
    [6, 7, 9],
    (b, x) => [
      b.graph.one(averagePool2d, [x], { ...plainWindow, size: [6, 7] }),
      b.graph.one(averagePool2d, [x], { ...plainWindow, size: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] }),
      b.graph.one(averagePool2d, [x], { ...pooling, pads: [1, 1, 0, 1], countIncludePad: true, ceil: true }),
    ],
  ],
  ["depthwise", [6, 7, 9], (b, x) => b.depthwise(x, 9, [3, 3], around(1))],
  [
    "depthwise, twice the channels",
    [6, 7, 5],
    (b, x) => b.depthwise(x, 10, [3, 2], { strides: [2, 1], pads: [1, 1, 0, 0] }),
  ],
  [
    "depthwise in steps of 2",
    [7, 9, 10],
    (b, x) => b.depthwise(b.depthwise(x, 10, [3, 3], { strides: [2, 2], ...around(1) }), 20, [3, 3], around(1)),
  ],
  ["depthwise of few channels", [5, 6, 3], (b, x) => b.depthwise(x, 3, [3, 3], around(1))],
  [
    "depthwise between pointwise layers",
    [5, 5, 3],
    (b, x) => b.conv2d(b.graph.one(relu, [b.depthwise(b.conv2d(x, 8, [1, 1]), 8, [3, 3], around(1))]), 4, [1, 1]),
  ],
  [
    "softmax",
    [2, 3, 11],
    (b, x) => b.graph.one(softmax, [x], { quantization: { scale: Float32Array.of(1 / 256), zeroPoint: -128 } }),
  ],
  [
    "concat",
    [4, 3, 5],
    (b, x) => {
      const y = b.conv2d(x, 6, [3, 3], around(1));
      const attrs = (axis: number) => ({ axis, quantization: b.quantization(y.type.quantization!.scale[0]! * 200) });
      return [
        b.fitted(b.graph.one(concat, [x, y, x], attrs(2))),
        b.fitted(b.graph.one(concat, [x, x], attrs(0))),
        b.conv2d(b.fitted(b.graph.one(concat, [y, y], attrs(1))), 3, [3, 3], around(1)),
      ];
    },
  ],
  [
    "pad",
    [4, 3, 5],
    (b, x) => {
      const padded = b.graph.one(pad, [x], { pads: [1, 2, 0, 1] });
      return [padded, b.conv2d(padded, 4, [3, 3], around(1))];
    },
  ],
  [
    "sums and products",
    [3, 4, 5],
    (b, x) => {
      const y = b.conv2d(x, 5, [3, 3], around(1));
      const one = (op: Op, reach: number) => b.fitted(b.graph.one(op, [x, y], { quantization: b.quantization(reach) }));
      const step = y.type.quantization!.scale[0]!;
      return [one(add, step * 200), one(sub, step * 200), one(mul, step * 100)];
    },
  ],
  [
    "functions of one number",
    [3, 4, 5],
    (b, x) => [
      unary(b, x, sigmoid, {}, 1),
      unary(b, x, tanh, {}, 1),
      unary(b, x, leakyRelu, { alpha: 0.3 }, 1),
      unary(b, x, elu, { alpha: 1 }, 1),
      unary(b, x, hardSwish, {}, 1),
      unary(b, x, hardSigmoid, { alpha: 1 / 6, beta: 0.5 }, 1),
      b.graph.one(clip, [x], { low: 0.1, high: 0.4 }),
      b.graph.one(clip, [x], { low: -10, high: 10 }),
    ],
  ],
  [
    "extremes",
    [3, 4, 5],
    (b, x) => {
      const y = b.graph.one(transpose, [b.graph.one(transpose, [x], { permutation: [1, 0, 2] })], {
        permutation: [1, 0, 2],
      });
      const turned = b.graph.one(stridedSlice, [y], { begin: [2, 3, 4], strides: [-1, -1, -1], shape: [3, 4, 5] });
      return [b.graph.one(minimum, [x, turned]), b.graph.one(maximum, [x, turned])];
    },
  ],
  [
    "moved elements",
    [4, 6, 5],
    (b, x) => [
      b.conv2d(b.graph.one(transpose, [x], { permutation: [2, 0, 1] }), 3, [3, 3], around(1)),
      b.graph.one(stridedSlice, [b.conv2d(x, 4, [3, 3])], { begin: [0, 0, 1], strides: [1, 2, 1], shape: [2, 2, 3] }),
      b.graph.one(constantPad, [x], { before: [0, 1, 2], after: [1, 0, 1], value: 0 }),
      b.graph.one(constantPad, [x], { before: [1, 0, 0], after: [0, 0, 3], value: 0.2 }),
      b.graph.one(resizeNearest, [x], { size: [7, 3], coordinates: "tfHalfPixelForNn", rounding: "floor" }),
    ],
  ],
  [
    "broadcast",
    [4, 6, 5],
    (b, x) => {
      const quantization = b.quantization(1);
      const type = { shape: [5], dtype: "i8" as const, batched: false, quantization };
      const constant = b.graph.state("weight", "constant", type, Int8Array.of(-128, -100, -60, -31, -7));
      const row = b.graph.one(broadcast, [constant, x], { shape: [4, 6, 5] });
      const gate = b.graph.one(mean, [x], { axes: [0, 1], keepDims: true, quantization });
      const both = b.graph.one(broadcast, [gate, x], { shape: [4, 6, 5] });
      const one = (op: Op, y: Value) => b.fitted(b.graph.one(op, [x, y], { quantization: b.quantization(2) }));
      return [one(add, row), one(mul, both)];
    },
  ],
  [
    "means",
    [4, 6, 5],
    (b, x) => {
      const over = (axes: number[], keepDims = false) =>
        b.fitted(b.graph.one(mean, [x], { axes, keepDims, quantization: b.quantization(1) }));
      return [over([0, 1]), over([0], true), over([1]), over([2]), over([1, 2])];
    },
  ],
  [
    "bilinear and requantize",
    [4, 6, 5],
    (b, x) => [
      b.graph.one(resizeBilinear, [x], { size: [8, 12], coordinates: "halfPixel" }),
      b.graph.one(resizeBilinear, [b.conv2d(x, 9, [3, 3])], { size: [5, 3], coordinates: "alignCorners" }),
      b.fitted(b.graph.one(requantize, [x], { quantization: b.quantization(1.7) })),
    ],
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

    test("images in groups give the same bits as single ones", async () => {
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

/** Float activations, int8 weights: activations are quantized by the range of the image. */
describe("dense and others: int8 weights alone", () => {
  const layers: [
    string,
    Shape,
    (x: Value, leaf: (name: string, shape: Shape, dtype: "i8" | "f32") => Value, graph: Graph) => Value,
  ][] = [
    [
      "conv2d",
      [7, 6, 3],
      (x, leaf, g) =>
        g.one(conv2d, [x, leaf("w", [9, 3, 3, 3], "i8"), leaf("b", [9], "f32")], {
          ...plainWindow,
          groups: 1,
          ...around(1),
        }),
    ],
    [
      "conv2d in groups, without a bias",
      [5, 6, 4],
      (x, leaf, g) =>
        g.one(conv2d, [x, leaf("w", [6, 3, 2, 2], "i8")], {
          ...plainWindow,
          groups: 2,
          strides: [2, 1],
          pads: [0, 1, 1, 0],
        }),
    ],
    [
      "depthwise",
      [5, 6, 3],
      (x, leaf, g) =>
        g.one(depthwiseConv2d, [x, leaf("w", [6, 3, 3, 1], "i8"), leaf("b", [6], "f32")], {
          ...plainWindow,
          ...around(1),
        }),
    ],
    [
      "dense and relu",
      [37],
      (x, leaf, g) => g.one(relu, [g.one(dense, [x, leaf("w", [11, 37], "i8"), leaf("b", [11], "f32")])]),
    ],
    [
      "conv2d, relu and pool",
      [8, 8, 2],
      (x, leaf, g) =>
        g.one(
          maxPool2d,
          [
            g.one(relu, [
              g.one(conv2d, [x, leaf("w", [5, 3, 3, 2], "i8"), leaf("b", [5], "f32")], { ...plainWindow, groups: 1 }),
            ]),
          ],
          pooling,
        ),
    ],
  ];
  // a saturating dot product cannot run these: every image fills all of its 256 steps
  for (const { variant } of SPANS.filter(span => !span.half))
    for (const [name, shape, build] of layers)
      for (const batch of [1, 3])
        test(`${name}, batch ${batch}, ${variant}`, async () => {
          const random = new Random(7);
          const graph = new Graph();
          const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
          const leaf = (leafName: string, of: Shape, dtype: "i8" | "f32") => {
            const scale = Float32Array.from({ length: of[0]! }, () => random.uniform(0.002, 0.01));
            const data =
              dtype === "i8"
                ? Int8Array.from({ length: size(of) }, () => random.integer(255) - 127)
                : Float32Array.from({ length: size(of) }, () => random.normal());
            const quantization = dtype === "i8" ? { quantization: { scale, zeroPoint: 0, axis: 0 } } : {};
            return graph.state("weight", leafName, { shape: of, dtype, batched: false, ...quantization }, data);
          };
          graph.results = [build(x, leaf, graph)];
          const feed = { x: Float32Array.from({ length: batch * size(shape) }, () => random.normal()) };
          const expected = evaluated(graph, feed, batch)[0]!;
          const options = { batch, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant };
          fuse(graph, FORWARD);
          const { results } = await planned(graph, feed, options);
          expect([...results[0]!.data]).toEqual([...expected.data]);
          expect(new Set(expected.data).size).toBeGreaterThan(4);
        });
});

test("a 2x2 pool is fused, a relu too", async () => {
  const build: Build = (b, x) => b.pool(b.graph.one(relu, [b.conv2d(x, 5, [3, 3])]));
  const graph = await same([8, 8, 3], build, SPANS[0]!, 1);
  expect(graph.nodes.map(n => [n.op.name, (n.attrs as Conv2d).relu])).toEqual([[conv2dMaxPool2d.name, true]]);
});

test("conv2d: consumers that prefer different halos share the larger one", async () => {
  const b = new Builder(1, SPANS[0]!);
  const x = b.input([9, 8, 8]);
  const quantization = { scale: Float32Array.of(1), zeroPoint: -128 };
  const sum = b.graph.one(relu, [b.graph.one(add, [x, x], { quantization })]);
  b.graph.results = [
    b.conv2d(sum, 4, [1, 1]),
    b.conv2d(sum, 5, [3, 3], around(1)),
    b.conv2d(sum, 3, [5, 5], around(2)),
  ];
  const options = { batch: 1, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant: SPANS[0]!.variant };
  const { machine } = await planned(b.graph, b.feed, options);
  const text = printProgram(machine.program("test"));
  // x is converted at the beginning, the results at the end, nothing between them
  expect(text.match(/i8_enter/g)).toHaveLength(1);
  expect(text.match(/i8_leave/g)).toHaveLength(3);
  expect(text.match(/i8_halo/g)).toHaveLength(1);
});

test("add and others refuse types that do not match", () => {
  const b = new Builder(1, SPANS[0]!);
  const x = b.input([5, 5, 2]);
  const real = b.graph.leaf("input", "real", { shape: [5, 5, 2], dtype: "f32", batched: true });
  const w = b.parameters([3, 3, 3, 2], x).inputs[0]!;
  const attrs = { ...plainWindow, groups: 1 };
  expect(() => b.graph.one(conv2d, [x, w], attrs)).toThrow("int8 inputs need the quantization of the output");
  const floats = b.graph.state("weight", "w", { shape: [3, 3, 3, 2], dtype: "f32", batched: false });
  expect(() => b.graph.one(conv2d, [x, floats], attrs)).toThrow("int8 inputs need int8 weights, got f32");
  expect(() => b.graph.one(add, [x, real])).toThrow("cannot mix i8 and f32");
  expect(() => b.graph.one(add, [x, x])).toThrow("int8 inputs need the quantization of the output");
});
