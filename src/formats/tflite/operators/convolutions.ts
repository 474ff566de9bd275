/** Convolutions and dense layers. */
import { type Shape, size } from "../../../base/shape.ts";
import type { Value } from "../../../graph/graph.ts";
import { conv2d } from "../../../ops/convolution/conv2d.ts";
import { dense } from "../../../ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../../ops/convolution/depthwise-conv2d.ts";
import { plainWindow, samePads, type Window } from "../../../ops/convolution/window.ts";
import { isInt8 } from "../../../ops/quantized/int8-types.ts";
import { constantPad } from "../../../ops/shape/constant-pad.ts";
import { type Constant, transposed } from "../constant.ts";
import { batchOf, elements, fixed } from "../dimensions.ts";
import {
  type Activation,
  type Blocks,
  type OperatorContext,
  type OperatorReader,
  unsupported,
} from "../operator-context.ts";
import { activated } from "./activation.ts";

const SAME = 0;

export const windowed = (
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

/** Weights with a zero point need integer activations: LiteRT's arithmetic for others has no zero point. */
function checkedKernel(weight: Constant, rank: number, x: Value): Constant {
  if (weight.shape.length !== rank || size(weight.shape) === 0)
    throw new RangeError(`the weights are [${weight.shape}]`);
  if (weight.dtype !== "i8") return weight;
  if (!weight.quantization) unsupported("has int8 weights without a scale");
  else if (weight.quantization.zeroPoints) unsupported("has weights whose zero points differ");
  else if (weight.quantization.zeroPoint !== 0 && !isInt8(x.type))
    unsupported("has weights with a zero point on float activations");
  return weight;
}

interface Options {
  padding: number;
  strides: readonly [number, number];
  dilations: readonly [number, number];
  /** The field number of the fused activation. */
  activation: number;
}

function convolutionOptions(s: OperatorContext, depthwise: boolean): Options {
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

/** Checks a stride, size or dilation. */
export function positive(n: number): number {
  if (!(n > 0 && n < 65536)) throw new RangeError(`a stride, size or dilation is ${n}`);
  return n;
}

export const convolution =
  (depthwise: boolean): OperatorReader =>
  s => {
    const known = s.known(0);
    if (known.kind !== "blocks") {
      const x = s.images();
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
  s: OperatorContext,
  x: Activation,
  depthwise: boolean,
  adjust: (o: Options, kernel: [number, number]) => Adjusted,
): Value {
  const weight = checkedKernel(s.constant(1), 4, x.value);
  const options = convolutionOptions(s, depthwise);
  const kernel: [number, number] = [weight.shape[1]!, weight.shape[2]!];
  const adjusted = adjust(options, kernel);
  const window = "pads" in adjusted ? adjusted : windowed(x.value.type.shape, kernel, adjusted.padding, adjusted);
  const { strides, pads, dilations } = window;
  const attrs = { strides, pads, dilations, ...s.chosen(x.value) };
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

/** Merges a convolution on interleaved images into one with dilation; its own pads are in units of the block. */
function dilated(
  s: OperatorContext,
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

/** Several vectors per image become a convolution of 1 x 1 with the same weights [units, length]. */
function timesMatrix(s: OperatorContext, x: Value, weight: Constant, bias: Constant | undefined): Value {
  const [units, length] = weight.shape as [number, number];
  const rows = size(x.type.shape) / length;
  if (!Number.isInteger(rows)) throw new RangeError(`weights of [${weight.shape}] do not fit [${x.type.shape}]`);
  const attrs = s.chosen(x);
  if (rows === 1) return s.layer(dense, s.reshape(x, [length]), { kernel: weight, bias }, attrs);
  const kernel = { ...weight, shape: [units, 1, 1, length] };
  const columns = s.reshape(x, [rows, 1, length]);
  return s.layer(conv2d, columns, { kernel, bias }, { ...plainWindow, ...attrs, groups: 1 });
}

export const fullyConnected: OperatorReader = s => {
  const x = s.activation();
  const { value, dimensions } = x;
  s.demandBatchFirst(x);
  s.demandOwnRows(x);
  const weight = checkedKernel(s.constant(1), 2, value);
  if (s.options.i8(1) !== 0) unsupported("has shuffled weights");
  const [units, length] = weight.shape as [number, number];
  const y = timesMatrix(s, value, weight, s.has(2) ? s.constant(2) : undefined);
  const rows = { n: elements(dimensions) / length, batched: true };
  const lead = s.options.flag(2) ? dimensions.slice(0, -1) : [rows];
  s.give(activated(s, y, 0), [...lead, fixed(units)]);
};

/** A product with a constant matrix is a dense layer without a bias. */
export const matrixProduct: OperatorReader = s => {
  const x = s.activation();
  const { value, dimensions } = x;
  s.demandOwnRows(x);
  const matrix = s.constant(1);
  const shape = matrix.shape.slice(-2);
  if (size(shape) !== size(matrix.shape)) unsupported("multiplies by more than one matrix");
  if (s.options.flag(0)) unsupported("transposes its first operand");
  const across = { ...matrix, shape };
  const weight = checkedKernel(s.options.flag(1) ? across : transposed(across, [1, 0]), 2, value);
  if (dimensions.at(-1)!.n !== weight.shape[1])
    throw new RangeError(`a matrix of [${shape}] does not fit [${value.type.shape}]`);
  s.give(timesMatrix(s, value, weight, undefined), [...dimensions.slice(0, -1), fixed(weight.shape[0]!)]);
};

/**
 * Flips the taps of [out, kh, kw, in]: the weights of a convolution on an image with zeros inserted between its pixels.
 */
function turned(weight: Constant): Constant {
  const [outs, kh, kw, channels] = weight.shape as [number, number, number, number];
  const data = weight.data.slice();
  const taps = kh * kw;
  for (let o = 0; o < outs; o++)
    for (let tap = 0; tap < taps; tap++) {
      const from = (o * taps + tap) * channels;
      data.set(weight.data.subarray(from, from + channels), (o * taps + taps - 1 - tap) * channels);
    }
  return { ...weight, data };
}

/** Inserts zeros after every pixel, so that it becomes `strides` pixels. */
function apart(s: OperatorContext, x: Value, [down, right]: readonly [number, number]): Value {
  if (down === 1 && right === 1) return x;
  const [h, w, channels] = x.type.shape as [number, number, number];
  const split = s.reshape(x, [h, 1, w, 1, channels]);
  const padded = s.add(constantPad, [split], {
    before: [0, 0, 0, 0, 0],
    after: [0, down - 1, 0, right - 1, 0],
    value: 0,
  });
  return s.reshape(padded, [h * down, w * right, channels]);
}

/**
 * Computes a convolution's gradient as another convolution: with flipped weights, on an image with zeros inserted
 * between its pixels.
 */
export const transposedConvolution: OperatorReader = s => {
  const x = s.images(2);
  const weight = checkedKernel(s.constant(1), 4, x.value);
  const [, height = 0, width = 0] = s.sizes(0).map(d => d.n);
  const o = s.options;
  const strides: [number, number] = [positive(o.i32(2)), positive(o.i32(1))];
  const kernel: [number, number] = [weight.shape[1]!, weight.shape[2]!];
  const out = [positive(height), positive(width)];
  const own = o.i8(0) === SAME ? samePads(out, kernel, strides, [1, 1]) : [0, 0, 0, 0];
  const before = [0, 1].map(i => kernel[i]! - 1 - own[i]!);
  const after = [0, 1].map(i => out[i]! - x.value.type.shape[i]! * strides[i]! - before[i]! + kernel[i]! - 1);
  const window = { ...plainWindow, pads: [before[0]!, before[1]!, after[0]!, after[1]!] as const };
  const bias = s.has(3) ? s.constant(3) : undefined;
  const y = s.layer(
    conv2d,
    apart(s, x.value, strides),
    { kernel: turned(weight), bias },
    { ...window, ...s.chosen(x.value), groups: 1 },
  );
  s.give(activated(s, y, 3), batchOf(y.type.shape));
};
