/**
 * Random graphs of forward ops in f32 and int8: the plan gives the results of evaluate, int8 to the bit. Every op is
 * drawn often enough, in every type it supports.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Op, type Quantization, type Value } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { clip } from "../../src/ops/activation/clip.ts";
import { elu } from "../../src/ops/activation/elu.ts";
import { gelu } from "../../src/ops/activation/gelu.ts";
import { hardSigmoid } from "../../src/ops/activation/hard-sigmoid.ts";
import { hardSwish } from "../../src/ops/activation/hard-swish.ts";
import { leakyRelu } from "../../src/ops/activation/leaky-relu.ts";
import { logSoftmax } from "../../src/ops/activation/log-softmax.ts";
import { pact } from "../../src/ops/activation/pact.ts";
import { prelu } from "../../src/ops/activation/prelu.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { sigmoid } from "../../src/ops/activation/sigmoid.ts";
import { silu } from "../../src/ops/activation/silu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { exp } from "../../src/ops/arithmetic/exp.ts";
import { log } from "../../src/ops/arithmetic/log.ts";
import { maximum } from "../../src/ops/arithmetic/maximum.ts";
import { mean } from "../../src/ops/arithmetic/mean.ts";
import { minimum } from "../../src/ops/arithmetic/minimum.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { rsqrt } from "../../src/ops/arithmetic/rsqrt.ts";
import { scale } from "../../src/ops/arithmetic/scale.ts";
import { sqrt } from "../../src/ops/arithmetic/sqrt.ts";
import { sub } from "../../src/ops/arithmetic/sub.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { lookup } from "../../src/ops/quantized/lookup.ts";
import { dequantize, quantize } from "../../src/ops/quantized/quantize.ts";
import { requantize } from "../../src/ops/quantized/requantize.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { concat } from "../../src/ops/shape/concat.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { COORDINATES, type Placement } from "../../src/ops/shape/coordinates.ts";
import { pad } from "../../src/ops/shape/pad.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { resizeBilinear } from "../../src/ops/shape/resize-bilinear.ts";
import { ROUNDINGS, resizeNearest } from "../../src/ops/shape/resize-nearest.ts";
import { stridedSlice } from "../../src/ops/shape/strided-slice.ts";
import { transpose } from "../../src/ops/shape/transpose.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { evaluated, expectClose, planned } from "./planned.ts";

type DType = "f32" | "i8";

const GRAPHS = 150;
const LAYERS = 10;
const LEAST = 20;

class Draw {
  readonly graph = new Graph();
  readonly random: Random;
  readonly dtype: DType;

  constructor(seed: number, dtype: DType) {
    this.random = new Random(seed);
    this.dtype = dtype;
  }

  upTo = (n: number): number => 1 + this.random.integer(n);
  of = <T>(list: readonly T[]): T => list[this.random.integer(list.length)]!;
  quantization = (): Quantization => ({
    scale: Float32Array.of(this.random.uniform(0.01, 0.05)),
    zeroPoint: this.random.integer(256) - 128,
  });
  /** The attribute of an op that chooses its quantization. */
  chosen = () => (this.dtype === "i8" ? { quantization: this.quantization() } : {});

  one<A>(op: Op<A>, inputs: Value[], attrs: A): Value {
    return this.graph.one(op, inputs, attrs);
  }

  state(shape: Shape, dtype: DType | "i32", quantization?: Quantization): Value {
    const name = `state ${this.graph.leaves.length}`;
    const real = dtype === "f32";
    const data = real
      ? Float32Array.from({ length: size(shape) }, () => this.random.uniform(-0.5, 0.5))
      : new (dtype === "i8" ? Int8Array : Int32Array)(size(shape)).map(() => this.random.integer(255) - 127);
    return this.graph.state(
      "weight",
      name,
      { shape, dtype, batched: false, ...(quantization && { quantization }) },
      data,
    );
  }

  weights(shape: Shape): Value[] {
    if (this.dtype === "f32") return [this.state(shape, "f32"), this.state([shape[0]!], "f32")];
    const scale = Float32Array.from({ length: shape[0]! }, () => this.random.uniform(0.001, 0.01));
    const quantization = { scale, zeroPoint: 0, axis: 0 };
    return [this.state(shape, "i8", quantization), this.state([shape[0]!], "i32", quantization)];
  }
}

/** Adds a node to an image [h, w, c]; returns an image. */
type Layer = (d: Draw, x: Value) => Value;

const flattened = (d: Draw, x: Value): Value => d.one(reshape, [x], { shape: [size(x.type.shape)] });
const pads = (d: Draw, most: number) =>
  [0, 0, 0, 0].map(() => d.random.integer(most + 1)) as unknown as readonly [number, number, number, number];

const unary =
  <A extends object>(op: Op<A>, attrs: (d: Draw) => A): Layer =>
  (d, x) =>
    d.one(op, [x], { ...attrs(d), ...d.chosen() });

/** A function of positive numbers: floats pass a sigmoid first, int8 has a code for every input. */
const ofPositive =
  (op: Op<object>): Layer =>
  (d, x) =>
    unary(op, () => ({}))(d, d.dtype === "f32" ? d.one(sigmoid, [x], {}) : x);

/** Computes in float, for int8 between a dequantize and a quantize. */
function real(d: Draw, x: Value, compute: (v: Value) => Value): Value {
  if (d.dtype === "f32") return compute(x);
  return d.one(quantize, [compute(d.one(dequantize, [x], {}))], { quantization: d.quantization() });
}

/** With a flipped copy of itself, or with a constant along some axes. */
const pair =
  (op: Op<any>, own: boolean): Layer =>
  (d, x) => {
    const { shape } = x.type;
    const quantization =
      own && d.dtype === "i8" ? x.type.quantization : d.dtype === "i8" ? d.quantization() : undefined;
    const reduced = shape.map(n => (d.random.integer(2) ? 1 : n));
    const constant = () => d.one(broadcast, [d.state(reduced, d.dtype, quantization), x], { shape });
    const turned = () =>
      d.one(stridedSlice, [x], { begin: shape.map(n => n - 1), strides: shape.map(() => -1), shape });
    return d.one(op, [x, d.random.integer(2) ? constant() : turned()], own ? {} : d.chosen());
  };

const pool =
  (op: Op<any>): Layer =>
  (d, x) => {
    const kernel = [0, 1].map(axis => d.upTo(Math.min(3, x.type.shape[axis]!))) as [number, number];
    return d.one(op, [x], { ...plainWindow, size: kernel, strides: [d.upTo(2), d.upTo(2)] });
  };

function placement(d: Draw): Placement {
  const both = (low: number, high: number) => [d.random.uniform(low, high), d.random.uniform(low, high)] as const;
  const affine = { scales: both(0.4, 3), shifts: both(0, 1), offsets: both(-1, 1) };
  const coordinates = d.of(COORDINATES);
  return { size: [d.upTo(6), d.upTo(6)], coordinates, ...(coordinates === "affine" && affine) };
}

const LAYERS_OF: Record<string, { layer: Layer; only?: DType }> = {
  conv2d: {
    layer(d, x) {
      const [kh, kw, channels] = [d.upTo(3), d.upTo(3), x.type.shape[2]!];
      const groups = d.of([1, 2, 3, channels].filter(n => channels % n === 0));
      const out = groups * d.upTo(groups > 4 ? 2 : 5);
      const window = { strides: [d.upTo(2), d.upTo(2)] as const, dilations: [1, d.upTo(2)] as const, pads: pads(d, 2) };
      const large = x.type.shape[0]! >= kh && x.type.shape[1]! > (kw - 1) * window.dilations[1];
      const attrs = large ? { ...window, groups } : { ...plainWindow, pads: [2, 4, 2, 4] as const, groups };
      return d.one(conv2d, [x, ...d.weights([out, kh, kw, channels / groups])], { ...attrs, ...d.chosen() });
    },
  },
  depthwiseConv2d: {
    layer: (d, x) =>
      d.one(depthwiseConv2d, [x, ...d.weights([x.type.shape[2]! * d.upTo(2), 3, 3, 1])], {
        ...plainWindow,
        pads: [1, 1, 1, 1],
        ...d.chosen(),
      }),
  },
  dense: {
    layer: (d, x) => {
      const flat = flattened(d, x);
      const [h, w, c] = [d.upTo(3), d.upTo(3), d.upTo(5)];
      const y = d.one(dense, [flat, ...d.weights([h * w * c, size(x.type.shape)])], d.chosen());
      return d.one(reshape, [y], { shape: [h, w, c] });
    },
  },
  relu: { layer: (d, x) => d.one(relu, [x], {}) },
  clip: { layer: (d, x) => d.one(clip, [x], { low: d.random.uniform(-1, 0), high: d.random.uniform(0.1, 2) }) },
  leakyRelu: { layer: unary(leakyRelu, d => ({ alpha: d.random.uniform(0.1, 0.5) })) },
  elu: { layer: unary(elu, () => ({ alpha: 1 })) },
  sigmoid: { layer: unary(sigmoid, () => ({})) },
  tanh: { layer: unary(tanh, () => ({})) },
  hardSwish: { layer: unary(hardSwish, () => ({})) },
  gelu: { layer: unary(gelu, d => ({ approximate: d.random.integer(2) === 1 })) },
  silu: { layer: unary(silu, () => ({})) },
  exp: { layer: unary(exp, () => ({})) },
  log: { layer: ofPositive(log) },
  sqrt: { layer: ofPositive(sqrt) },
  rsqrt: { layer: ofPositive(rsqrt) },
  softmax: { layer: unary(softmax, () => ({})) },
  // in float also for int8, as readers of other formats do
  logSoftmax: { layer: (d, x) => real(d, x, v => d.one(logSoftmax, [v], {})) },
  pact: { layer: (d, x) => real(d, x, v => d.one(pact, [v, d.state([1], "f32")], {})) },
  prelu: {
    layer(d, x) {
      const own = d.of([[1, 1, x.type.shape[2]!], [1, 1, 1], x.type.shape]);
      return real(d, x, v => d.one(prelu, [v, d.state(own, "f32")], {}));
    },
  },
  lookup: {
    layer(d, x) {
      const [count, quantization] = [d.of([1, x.type.shape[2]!, size(x.type.shape)]), d.quantization()];
      return d.one(lookup, [x, d.state([count, 256], "i8", quantization)], { quantization });
    },
    only: "i8",
  },
  quantize: {
    layer: (d, x) => d.one(dequantize, [d.one(quantize, [x], { quantization: d.quantization() })], {}),
    only: "f32",
  },
  dequantize: { layer: (d, x) => real(d, x, v => v), only: "i8" },
  scale: { layer: unary(scale, d => ({ scale: d.random.uniform(-2, 2) })) },
  hardSigmoid: { layer: unary(hardSigmoid, () => ({ alpha: 0.2, beta: 0.5 })) },
  reshape: {
    layer(d, x) {
      const [h, w, channels] = x.type.shape as [number, number, number];
      const shape = d.of([
        [w, h, channels],
        [h, 1, w * channels],
        [h * w, channels, 1],
      ]);
      return d.one(reshape, [x], { shape });
    },
  },
  maxPool2d: { layer: pool(maxPool2d) },
  averagePool2d: { layer: pool(averagePool2d) },
  pad: { layer: (d, x) => d.one(pad, [x], { pads: pads(d, 1) }) },
  constantPad: {
    layer(d, x) {
      const some = () => x.type.shape.map(() => d.random.integer(2));
      return d.one(constantPad, [x], { before: some(), after: some(), value: d.random.uniform(-1, 1) });
    },
  },
  transpose: {
    layer: (d, x) =>
      d.one(transpose, [x], {
        permutation: d.of([
          [0, 2, 1],
          [1, 0, 2],
          [2, 0, 1],
          [2, 1, 0],
        ]),
      }),
  },
  concat: { layer: (d, x) => d.one(concat, [x, d.one(relu, [x], {})], { axis: d.random.integer(3), ...d.chosen() }) },
  mean: {
    layer: (d, x) => d.one(mean, [x], { axes: d.of([[0], [1], [2], [0, 1], [1, 2]]), keepDims: true, ...d.chosen() }),
  },
  resizeNearest: { layer: (d, x) => d.one(resizeNearest, [x], { ...placement(d), rounding: d.of(ROUNDINGS) }) },
  resizeBilinear: { layer: (d, x) => d.one(resizeBilinear, [x], placement(d)) },
  requantize: {
    layer: (d, x) => d.one(requantize, [x], { quantization: d.quantization() }),
    only: "i8",
  },
  add: { layer: pair(add, false) },
  sub: { layer: pair(sub, false) },
  mul: { layer: pair(mul, false) },
  minimum: { layer: pair(minimum, true) },
  maximum: { layer: pair(maximum, true) },
};

function network(seed: number, dtype: DType): { d: Draw; x: Float32Array | Int8Array } {
  const d = new Draw(seed, dtype);
  const shape = [d.upTo(7), d.upTo(6), d.upTo(9)];
  const length = 2 * size(shape);
  const int8 = dtype === "i8";
  let value = d.graph.leaf("input", "x", {
    shape,
    dtype,
    batched: true,
    ...(int8 && { quantization: d.quantization() }),
  });
  const x = int8
    ? Int8Array.from({ length }, () => d.random.integer(256) - 128)
    : Float32Array.from({ length }, () => d.random.uniform(-1, 1));
  const names = Object.keys(LAYERS_OF).filter(name => !LAYERS_OF[name]!.only || LAYERS_OF[name]!.only === dtype);
  const made: Value[] = [];
  for (let i = 0; i < LAYERS; i++) {
    // large images are reduced
    const name = size(value.type.shape) > 600 ? "mean" : d.of(names);
    value = LAYERS_OF[name]!.layer(d, value);
    made.push(value);
  }
  d.graph.results = made;
  return { d, x };
}

/** The relaxed dot product supports all of int8 only if the probe finds it exact. */
const variants = (dtype: DType): Variant[] =>
  dtype === "i8" && supported().relaxedDot === "u8" ? ["simd", "relaxed"] : ["simd"];

describe.each(["f32", "i8"] as const)("%s", dtype => {
  test.each(Array.from({ length: GRAPHS }, (_, seed) => seed))("random graph %i", async seed => {
    const { d, x } = network(1000 + seed, dtype);
    const expected = evaluated(d.graph, { x }, 2);
    const { graph } = d.graph.copy();
    fuse(graph, FORWARD);
    for (const variant of variants(dtype))
      for (const g of [d.graph, graph]) {
        const options = { batch: 2, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant, runs: 1 };
        const { results } = await planned(g, { x }, options);
        expected.forEach((t, i) => {
          const what = `result ${i} of\n${printGraph(g)}\n`;
          if (dtype === "i8") expect([...results[i]!.data], what).toEqual([...t.data]);
          else expectClose(results[i]!.data, t.data, what, 1e-4);
        });
      }
  });

  test(`every op is drawn at least ${LEAST} times`, () => {
    const drawn = new Map<string, number>();
    for (let seed = 0; seed < GRAPHS; seed++)
      for (const n of network(1000 + seed, dtype).d.graph.nodes) drawn.set(n.op.name, (drawn.get(n.op.name) ?? 0) + 1);
    const few = Object.entries(LAYERS_OF)
      .filter(([name, { only }]) => (!only || only === dtype) && (drawn.get(name) ?? 0) < LEAST)
      .map(([name]) => `${name}: ${drawn.get(name) ?? 0}`);
    expect(few).toEqual([]);
  });
});
