/** The arithmetic of int8 ops: what `evaluate` computes, and kernels with it. */
import { halfEven } from "../../base/rounding.ts";
import type { Shape } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Type } from "../../graph/graph.ts";
import { chosen } from "../../kernels/reference/i8-quantize.ts";
import { clamp, requantized } from "../../kernels/reference/stored.ts";
import type { Window } from "../convolution/window.ts";
import { affine, isInt8 } from "./int8-types.ts";

/** One scale per output channel, also where there is one in all. */
export function weightScales(weight: Type): Float32Array {
  const { scale } = weight.quantization!;
  return scale.length === weight.shape[0] ? scale : new Float32Array(weight.shape[0]!).fill(scale[0]!);
}

/** One scale per channel: f32(f32(s_x * s_w[c]) / s_y). */
export function requantizationScales(x: Type, weight: Type, y: Type): Float32Array {
  const from = Math.fround(affine(x).scale);
  const to = Math.fround(affine(y).scale);
  // Writing to the array rounds to f32. Loops are quick in code that has just been loaded, and a large network has
  // thousands of scales.
  const scales = weightScales(weight).slice();
  for (let c = 0; c < scales.length; c++) scales[c]! *= from;
  for (let c = 0; c < scales.length; c++) scales[c]! /= to;
  return scales;
}

/**
 * Evaluates a weighted op in whichever arithmetic its types ask for. `sums` is its float meaning (x, weight, bias?),
 * channels last: on integers it gives the accumulators.
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
  const pieces = pointwise(weight!.shape, window, groups) ? x!.data.length / weight!.shape[3]! : x!.shape[0]!;
  return [dynamic(x!, pieces, weight!, bias, relu, weightScales(inputs[1]!), sums)];
}

const shifted = (x: Tensor, zero: number): Tensor =>
  tensor(
    x.shape,
    x.data.map(q => q - zero),
  );

/**
 * True for a convolution of 1x1 that takes pixels as they are. With dynamic quantization each pixel is quantized by its
 * own range, as in XNNPACK.
 */
export const pointwise = (weight: Shape, window: Partial<Window>, groups: number | undefined): boolean =>
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

/** The zero point and the clamp of requantization. */
export function clamps(y: Type, relu = false): { zero: number; qmin: number; qmax: number } {
  const { zero } = affine(y);
  return { zero, qmin: relu ? zero : -128, qmax: 127 };
}
