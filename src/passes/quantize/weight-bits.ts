/** Weights of fewer than 8 bits: int8 tensors whose numbers lie in a smaller range. */
import { halfEven } from "../../base/rounding.ts";
import { SMALLEST_NORMAL } from "../../ops/quantized/int8-range.ts";
import { weightScales as exactScales, type FakeQuantize } from "../../ops/weight/fake-quantize.ts";

/** Bits of a weight, or "ternary": {-1, 0, 1} with the scale of Li et al. (2016). */
export type WeightBits = 8 | 4 | 3 | 2 | "ternary";

export const WEIGHT_BITS: readonly WeightBits[] = [8, 4, 3, 2, "ternary"];

/** The greatest number: the range is symmetric, without the least one. */
export const levelsOf = (bits: WeightBits): number => (bits === "ternary" ? 1 : (1 << (bits - 1)) - 1);

/** Shares of max |w| / levels that `leastErrorScale` tries. */
const SHARES = Array.from({ length: 37 }, (_, i) => 1 - 0.025 * i);

/**
 * The scale, of 37 from a tenth of max |w| / levels to all of it, whose rounded weights have the least squared error.
 */
export function leastErrorScale(weights: Float32Array, levels: number): number {
  const most = weights.reduce((top, w) => Math.max(top, Math.abs(w)), 0) / levels;
  let best = Math.max(most, SMALLEST_NORMAL);
  let least = Infinity;
  for (const share of SHARES) {
    const scale = Math.max(Math.fround(most * share), SMALLEST_NORMAL);
    let error = 0;
    for (const w of weights) {
      const q = Math.max(-levels, Math.min(levels, halfEven(w / scale)));
      error += (w - q * scale) ** 2;
    }
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

/**
 * One scale per output of weights [outputs][...] that are quantized without training: max |w| / 127 for 8 bits, the one
 * of least squared error below, the article's for ternary ones.
 */
export function scalesFor(bits: WeightBits, weights: Float32Array, outputs: number): Float32Array {
  const length = weights.length / outputs;
  if (bits === 8 || bits === "ternary") {
    const attrs: FakeQuantize = { levels: levelsOf(bits), scale: bits === 8 ? "max" : "ternary", per: "channel" };
    return exactScales(attrs, outputs, [weights]);
  }
  return Float32Array.from({ length: outputs }, (_, o) =>
    leastErrorScale(weights.subarray(o * length, (o + 1) * length), levelsOf(bits)),
  );
}
