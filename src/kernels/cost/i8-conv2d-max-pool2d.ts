import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 convolutions with a 2x2 max pool behind them, in dot products of vectors. Estimates from the
 * arithmetic, with the planes of fast FIR as measured on kernels of 5x5 and 3x3.
 *
 * - direct: k-groups of all panels and windows
 * - oneChannel: k-groups of all pairs of outputs and windows
 * - fir: k-groups of all panels and windows; channels of all windows, of which nine planes are made
 */
export const i8Conv2dMaxPool2d: Readonly<Record<Variant, Costs<"oneChannel" | "fir" | "direct">>> = {
  simd: { oneChannel: [1], fir: [2, 6.75], direct: [8] },
  relaxed: { oneChannel: [1], direct: [8] },
};
