import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 convolutions:
 * - winograd: pairs of channels at all points of all tiles; vectors of channels of all tiles; panels of all tiles
 * - direct: k-groups of all tiles; tiles
 */
export const i8Conv2d: Readonly<Record<Variant, Costs<"winograd" | "direct">>> = {
  // nanoseconds, measured on Intel(R) Xeon(R) Processor, Node v24.22.3
  simd: { winograd: [0.48, 33, 110], direct: [1.9, 8.8] },
  // estimated, in dot products of vectors
  relaxed: { winograd: [2, 136, 264], direct: [8, 0] },
};
