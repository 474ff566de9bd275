/** The int8 numbers of a range of real ones. */
import type { Quantization } from "../../graph/graph.ts";

/** The smallest normal float32: a scale below it would lose precision, or be 0. */
export const SMALLEST_NORMAL = 2 ** -126;

export interface Range {
  min: number;
  max: number;
}

/** The int8 quantization of a range: exact zero, 255 steps. As in TFLite, computed in float64. */
export function quantizationOf({ min, max }: Range): Quantization {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const scale = high - low ? Math.max((high - low) / 255, SMALLEST_NORMAL) : 1;
  const zeroPoint = Math.max(-128, Math.min(127, Math.round(-128 - low / scale)));
  return { scale: Float32Array.of(scale), zeroPoint };
}
