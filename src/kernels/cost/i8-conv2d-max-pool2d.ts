import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 convolutions with a 2x2 max pool behind them:
 * - oneChannel: k-groups of all pairs of outputs and windows; such pairs
 * - fir: pairs of products of all panels and windows; panels of all windows; channels of all windows
 * - direct: k-groups of all tiles; tiles
 */
export const i8Conv2dMaxPool2d: Readonly<Record<Variant, Costs<"oneChannel" | "fir" | "direct">>> = {
  // nanoseconds, measured on Intel(R) Xeon(R) Processor, Node v24.22.3
  simd: { oneChannel: [0.38, 1.8], fir: [0.45, 18, 0.5], direct: [1.9, 5.5] },
  // estimated, in dot products of vectors
  relaxed: { oneChannel: [1, 0], direct: [8, 0] },
};
