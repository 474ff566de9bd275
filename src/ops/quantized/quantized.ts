/**
 * What int8 ops have in common. An int8 value is real = scale * (q - zeroPoint); weights have one scale per output channel and one zero point,
 * nearly always 0.
 *
 * Two ways to be quantized: *static*, int8 activations in and out, where the node's attributes say the quantization of its output;
 * and *dynamic*, float activations in and out with int8 weights, where each image is quantized by the range it has.
 */
import { PenjingError } from "../../base/errors.ts";
import { type Shape, showShape } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Graph, Quantization, Type, Value } from "../../graph/graph.ts";
import { type Lowering, type Ref, refuse } from "../../graph/meaning.ts";
import { flat, type Layout } from "../../kernels/layout.ts";
import { chosen } from "../../kernels/reference/i8-quantize.ts";
import { clamp, halfEven, requantized } from "../../kernels/reference/stored.ts";
import {
  covers,
  framed,
  type Halo,
  isStored,
  NO_HALO,
  rowsOf,
  type StoredImage,
  type StoredLayout,
  stored,
  storedBytes,
  storedImage,
} from "../../kernels/stored.ts";
import type { Window } from "../convolution/window.ts";

/** What a node of int8 activations says about its output. */
export interface Quantized {
  quantization?: Quantization;
}

export const isInt8 = (type: Type): boolean => type.dtype === "i8";

/** A quantization of one scale. */
export const fixed = (scale: number, zeroPoint: number): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** Is it a network of integers, in its weights or between its layers? */
export const holdsInt8 = ({ leaves, nodes }: Graph): boolean =>
  [...leaves, ...nodes.flatMap(n => n.outputs)].some(v => isInt8(v.type));

/** Throws a PenjingError `quantized` where a network holds int8 already. `verb`: what can only be done with its float form. */
export function demandFloat(graph: Graph, verb: string): void {
  if (holdsInt8(graph))
    throw new PenjingError("quantized", `this network is quantized already: ${verb} the float one it was made of`);
}

export interface Affine {
  readonly scale: number;
  readonly zero: number;
}

/** Scale and zero point of a quantization that has one of each. */
export const affineOf = ({ scale, zeroPoint }: Quantization): Affine => ({ scale: scale[0]!, zero: zeroPoint });

/** Those of an int8 activation. */
export function affine(type: Type): Affine {
  if (!type.quantization) throw new TypeError(`int8 of ${showShape(type.shape)} has no quantization`);
  return affineOf(type.quantization);
}

/** f32(f32(s_x) / f32(s_y)): how many steps of y one of x is. */
export function stepsOf(x: Type, y: Type): number {
  const [from, to] = [affine(x).scale, affine(y).scale];
  const steps = Math.fround(Math.fround(from) / Math.fround(to));
  if (!(steps < Infinity)) throw new PenjingError("refused", `int8 scales ${from} and ${to} lie too far apart`);
  return steps;
}

/** Numbers that int32 can sum up, whatever int8 they are. */
const MOST_SUMMED = 2 ** 23;

/** Throws a RangeError where a mean of int8 would be over more numbers than int32 can sum up. */
export function checkSummed(x: Type, numbers: number): void {
  if (isInt8(x) && numbers > MOST_SUMMED)
    throw new RangeError(`int8 means are over ${MOST_SUMMED} numbers at most, got ${numbers}`);
}

/** The output of an op that keeps its input's type where it is float, and chooses a quantization where it is int8. */
export function elementwiseType(x: Type, attrs: Quantized, others: readonly Type[] = []): Type {
  const odd = others.find(t => t.dtype !== x.dtype);
  if (odd) throw new TypeError(`cannot mix ${x.dtype} and ${odd.dtype}`);
  if (!isInt8(x)) return x;
  if (!attrs.quantization) throw new TypeError("int8 inputs need the quantization of the output");
  return { ...x, quantization: attrs.quantization };
}

/** The output of a convolution or dense layer: f32, or int8 where its input is. */
export function weightedType(shape: Shape, x: Type, weight: Type, bias: Type | undefined, attrs: Quantized): Type {
  const real: Type = { shape, dtype: "f32", batched: true };
  if (bias && bias.shape[0] !== weight.shape[0])
    throw new RangeError(`a bias of ${showShape(bias.shape)} does not fit ${weight.shape[0]} outputs`);
  if (bias && !isInt8(x) && bias.dtype !== "f32")
    throw new TypeError(`float inputs need an f32 bias, got ${bias.dtype}`);
  if (!isInt8(weight)) {
    if (isInt8(x)) throw new TypeError(`int8 inputs need int8 weights, got ${weight.dtype}`);
    return real;
  }
  const scales = weight.quantization?.scale.length ?? 0;
  if (scales !== 1 && scales !== weight.shape[0])
    throw new TypeError(`int8 weights need 1 or ${weight.shape[0]} scales, got ${scales}`);
  const { axis = 0, zeroPoint } = weight.quantization!;
  if (scales > 1 && axis !== 0) throw new TypeError(`int8 weights need scales along axis 0, got axis ${axis}`);
  if (!(Number.isInteger(zeroPoint) && zeroPoint >= -128 && zeroPoint <= 127))
    throw new RangeError(`int8 weights need a zero point in -128..127, got ${zeroPoint}`);
  if (!isInt8(x)) {
    if (zeroPoint !== 0) throw new RangeError(`float inputs need int8 weights with zero point 0, got ${zeroPoint}`);
    return real;
  }
  if (bias?.quantization?.zeroPoint)
    throw new RangeError(`a bias needs zero point 0, got ${bias.quantization.zeroPoint}`);
  if (bias && bias.dtype !== "i32") throw new TypeError(`int8 inputs need an i32 bias, got ${bias.dtype}`);
  if (!attrs.quantization) throw new TypeError("int8 inputs need the quantization of the output");
  affine(x);
  return { ...real, dtype: "i8", quantization: attrs.quantization };
}

/** What ops of int8 alone have no meaning for. */
export const noIntegerGradient = /* @__PURE__ */ refuse(
  "integers do not carry gradients: train the float graph, then quantize it",
);
export const runsOnly = /* @__PURE__ */ refuse("int8 runs in the running binary, not in the training one");

// ---------------------------------------------------------------- the specification

/** One scale per output channel, also where there is one in all. */
export function weightScales(weight: Type): Float32Array {
  const { scale } = weight.quantization!;
  return scale.length === weight.shape[0] ? scale : new Float32Array(weight.shape[0]!).fill(scale[0]!);
}

/** One scale per channel: f32(f32(s_x * s_w[c]) / s_y). */
export function requantizationScales(x: Type, weight: Type, y: Type): Float32Array {
  const from = Math.fround(affine(x).scale);
  const to = Math.fround(affine(y).scale);
  // What is written to the array is rounded to f32. Loops, as a large network has thousands of scales, and code runs slowly when it is new.
  const scales = weightScales(weight).slice();
  for (let c = 0; c < scales.length; c++) scales[c]! *= from;
  for (let c = 0; c < scales.length; c++) scales[c]! /= to;
  return scales;
}

/**
 * Evaluates a weighted op in whichever arithmetic its types ask for. `sums` is its float meaning (x, weight, bias?), channels last:
 * on integers it gives the accumulators.
 */
export function evaluateWeighted(
  [x, weight, bias]: Tensor[],
  { relu, groups, ...window }: { relu?: boolean; groups?: number } & Partial<Window>,
  { inputs, outputs }: { inputs: Type[]; outputs: Type[] },
  sums: (inputs: Tensor[]) => Tensor,
): Tensor[] {
  const rest = [weight!, ...(bias ? [bias] : [])];
  const y = outputs[0]!;
  if (!isInt8(inputs[1]!)) {
    const real = sums([x!, ...rest]);
    return [
      relu
        ? tensor(
            real.shape,
            real.data.map(v => Math.max(0, v)),
          )
        : real,
    ];
  }
  if (isInt8(y)) {
    const { zero } = affine(y);
    const scales = requantizationScales(inputs[0]!, inputs[1]!, y);
    const kernel = shifted(weight!, inputs[1]!.quantization!.zeroPoint);
    const acc = sums([shifted(x!, affine(inputs[0]!).zero), kernel, ...rest.slice(1)]);
    const least = relu ? zero : -128;
    return [
      tensor(
        acc.shape,
        acc.data.map((v, i) => requantized(v, scales[i % scales.length]!, zero, least, 127)),
      ),
    ];
  }
  const pieces = ofPixels(weight!.shape, window, groups) ? x!.data.length / weight!.shape[3]! : x!.shape[0]!;
  return [dynamic(x!, pieces, weight!, bias, relu, weightScales(inputs[1]!), sums)];
}

const shifted = (x: Tensor, zero: number): Tensor =>
  tensor(
    x.shape,
    x.data.map(q => q - zero),
  );

/** Is a convolution at run time one of 1x1 that takes pixels as they are? Each of them is quantized by its own range, as in XNNPACK. */
export const ofPixels = (weight: Shape, window: Partial<Window>, groups: number | undefined): boolean =>
  weight.length === 4 &&
  groups === 1 &&
  weight[1] === 1 &&
  weight[2] === 1 &&
  weight[0]! + weight[3]! > 2 &&
  window.strides!.every(n => n === 1) &&
  window.pads!.every(n => n === 0);

/** Each of `pieces` quantized by its own range; then f32(f32(f32(acc) * s_x) * s_w[c]) + bias[c]. */
function dynamic(
  x: Tensor,
  pieces: number,
  weight: Tensor,
  bias: Tensor | undefined,
  relu: boolean | undefined,
  scales: Float32Array,
  sums: (inputs: Tensor[]) => Tensor,
): Tensor {
  const each = x.data.length / pieces;
  const quantized = tensor(x.shape);
  const steps = Array.from({ length: pieces }, (_, n) => {
    const row = Float32Array.from(x.data.subarray(n * each, (n + 1) * each));
    const numbers = row.filter(v => !Number.isNaN(v));
    const least = numbers.reduce((a, b) => Math.min(a, b), Infinity);
    const most = numbers.reduce((a, b) => Math.max(a, b), -Infinity);
    const { scale, inverse, zero } = chosen(least, most);
    row.forEach((v, i) => {
      quantized.data[n * each + i] = nearest(v, inverse, zero) - zero;
    });
    return scale;
  });
  const acc = sums([quantized, weight]);
  const perPiece = acc.data.length / pieces;
  return tensor(
    acc.shape,
    acc.data.map((v, i) => {
      const c = i % scales.length;
      const product = Math.fround(Math.fround(Math.fround(v) * steps[Math.floor(i / perPiece)]!) * scales[c]!);
      const y = Math.fround(product + (bias?.data[c] ?? 0));
      return relu ? Math.max(0, y) : y;
    }),
  );
}

/** f32 -> int8: round(f32(x * inverse)), half to even, + zero, clamped; a NaN becomes -128. */
export function nearest(x: number, inverse: number, zero: number): number {
  if (Number.isNaN(x)) return -128;
  return clamp(halfEven(Math.fround(Math.fround(x) * inverse)) + zero, -128, 127);
}

// ---------------------------------------------------------------- lowering

/** An int8 value as kernels take it: its geometry, and where its first pixel is. */
export interface StoredPlace extends StoredImage {
  readonly ref: Ref;
  /** From image to image, where it is scratch. */
  readonly stride?: number;
}

export const at = (ref: Ref, bytes: number): Ref => ({ ...ref, offset: ref.offset + bytes });

/** How v is stored with `halo` around it. */
export const storedLayout = (c: Lowering, v: Value, halo: Halo = NO_HALO): StoredLayout =>
  stored(c.variant, halo, affine(v.type).zero);

/** How kernels take v where it has no halo: int8 stored, all rows one after another; floats flat. */
export const wholeLayout = (c: Lowering, v: Value): Layout => (isInt8(v.type) ? storedLayout(c, v) : flat);

/** An image of v, whose first byte is at `ref`. */
function placeOf(c: Lowering, v: Value, { halo }: StoredLayout, ref: Ref): StoredPlace {
  const image = storedImage(v.type.shape, c.variant, halo);
  return { ...image, ref: at(ref, image.first) };
}

/** v in stored form, with at least `need` around it: as it lies, or as all who read it can share it. `bare`: with no halo. */
export function storedIn(c: Lowering, v: Value, need: Halo = NO_HALO, bare = false): StoredPlace {
  const serves = (layout: Layout) => isStored(layout) && covers(layout.halo, need) && !bare;
  const have = [c.layoutOf(v), c.prefer(v)].find(serves) as StoredLayout | undefined;
  const layout = have ?? storedLayout(c, v, need);
  return placeOf(c, v, layout, c.in(v, layout));
}

/** A buffer for v in stored form, with the halo its consumers wish for. The halo is written once, so the buffer is v's alone. `bare`: with no halo. */
export function storedOut(c: Lowering, v: Value, bare = false): StoredPlace {
  const wish = c.prefer(v);
  const layout = isStored(wish) && !bare ? wish : storedLayout(c, v);
  const y = c.out(v, layout);
  const place = placeOf(c, v, layout, y);
  if (!covers(NO_HALO, layout.halo))
    c.once("i8_halo", { n: c.batch, y, ...framed(place, layout.halo, affine(v.type).zero) });
  return place;
}

/** What requantization does to a node's accumulators. */
export function clamps(y: Type, relu = false): { zero: number; qmin: number; qmax: number } {
  const { zero } = affine(y);
  return { zero, qmin: relu ? zero : -128, qmax: 127 };
}

/** y = of(x), element by element, by a table. A table that changes nothing costs nothing. */
export function lowerTable(c: Lowering, x: Value, y: Value, of: (q: number) => number): void {
  const bytes = new Uint8Array(256 * storedBytes(c.variant));
  let changes = false;
  for (let q = -128; q < 128; q++) {
    bytes[(q + 128) * storedBytes(c.variant)] = of(q) + 128;
    changes ||= of(q) !== q;
  }
  if (!changes) {
    c.alias(y, x);
    return;
  }
  const rows = rowsBetween(storedIn(c, x), storedOut(c, y));
  c.each("i8_lookup", { ...rows, table: c.constant("table", bytes), period: rows.length, step: 0 });
}

/** The arguments of a kernel that goes from rows to rows of equal length. */
export const rowsBetween = (from: StoredPlace, to: StoredPlace) => ({
  x: from.ref,
  x_row_stride: from.pitch,
  y: to.ref,
  y_row_stride: to.pitch,
  ...rowsOf(from, to),
});
