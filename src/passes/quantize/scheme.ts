/**
 * The arithmetic of TFLite's int8 scheme: activations by their observed range with zero kept exact, weights symmetric per output channel
 * by max |w| / 127, biases int32 with scale s_x * s_w.
 */
import type { Quantization } from "../../graph/graph.ts";

export interface Range {
  min: number;
  max: number;
}

/** The int8 quantization of a range: zero kept exact, 255 steps. TFLite's, computed in float64. */
export function quantizationOf({ min, max }: Range): Quantization {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const scale = (high - low) / 255 || 1;
  const zeroPoint = Math.max(-128, Math.min(127, Math.round(-128 - low / scale)));
  return { scale: Float32Array.of(scale), zeroPoint };
}

/** Weights [out][...] -> int8, one scale per output channel: max |w| / 127. A channel of zeros has scale 1. */
export function quantizeWeights(weights: Float32Array, channels: number): { data: Int8Array; scale: Float32Array } {
  const row = weights.length / channels;
  const data = new Int8Array(weights.length);
  const scale = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    let top = 0;
    for (let i = 0; i < row; i++) top = Math.max(top, Math.abs(weights[c * row + i]!));
    const step = Math.fround(top / 127) || 1;
    scale[c] = step;
    for (let i = 0; i < row; i++) data[c * row + i] = clampWeight(halfAwayFromZero(weights[c * row + i]! / step));
  }
  return { data, scale };
}

const clampWeight = (q: number): number => Math.max(-127, Math.min(127, q));

/** TFLite rounds weights half away from zero. */
const halfAwayFromZero = (v: number): number => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);

/** int32 biases in units of s_x * s_w. */
export function quantizeBias(
  bias: Float32Array,
  input: number,
  weights: Float32Array,
): { data: Int32Array; scale: Float32Array } {
  const scale = weights.map(s => Math.fround(input * s));
  const data = Int32Array.from(bias, (b, c) =>
    Math.max(-2147483648, Math.min(2147483647, halfAwayFromZero(b / (input * weights[c]!)))),
  );
  return { data, scale };
}
