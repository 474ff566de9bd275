/**
 * How each operator of TensorFlow Lite is read: which ops of a graph it becomes. Fused activations become nodes of their own, clamps behind
 * what they were fused into: rounding and clamping keep order, so of int8 both give the same bytes.
 */
import { type Shape, size } from "../../base/shape.ts";
import type { Op, Quantization, Value } from "../../graph/graph.ts";
import { add } from "../../ops/add.ts";
import { type AveragePool2d, averagePool2d } from "../../ops/average-pool2d.ts";
import { broadcast } from "../../ops/broadcast.ts";
import { clip } from "../../ops/clip.ts";
import { concat } from "../../ops/concat.ts";
import { constantPad } from "../../ops/constant-pad.ts";
import { conv2d } from "../../ops/conv2d.ts";
import type { Coordinates } from "../../ops/coordinates.ts";
import { dense } from "../../ops/dense.ts";
import { depthwiseConv2d } from "../../ops/depthwise-conv2d.ts";
import { elu } from "../../ops/elu.ts";
import { hardSwish } from "../../ops/hard-swish.ts";
import { leakyRelu } from "../../ops/leaky-relu.ts";
import { logSoftmax } from "../../ops/log-softmax.ts";
import { maxPool2d, type Pool2d } from "../../ops/max-pool2d.ts";
import { maximum } from "../../ops/maximum.ts";
import { mean } from "../../ops/mean.ts";
import { minimum } from "../../ops/minimum.ts";
import { mul } from "../../ops/mul.ts";
import { pad } from "../../ops/pad.ts";
import { prelu } from "../../ops/prelu.ts";
import { dequantize, quantize } from "../../ops/quantize.ts";
import type { Quantized } from "../../ops/quantized.ts";
import { relu } from "../../ops/relu.ts";
import { requantize } from "../../ops/requantize.ts";
import { resizeBilinear } from "../../ops/resize-bilinear.ts";
import { resizeNearest } from "../../ops/resize-nearest.ts";
import { sigmoid } from "../../ops/sigmoid.ts";
import { softmax } from "../../ops/softmax.ts";
import { stridedSlice } from "../../ops/strided-slice.ts";
import { sub } from "../../ops/sub.ts";
import { tanh } from "../../ops/tanh.ts";
import { transpose } from "../../ops/transpose.ts";
import { plainWindow, samePads, type Window } from "../../ops/window.ts";
import type { Constant } from "./constant.ts";
import {
  batchOf,
  type Dimension,
  elements,
  fixed,
  imageAxis,
  product,
  quotient,
  reshaped,
  type SliceSpec,
  slicing,
  sum,
} from "./dimensions.ts";
import { ACTIVATIONS, type OperatorName } from "./schema.ts";
import { type Activation, type Blocks, type Site, sameQuantization, unsupported } from "./site.ts";

type Reader = (s: Site) => void;

/** What an op that chooses a quantization is given: none where it stays float. */
const quantized = (quantization: Quantization | undefined): Quantized => (quantization ? { quantization } : {});

const isInt8 = (v: Value): boolean => v.type.dtype === "i8";

/** Adds the activation fused into an operator; `field` of its options tells which. */
function activated(s: Site, value: Value, field: number): Value {
  const code = s.options.i8(field);
  const activation = ACTIVATIONS[code];
  switch (activation) {
    case "none":
      return value;
    case "relu":
      return s.add(relu, [value], {});
    case "relu6":
      return s.add(clip, [value], { low: 0, high: 6 });
    case "reluN1To1":
      return s.add(clip, [value], { low: -1, high: 1 });
    case "tanh":
      if (!isInt8(value)) return s.add(tanh, [value], {});
  }
  return unsupported(`has the activation ${activation ?? code} fused in`);
}

/** An operand that is images: height x width x channels each. */
function images(s: Site): Activation {
  const x = s.activation();
  if (x.dimensions.length !== 4 || x.value.type.shape.length !== 3)
    unsupported(
      `reads [${x.dimensions.map(d => (d.batched ? "batch" : d.n))}], not one image of height, width and channels each`,
    );
  return x;
}

// ---------------------------------------------------------------- convolutions, dense layers, pools

const SAME = 0;

const windowed = (
  image: Shape,
  kernel: readonly [number, number],
  padding: number,
  w: Omit<Window, "pads">,
): Window => ({
  ...w,
  pads: padding === SAME ? samePads(image, kernel, w.strides, w.dilations) : [0, 0, 0, 0],
});

/** [1, kh, kw, out] -> [out, kh, kw, 1] */
function depthwiseKernel(weight: Constant): Constant {
  const [, kh, kw, out] = weight.shape as [number, number, number, number];
  const taps = kh * kw;
  const data = weight.data.slice();
  for (let tap = 0; tap < taps; tap++) for (let o = 0; o < out; o++) data[o * taps + tap] = weight.data[tap * out + o]!;
  const q = weight.quantization;
  const perChannel = q && q.scale.length > 1;
  if (perChannel && q.axis !== 3)
    throw new RangeError(`depthwise weights have a scale for each index of axis ${q.axis}`);
  return { ...weight, shape: [out, kh, kw, 1], data, ...(perChannel && { quantization: { ...q, axis: 0 } }) };
}

function checkedKernel(weight: Constant, rank: number): Constant {
  if (weight.shape.length !== rank || size(weight.shape) === 0)
    throw new RangeError(`the weights are [${weight.shape}]`);
  if (weight.dtype === "i8" && weight.quantization?.zeroPoint !== 0)
    unsupported("has int8 weights without a scale, or with a zero point that is not 0");
  return weight;
}

interface Options {
  padding: number;
  strides: readonly [number, number];
  dilations: readonly [number, number];
  /** The field of the fused activation. */
  activation: number;
}

function convolutionOptions(s: Site, depthwise: boolean): Options {
  const o = s.options;
  const [activation, dilation] = depthwise ? [4, 5] : [3, 4];
  const at = (field: number, usual: number) => positive(o.i32(field, usual));
  return {
    padding: o.i8(0),
    strides: [at(2, 0), at(1, 0)],
    dilations: [at(dilation + 1, 1), at(dilation, 1)],
    activation,
  };
}

function positive(n: number): number {
  if (!(n > 0 && n < 65536)) throw new RangeError(`a stride, size or dilation is ${n}`);
  return n;
}

const convolution =
  (depthwise: boolean): Reader =>
  s => {
    const known = s.known(0);
    if (known.kind !== "blocks") {
      const x = images(s);
      const y = convolved(s, x, depthwise, options => options);
      s.give(y, batchOf(y.type.shape));
      return;
    }
    if (known.finish) unsupported("follows another convolution between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND");
    s.giveBlocks({ ...known, finish: crops => dilated(s, known, depthwise, crops) });
  };

type Adjusted = Window | Omit<Options, "activation">;

/** Adds the convolution; `adjust` may change strides, pads and dilations. */
function convolved(
  s: Site,
  x: Activation,
  depthwise: boolean,
  adjust: (o: Options, kernel: [number, number]) => Adjusted,
): Value {
  const weight = checkedKernel(s.constant(1), 4);
  const options = convolutionOptions(s, depthwise);
  const kernel: [number, number] = [weight.shape[1]!, weight.shape[2]!];
  const adjusted = adjust(options, kernel);
  const window = "pads" in adjusted ? adjusted : windowed(x.value.type.shape, kernel, adjusted.padding, adjusted);
  const { strides, pads, dilations } = window;
  const attrs = { strides, pads, dilations, ...quantized(isInt8(x.value) ? s.quantization() : undefined) };
  const bias = s.has(2) ? s.constant(2) : undefined;
  if (depthwise) {
    if (weight.shape[0] !== 1) throw new RangeError(`depthwise weights are [${weight.shape}]`);
    return activated(
      s,
      s.layer(depthwiseConv2d, x.value, { kernel: depthwiseKernel(weight), bias }, attrs),
      options.activation,
    );
  }
  const groups = x.value.type.shape[2]! / weight.shape[3]!;
  if (!Number.isInteger(groups))
    throw new RangeError(`weights of [${weight.shape}] do not fit images of [${x.value.type.shape}]`);
  return activated(s, s.layer(conv2d, x.value, { kernel: weight, bias }, { ...attrs, groups }), options.activation);
}

/** A convolution on interleaved images as one with dilation; pads of its own are in steps of the block. */
function dilated(
  s: Site,
  blocks: Blocks,
  depthwise: boolean,
  crops: { before: readonly number[]; after: readonly number[] },
): Activation {
  const { source, block, before, after } = blocks;
  const whole = source.value.type.shape;
  const y = convolved(s, source, depthwise, ({ padding, strides, dilations }, kernel) => {
    if ([...strides, ...dilations].some(n => n !== 1))
      return unsupported("has strides between SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND");
    const inner = [0, 1].map(i => (whole[i]! + before[i]! + after[i]!) / block[i]!);
    if (!inner.every(Number.isInteger)) throw new RangeError("blocks do not divide the padded image");
    const own = padding === SAME ? samePads(inner, kernel, strides, dilations) : [0, 0, 0, 0];
    const pad = (axis: 0 | 1, side: readonly number[], crop: readonly number[], at: number) =>
      side[axis]! - crop[axis]! + own[at]! * block[axis]!;
    return {
      strides,
      dilations: [block[0]!, block[1]!],
      pads: [
        pad(0, before, crops.before, 0),
        pad(1, before, crops.before, 1),
        pad(0, after, crops.after, 2),
        pad(1, after, crops.after, 3),
      ],
    };
  });
  return { kind: "activation", value: y, dimensions: batchOf(y.type.shape) };
}

/** Pairs of a [axes, 2] operand. */
function pairs(s: Site, operand: number): { before: number[]; after: number[] } {
  const all = s.integers(operand);
  if (all.some(n => n < 0 || n > 65536)) throw new RangeError(`pads or crops are [${all}]`);
  return { before: all.filter((_, i) => i % 2 === 0), after: all.filter((_, i) => i % 2 === 1) };
}

const spaceToBatch: Reader = s => {
  const source = s.activation();
  const block = s.integers(1).map(positive);
  const { before, after } = pairs(s, 2);
  const axes = source.dimensions.length - 2;
  if (
    source.dimensions[0]!.n !== 1 ||
    block.length !== axes ||
    before.length !== axes ||
    after.length !== axes ||
    axes < 1 ||
    axes > 2
  )
    unsupported("divides axes that are not height and width");
  s.giveBlocks({ kind: "blocks", source, block, before, after });
};

/** Puts an axis of size 1 in front of spatial axis `at` (0 or 1) of interleaved sequences: they become images. */
function blocksAsImages(s: Site, blocks: Blocks, at: number): void {
  const { source } = blocks;
  if (blocks.finish || blocks.block.length !== 1 || (at !== 0 && at !== 1))
    unsupported("gives interleaved images another axis");
  const [length, channels] = source.value.type.shape as [number, number];
  const inserted = at as 0 | 1;
  const shape = inserted === 0 ? [1, length, channels] : [length, 1, channels];
  const widened = (list: readonly number[], value: number) => (inserted === 0 ? [value, list[0]!] : [list[0]!, value]);
  s.giveBlocks({
    kind: "blocks",
    source: { kind: "activation", value: s.reshape(source.value, shape), dimensions: batchOf(shape) },
    block: widened(blocks.block, 1),
    before: widened(blocks.before, 0),
    after: widened(blocks.after, 0),
    inserted,
  });
}

const batchToSpace: Reader = s => {
  const blocks = s.known(0);
  if (blocks.kind !== "blocks") return unsupported("has no SPACE_TO_BATCH_ND before it");
  if (!blocks.finish) return unsupported("has no convolution between it and SPACE_TO_BATCH_ND");
  const { inserted } = blocks;
  const widened = (list: readonly number[], value: number) =>
    inserted === undefined || list.length === 2 ? list : inserted === 0 ? [value, list[0]!] : [list[0]!, value];
  const block = widened(s.integers(1), 1);
  if (String(block) !== String(blocks.block))
    unsupported(`has blocks of [${block}] where SPACE_TO_BATCH_ND has [${blocks.block}]`);
  const crops = pairs(s, 2);
  const squeezed = inserted !== undefined && crops.before.length === 1;
  const { value } = blocks.finish({ before: widened(crops.before, 0), after: widened(crops.after, 0) });
  const { shape } = value.type;
  s.give(value, batchOf(squeezed ? shape.filter((_, axis) => axis !== inserted) : shape));
};

const fullyConnected: Reader = s => {
  const x = s.activation();
  const weight = checkedKernel(s.constant(1), 2);
  if (s.options.i8(1) !== 0) unsupported("has shuffled weights");
  const [units, length] = weight.shape as [number, number];
  const bias = s.has(2) ? s.constant(2) : undefined;
  const attrs = quantized(isInt8(x.value) ? s.quantization() : undefined);
  const rows = elements(x.dimensions) / length;
  if (!Number.isInteger(rows)) throw new RangeError(`weights of [${weight.shape}] do not fit [${x.value.type.shape}]`);
  const lead = s.options.flag(2) ? x.dimensions.slice(0, -1) : [{ n: rows, batched: true }];
  const after = [...lead, fixed(units)];
  if (rows === 1) {
    const y = s.layer(dense, s.reshape(x.value, [length]), { kernel: weight, bias }, attrs);
    s.give(activated(s, y, 0), after);
    return;
  }
  // many vectors an image: a convolution of 1 x 1
  const kernel = { ...weight, shape: [units, 1, 1, length] };
  const y = s.layer(
    conv2d,
    s.reshape(x.value, [rows, 1, length]),
    { kernel, bias },
    { ...plainWindow, ...attrs, groups: 1 },
  );
  s.give(activated(s, y, 0), after);
};

function pooled(s: Site): { x: Activation; attrs: Pool2d } {
  const x = images(s);
  const o = s.options;
  const kernel: [number, number] = [positive(o.i32(4)), positive(o.i32(3))];
  const strides: [number, number] = [positive(o.i32(2)), positive(o.i32(1))];
  return {
    x,
    attrs: { size: kernel, ...windowed(x.value.type.shape, kernel, o.i8(0), { strides, dilations: [1, 1] }) },
  };
}

const pool =
  (op: Op<Pool2d> | Op<AveragePool2d>): Reader =>
  s => {
    const { x, attrs } = pooled(s);
    const y = activated(s, s.add(op as Op<Pool2d>, [x.value], attrs), 5);
    s.give(y, batchOf(y.type.shape));
  };

// ---------------------------------------------------------------- pairs

/** Shapes as they are read together: aligned at their ends. */
function common(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const p = a[i - rank + a.length] ?? 1;
    const q = b[i - rank + b.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1) throw new RangeError(`[${a}] and [${b}] do not go together`);
    return Math.max(p, q);
  });
}

const pair =
  (op: Op<Quantized>, activation: number | undefined): Reader =>
  s => {
    if ([0, 1].every(i => s.known(i).kind !== "activation")) {
      if (!ARITHMETIC[op.name]) return unsupported("has two constant operands");
      const [a, b] = [s.sizes(0), s.sizes(1)];
      const length = Math.max(a.length, b.length);
      return s.giveSizes(Array.from({ length }, (_, i) => ARITHMETIC[op.name]!(a[i % a.length]!, b[i % b.length]!)));
    }
    const [a, b] = [0, 1].map(i => operandOf(s, i)) as [Operand, Operand];
    const known = (a.dimensions ?? b.dimensions)!;
    if (a.dimensions && b.dimensions && a.dimensions.length !== b.dimensions.length)
      unsupported("joins tensors of many images with different numbers of axes");
    const shape = common(a.shape, b.shape);
    const like = [a, b].find(o => o.value)!.value!;
    const layer = s.importer.names.unique(op.name);
    const [p, q] = [a, b].map(o => alike(s, layer, o, shape, like)) as [Value, Value];
    const { graph } = s.importer;
    const made = graph.scope(layer, () =>
      graph.one(op, [p, q], quantized(isInt8(like) ? s.quantization() : undefined)),
    );
    const lead = known[0]!;
    const dimensions =
      lead.n === 1 ? [lead, ...shape.map(fixed)] : [{ ...lead, n: shape[0]! }, ...shape.slice(1).map(fixed)];
    s.give(activation === undefined ? made : activated(s, made, activation), dimensions);
  };

interface Operand {
  shape: Shape;
  /** Of an activation. */
  dimensions?: readonly Dimension[];
  value?: Value;
  constant?: Constant;
}

/** An operand of a pair; a constant is one for all images, so an axis of 1 for the batch is left out. */
function operandOf(s: Site, operand: number): Operand {
  const known = s.known(operand);
  if (known.kind === "activation")
    return { shape: known.value.type.shape, dimensions: known.dimensions, value: known.value };
  const constant = s.constant(operand);
  const other = s.known(1 - operand);
  const rank = other.kind === "activation" ? other.value.type.shape.length : 0;
  let { shape } = constant;
  while (shape.length > rank && shape[0] === 1) shape = shape.slice(1);
  if (shape.length > rank) unsupported(`has a constant of [${constant.shape}] for a batch`);
  return { shape, constant: { ...constant, shape } };
}

/** The operand as images of `shape`. */
function alike(s: Site, layer: string, { shape, value, constant }: Operand, wanted: Shape, like: Value): Value {
  if (value && String(shape) === String(wanted)) return value;
  const x = value ?? s.state(layer, constant!);
  return s.add(broadcast, [x, like], { shape: wanted });
}

const ARITHMETIC: Readonly<Record<string, (a: Dimension, b: Dimension) => Dimension>> = {
  add: (a, b) => sum(a, b, 1),
  sub: (a, b) => sum(a, b, -1),
  mul: product,
};

const division: Reader = s => {
  if ([0, 1].some(i => s.known(i).kind === "activation")) return unsupported("divides activations");
  const [a, b] = [s.sizes(0), s.sizes(1)];
  s.giveSizes(a.map((size, i) => quotient(size, b[i % b.length]!)));
};

const prelus: Reader = s => {
  const x = s.activation();
  const alpha = s.constant(1);
  const { shape } = x.value.type;
  const own = alpha.shape.slice(Math.max(0, alpha.shape.length - shape.length));
  if (size(own) !== size(alpha.shape)) unsupported(`has slopes of [${alpha.shape}]`);
  const slopes = {
    shape: [...shape.map(() => 1).slice(own.length), ...own],
    dtype: "f32" as const,
    data: realOf(alpha),
  };
  s.give(
    throughReal(s, x.value, real => s.layer(prelu, real, { alpha: slopes }, {})),
    x.dimensions,
  );
};

/** A constant in real numbers. */
function realOf({ data, dtype, quantization, shape }: Constant): Float32Array {
  if (dtype === "f32") return data as Float32Array;
  if (!quantization) throw new RangeError(`${dtype} constants without a scale are no real numbers`);
  const { scale, zeroPoint, axis } = quantization;
  const inner = axis === undefined ? 1 : size(shape.slice(axis + 1));
  return Float32Array.from(data, (q, i) => (q - zeroPoint) * scale[Math.floor(i / inner) % scale.length]!);
}

/** What has no integer arithmetic of its own is computed in real numbers, between a dequantize and a quantize. */
function throughReal(s: Site, x: Value, compute: (real: Value) => Value): Value {
  if (!isInt8(x)) return compute(x);
  const quantization = s.quantization() ?? unsupported("gives float32 for int8");
  return s.add(quantize, [compute(s.add(dequantize, [x], {}))], { quantization });
}

// ---------------------------------------------------------------- functions of one value

/** A function of one value: of int8 by a table that leads to the output's quantization at once. */
const unary =
  <A extends object>(op: Op<A>, attrs: (s: Site) => A): Reader =>
  s => {
    const { value, dimensions } = s.activation();
    s.give(s.add(op, [value], { ...attrs(s), ...quantized(isInt8(value) ? s.quantization() : undefined) }), dimensions);
  };

/** A clamp stays in the quantization of its input; another one is reached by a table, rounded once. */
const clamp =
  (low: number, high: number): Reader =>
  s => {
    const { value, dimensions } = s.activation();
    const clamped = high === Infinity ? s.add(relu, [value], {}) : s.add(clip, [value], { low, high });
    const quantization = isInt8(value) ? s.quantization() : undefined;
    const moves = quantization && !sameQuantization(quantization, value.type.quantization!);
    s.give(moves ? s.add(requantize, [clamped], { exact: true, quantization }) : clamped, dimensions);
  };

const soft: Reader = s => {
  if (s.options.f32(0) !== 1) unsupported(`has a beta of ${s.options.f32(0)}, not 1`);
  unary(softmax, () => ({}))(s);
};

const logarithmic: Reader = s => {
  const { value, dimensions } = s.activation();
  s.give(
    throughReal(s, value, real => s.add(logSoftmax, [real], {})),
    dimensions,
  );
};

const finiteSlope = (alpha: number): number => {
  if (!(alpha >= 0 && alpha < Infinity)) return unsupported(`has a slope of ${alpha}`);
  return alpha;
};

const quantizing: Reader = s => {
  const known = s.known(0);
  if (known.kind === "constant") return unsupported("quantizes a constant");
  const { value, dimensions } = s.activation();
  const quantization = s.quantization() ?? unsupported("gives float32");
  // of int8, `give` requantizes
  s.give(isInt8(value) ? value : s.add(quantize, [value], { quantization }), dimensions);
};

/** Of constants (float16 weights, int8 weights kept small) at once, of activations where int8 ends. */
const dequantizing: Reader = s => {
  const known = s.known(0);
  if (known.kind === "constant")
    return s.giveConstant({ shape: known.constant.shape, dtype: "f32", data: realOf(known.constant) });
  const { value, dimensions } = s.activation();
  s.give(isInt8(value) ? s.add(dequantize, [value], {}) : value, dimensions);
};

/** Sparse constants are made dense when they are read. */
const densify: Reader = s => s.giveConstant(s.constant(0));

// ---------------------------------------------------------------- shapes

/** A constant, sizes, or an activation in another shape. */
function reshapedTo(s: Site, shape: (from: readonly Dimension[]) => readonly Dimension[]): void {
  const known = s.known(0);
  if (known.kind === "sizes") s.giveSizes(known.sizes);
  else if (known.kind === "constant") {
    const { constant } = known;
    const wanted = shape(constant.shape.map(fixed)).map(d => d.n);
    if (size(wanted) !== size(constant.shape) || (constant.quantization?.scale.length ?? 1) > 1)
      throw new RangeError(`a constant of [${constant.shape}] cannot be reshaped to [${wanted}]`);
    s.giveConstant({ ...constant, shape: wanted });
  } else {
    const { value, dimensions } = s.activation();
    s.give(value, shape(dimensions));
  }
}

const reshaping: Reader = s => {
  const known = s.known(0);
  const wanted = s.has(1) ? s.sizes(1) : s.options.i32s(0).map(fixed);
  if (known.kind === "blocks") return squeezedBlocks(s, known, wanted.length);
  reshapedTo(s, from => reshaped(from, wanted));
};

/** Interleaved images lose the axis they were given. */
function squeezedBlocks(s: Site, blocks: Blocks, rank: number): void {
  if (!blocks.finish || blocks.inserted === undefined || rank !== 3) unsupported("reshapes interleaved images");
  s.giveBlocks(blocks);
}

const expandDims: Reader = s => {
  const known = s.known(0);
  const [axis = 0] = s.integers(1);
  if (known.kind === "blocks") {
    const rank = known.block.length + 2;
    return blocksAsImages(s, known, (axis < 0 ? axis + rank + 1 : axis) - 1);
  }
  reshapedTo(s, from => {
    const at = axis < 0 ? axis + from.length + 1 : axis;
    if (!(at >= 0 && at <= from.length)) throw new RangeError(`there is no axis ${axis}`);
    if (at === 0 && known.kind === "activation") return unsupported("puts an axis before the batch");
    return [...from.slice(0, at), fixed(1), ...from.slice(at)];
  });
};

const squeeze: Reader = s => {
  const known = s.known(0);
  const axes = s.options.i32s(0);
  if (known.kind === "blocks") return squeezedBlocks(s, known, 3);
  reshapedTo(s, from => {
    const gone = axes.map(a => (a < 0 ? a + from.length : a));
    if (gone.some(a => from[a]?.n !== 1))
      throw new RangeError(`axes [${axes}] of [${from.map(d => d.n)}] are not all 1`);
    const kept = from.filter((d, a) => (axes.length ? !gone.includes(a) : d.n !== 1 || d.batched));
    if (kept.some(d => d.batched) || !from.some(d => d.batched)) return kept;
    // one image: its first axis becomes the batch of rows, as reshape has it
    if (!kept.length) return unsupported("leaves nothing of a batch");
    return [{ n: kept[0]!.n, batched: true }, ...kept.slice(1)];
  });
};

const transposing: Reader = s => {
  const known = s.known(0);
  const permutation = s.integers(1);
  if (known.kind === "constant") return s.giveConstant(transposedConstant(known.constant, permutation));
  const { value, dimensions } = s.activation();
  if (permutation.length !== dimensions.length) throw new RangeError(`the order [${permutation}] is of other axes`);
  if (permutation[0] !== 0) unsupported("moves the batch");
  const order = permutation.map(axis => imageAxis(dimensions, axis)).filter(axis => axis >= 0);
  const y = s.add(transpose, [value], { permutation: order });
  s.give(
    y,
    permutation.map(axis => dimensions[axis]!),
  );
};

function transposedConstant(constant: Constant, permutation: readonly number[]): Constant {
  const { shape, data, quantization } = constant;
  const sorted = [...permutation].sort((a, b) => a - b);
  if (sorted.length !== shape.length || sorted.some((a, i) => a !== i))
    throw new RangeError(`[${permutation}] is no order of the axes of [${shape}]`);
  const to = permutation.map(axis => shape[axis]!);
  const moved = data.slice();
  const pitch = shape.map((_, axis) => size(shape.slice(axis + 1)));
  for (let i = 0; i < data.length; i++) {
    let rest = i;
    let from = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += (rest % to[axis]!) * pitch[permutation[axis]!]!;
      rest = Math.floor(rest / to[axis]!);
    }
    moved[i] = data[from]!;
  }
  const axis = quantization?.axis === undefined ? undefined : permutation.indexOf(quantization.axis);
  return {
    ...constant,
    shape: to,
    data: moved,
    ...(quantization && { quantization: { ...quantization, ...(axis !== undefined && { axis }) } }),
  };
}

const concatenation: Reader = s => {
  const count = s.operator.inputs.length;
  const operands = Array.from({ length: count }, (_, i) => s.known(i));
  if (operands.every(k => k.kind !== "activation")) return s.giveSizes(operands.flatMap((_, i) => s.sizes(i)));
  const all = operands.map((_, i) => s.activation(i));
  const [first] = all;
  const axis = imageAxis(first!.dimensions, s.options.i32(0));
  if (axis < 0 || all.some(x => x.dimensions[0]!.n !== first!.dimensions[0]!.n)) unsupported("joins batches");
  const y = s.add(
    concat,
    all.map(x => x.value),
    { axis, ...quantized(isInt8(first!.value) ? s.quantization() : undefined) },
  );
  const lead = first!.dimensions[0]!;
  const dimensions = lead.n === 1 ? batchOf(y.type.shape) : [lead, ...y.type.shape.slice(1).map(fixed)];
  s.give(activated(s, y, 1), dimensions);
};

/** A split is its slices. */
const splitting =
  (axisOperand: number, operand: number, lengths: (s: Site, whole: number) => number[]): Reader =>
  s => {
    const x = s.known(operand);
    if (x.kind !== "activation") return unsupported("splits a constant");
    const { value, dimensions } = x;
    const axis = s.integers(axisOperand)[0]!;
    const at = axis < 0 ? axis + dimensions.length : axis;
    const image = imageAxis(dimensions, axis);
    if (image < 0) unsupported("splits the batch");
    const parts = lengths(s, value.type.shape[image]!);
    let from = 0;
    parts.forEach((length, output) => {
      const shape = value.type.shape.map((n, a) => (a === image ? length : n));
      const begin = shape.map((_, a) => (a === image ? from : 0));
      const y = s.add(stridedSlice, [value], { begin, strides: shape.map(() => 1), shape });
      s.give(
        y,
        dimensions.map((d, a) => (a === at ? fixed(length) : d)),
        output,
      );
      from += length;
    });
  };

const padding =
  (valued: boolean): Reader =>
  s => {
    const { value, dimensions } = s.activation();
    const { before, after } = pairs(s, 1);
    if (before.length !== dimensions.length)
      throw new RangeError(`pads for ${before.length} axes of ${dimensions.length}`);
    if (before[0] || after[0]) unsupported("pads the batch");
    const skip = dimensions.length - value.type.shape.length;
    const [first, last] = [before.slice(skip), after.slice(skip)];
    const fill = valued && s.has(2) ? (realOf(s.constant(2))[0] ?? 0) : 0;
    const flat = value.type.shape.length === 3 && !first[2] && !last[2] && fill === 0;
    const y = flat
      ? s.add(pad, [value], { pads: [first[0]!, first[1]!, last[0]!, last[1]!] })
      : s.add(constantPad, [value], { before: first, after: last, value: fill });
    s.give(
      y,
      dimensions.map((d, a) => ({ ...d, n: before[a]! + d.n + after[a]! })),
    );
  };

function sliced(s: Site, spec: (from: readonly Dimension[]) => SliceSpec): void {
  const known = s.known(0);
  if (known.kind !== "activation") {
    const list = s.sizes(0);
    const from = [fixed(list.length)];
    const [axis] = slicing(from, spec(from)).axes;
    s.giveSizes(Array.from({ length: axis!.length }, (_, i) => list[axis!.begin + i * axis!.stride]!));
    return;
  }
  const { value, dimensions } = known;
  const { axes, kept } = slicing(dimensions, spec(dimensions));
  if (!axes[0]!.whole || kept[0] !== 0) unsupported("takes a part of the batch");
  const image = axes.slice(dimensions.length - value.type.shape.length);
  const y = image.every(a => a.whole)
    ? value
    : s.add(stridedSlice, [value], {
        begin: image.map(a => a.begin),
        strides: image.map(a => a.stride),
        shape: image.map(a => a.length),
      });
  s.give(
    y,
    kept.map(a => (a < 0 ? fixed(1) : { ...dimensions[a]!, n: axes[a]!.length })),
  );
}

const stridedSlicing: Reader = s =>
  sliced(s, () => ({
    begin: s.integers(1),
    end: s.sizes(2).map(d => (d.batched ? 2 ** 31 - 1 : d.n)),
    strides: s.integers(3),
    masks: {
      begin: s.options.i32(0),
      end: s.options.i32(1),
      ellipsis: s.options.i32(2),
      newAxis: s.options.i32(3),
      shrink: s.options.i32(4),
    },
  }));

/** SLICE has sizes, -1 for all the rest. */
const slice: Reader = s =>
  sliced(s, from => {
    const begin = s.integers(1);
    const sizes = s.sizes(2);
    const end = begin.map((b, i) => (sizes[i]!.n === -1 || sizes[i]!.batched ? from[i]!.n : b + sizes[i]!.n));
    return { begin, end, strides: begin.map(() => 1), masks: { begin: 0, end: 0, ellipsis: 0, newAxis: 0, shrink: 0 } };
  });

const shapeOf: Reader = s => {
  const known = s.known(0);
  s.giveSizes(known.kind === "constant" ? known.constant.shape.map(fixed) : s.activation().dimensions);
};

const pack: Reader = s => {
  if (s.operator.inputs.some((_, i) => s.known(i).kind === "activation")) return unsupported("packs activations");
  s.giveSizes(s.operator.inputs.flatMap((_, i) => s.sizes(i)));
};

const gather: Reader = s => {
  if (s.known(0).kind === "activation") return unsupported("gathers from activations");
  const list = s.sizes(0);
  s.giveSizes(
    s.integers(1).map(i => {
      const found = list[i < 0 ? i + list.length : i];
      if (!found) throw new RangeError(`there is no element ${i} of ${list.length}`);
      return found;
    }),
  );
};

const productOf: Reader = s => {
  if (s.known(0).kind === "activation") return unsupported("multiplies activations");
  s.giveSizes([s.sizes(0).reduce(product, fixed(1))]);
};

const cast: Reader = s => {
  if (s.known(0).kind === "activation") return unsupported("casts activations");
  s.giveSizes(s.sizes(0));
};

// ---------------------------------------------------------------- reductions and resizing

/** Brings the axes an operator reduces side by side; gives the value, those axes of it, and the shapes after. */
function reducedAxes(s: Site): { value: Value; axes: number[]; after: Dimension[] } {
  const { value, dimensions } = s.activation();
  const asked = s.integers(1).map(a => (a < 0 ? a + dimensions.length : a));
  const axes = [...new Set(asked)].sort((a, b) => a - b);
  if (!axes.length) unsupported("reduces no axis");
  const image = axes.map(a => imageAxis(dimensions, a));
  if (image[0]! < 0) unsupported("reduces over the batch");
  const keep = s.options.flag(0);
  const after = dimensions.flatMap((d, a) => (axes.includes(a) ? (keep ? [fixed(1)] : []) : [d]));
  if (image.every((a, i) => a === image[0]! + i)) return { value, axes: image, after };
  const rest = value.type.shape.map((_, a) => a).filter(a => !image.includes(a));
  const moved = s.add(transpose, [value], { permutation: [...rest, ...image] });
  return { value: moved, axes: image.map((_, i) => rest.length + i), after };
}

const meanOf: Reader = s => {
  const { value, axes, after } = reducedAxes(s);
  const q = quantized(isInt8(value) ? s.quantization() : undefined);
  s.give(s.add(mean, [value], { axes, keepDims: false, ...q }), after);
};

/** The largest along axes, as a pool over an image of one column for each element. */
const largest: Reader = s => {
  const { value, axes, after } = reducedAxes(s);
  const { shape } = value.type;
  const length = size(axes.map(a => shape[a]!));
  const columns = s.reshape(value, [size(shape.slice(0, axes[0])), length, size(shape.slice(axes.at(-1)! + 1))]);
  s.give(s.add(maxPool2d, [columns], { ...plainWindow, size: [1, length], strides: [1, length] }), after);
};

function resizeTo(s: Site): { x: Activation; target: readonly [number, number] } {
  const x = images(s);
  const [height = 0, width = 0] = s.integers(1);
  if (!(height > 0 && width > 0 && height < 65536 && width < 65536))
    throw new RangeError(`a size is [${height}, ${width}]`);
  return { x, target: [height, width] };
}

const nearest: Reader = s => {
  const { x, target } = resizeTo(s);
  const [corners, half] = [s.options.flag(0), s.options.flag(1)];
  const coordinates: Coordinates = corners ? "alignCorners" : half ? "tfHalfPixelForNn" : "asymmetric";
  const y = s.add(resizeNearest, [x.value], {
    size: target,
    coordinates,
    rounding: corners ? "roundPreferCeil" : "floor",
  });
  s.give(y, batchOf(y.type.shape));
};

const bilinear: Reader = s => {
  const { x, target } = resizeTo(s);
  const coordinates: Coordinates = s.options.flag(2) ? "alignCorners" : s.options.flag(3) ? "halfPixel" : "asymmetric";
  const y = s.add(resizeBilinear, [x.value], { size: target, coordinates });
  s.give(y, batchOf(y.type.shape));
};

// ---------------------------------------------------------------- all of them

export const READERS: Readonly<Record<string, Reader>> = {
  ADD: pair(add, 0),
  AVERAGE_POOL_2D: pool(averagePool2d),
  BATCH_TO_SPACE_ND: batchToSpace,
  CAST: cast,
  CONCATENATION: concatenation,
  CONV_2D: convolution(false),
  DENSIFY: densify,
  DEPTHWISE_CONV_2D: convolution(true),
  DEQUANTIZE: dequantizing,
  DIV: division,
  ELU: unary(elu, () => ({ alpha: 1 })),
  EXPAND_DIMS: expandDims,
  FLOOR_DIV: division,
  FULLY_CONNECTED: fullyConnected,
  GATHER: gather,
  HARD_SWISH: unary(hardSwish, () => ({})),
  LEAKY_RELU: unary(leakyRelu, s => ({ alpha: finiteSlope(s.options.f32(0)) })),
  LOGISTIC: unary(sigmoid, () => ({})),
  LOG_SOFTMAX: logarithmic,
  MAXIMUM: pair(maximum, undefined),
  MAX_POOL_2D: pool(maxPool2d),
  MEAN: meanOf,
  MINIMUM: pair(minimum, undefined),
  MUL: pair(mul, 0),
  PACK: pack,
  PAD: padding(false),
  PADV2: padding(true),
  PRELU: prelus,
  QUANTIZE: quantizing,
  REDUCE_MAX: largest,
  REDUCE_PROD: productOf,
  RELU: clamp(0, Infinity),
  RELU6: clamp(0, 6),
  RELU_0_TO_1: clamp(0, 1),
  RELU_N1_TO_1: clamp(-1, 1),
  RESHAPE: reshaping,
  RESIZE_BILINEAR: bilinear,
  RESIZE_NEAREST_NEIGHBOR: nearest,
  SHAPE: shapeOf,
  SLICE: slice,
  SOFTMAX: soft,
  SPACE_TO_BATCH_ND: spaceToBatch,
  SPLIT: splitting(0, 1, (s, whole) => {
    const parts = s.operator.outputs.length;
    if (whole % parts) throw new RangeError(`${whole} elements do not split into ${parts}`);
    return Array.from({ length: parts }, () => whole / parts);
  }),
  SPLIT_V: splitting(2, 0, (s, whole) => {
    const parts = s.integers(1);
    const given = parts.filter(n => n !== -1).reduce((a, b) => a + b, 0);
    return parts.map(n => (n === -1 ? whole - given : n));
  }),
  SQUEEZE: squeeze,
  STRIDED_SLICE: stridedSlicing,
  SUB: pair(sub, 0),
  TANH: unary(tanh, () => ({})),
  TRANSPOSE: transposing,
} satisfies Partial<Record<OperatorName, Reader>>;
