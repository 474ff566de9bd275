import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 dense layers:
 * - vector: k-groups of all images and eights of outputs; such eights
 * - tiles: k-groups of all tiles of 4 images and 8 outputs; tiles
 */
export const i8Dense: Readonly<Record<Variant, Costs<"vector" | "tiles">>> = {
  // nanoseconds, measured on Intel(R) Xeon(R) Processor, Node v24.22.3
  simd: { vector: [0.58, 6.5], tiles: [1.8, 12] },
  // estimated: a matrix product of 4 images takes as long as 3.6 vectors
  relaxed: { vector: [2, 0], tiles: [7.2, 0] },
};
