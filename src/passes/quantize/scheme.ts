/**
 * The arithmetic of TFLite's int8 scheme: activations by their observed range with an exact zero, weights symmetric per
 * output channel by max |w| / 127 or a larger scale that the bias needs, biases int32 with scale s_x * s_w.
 */
import { quantizationOf, type Range, SMALLEST_NORMAL } from "../../ops/quantized/int8-range.ts";

export { quantizationOf, type Range };

/** The bias that a layer's int32 sums hold besides products, in units of the input's scale times the weights' scale. */
export interface Sums {
  /** The scale of the input; Infinity: the bias is not part of the sums. */
  readonly input: number;
  readonly bias?: Float32Array | undefined;
}

/** TensorFlow's converter gives all-zero weights a range of this half width. */
const EMPTY_RANGE = 5e-7;

/** TensorFlow's converter reserves half of int32 for the products: a bias is at most this. */
const MOST_BIAS = 2 ** 30 - 1;

/**
 * One scale per output channel of weights [out][...]: max |w| / 127, raised until the bias is at most 2^30 - 1 (as
 * TensorFlow's converter does) and sum |w| * 255 + |bias| fits into int32, so that no sum of the layer can overflow.
 * `given`: scales to begin with, in the place of max |w| / 127.
 */
export function weightScales(
  weights: Float32Array,
  channels: number,
  { input, bias }: Sums,
  given?: Float32Array,
): Float32Array {
  const row = weights.length / channels;
  return Float32Array.from({ length: channels }, (_, c) => {
    let top = 0;
    let total = 0;
    for (let i = c * row; i < (c + 1) * row; i++) {
      const size = Math.abs(weights[i]!);
      total += size;
      if (size > top) top = size;
    }
    const offset = Math.abs(bias?.[c] ?? 0);
    const usual = top || offset ? (given?.[c] ?? top / 127) : EMPTY_RANGE / 127;
    return Math.max(usual, SMALLEST_NORMAL, leastScale(total, row, input, offset));
  });
}

/** The least scale of a channel whose weights have the absolute sum `total`. */
function leastScale(total: number, row: number, input: number, bias: number): number {
  // Rounding adds at most half a step to each weight and to the bias, and rounding a scale to float32 a relative error
  // of 2^-24.
  const room = (2 ** 31 - 1 - 255 * (row / 2) - 1) * (1 - 2 ** -22);
  const sums = room > 0 ? (255 * total + bias / input) / room : Infinity;
  return Math.max(sums, bias / MOST_BIAS / input, SMALLEST_NORMAL / input);
}

/**
 * Quantizes weights [out][...] to int8 numbers in -levels .. levels, by one scale per output channel, or by one
 * for all.
 */
export function quantizeWeights(weights: Float32Array, scale: Float32Array, levels = 127): Int8Array {
  const row = weights.length / scale.length;
  const clamped = (q: number): number => Math.max(-levels, Math.min(levels, q));
  return Int8Array.from(weights, (w, i) => clamped(halfAwayFromZero(w / scale[Math.floor(i / row)]!)));
}

/** TFLite rounds weights half away from zero. */
const halfAwayFromZero = (v: number): number => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);

/** Quantizes biases to int32 in units of s_x * s_w; `weightScales` has chosen scales for which they fit. */
export function quantizeBias(
  bias: Float32Array,
  input: number,
  weights: Float32Array,
): { data: Int32Array; scale: Float32Array } {
  const scale = weights.map(s => Math.fround(input * s));
  const data = Int32Array.from(bias, (b, c) => halfAwayFromZero(b / (input * weights[c % weights.length]!)));
  return { data, scale };
}
