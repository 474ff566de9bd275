import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 convolutions:
 * - winograd: pairs of channels at all points of all tiles; vectors of channels of all tiles; panels of all tiles
 * - direct: k-groups of all tiles; tiles
 */
export const i8Conv2d: Readonly<Record<Variant, Costs<"winograd" | "direct">>> = {
  // nanoseconds, measured on Intel(R) Xeon(R) Processor, Node v24.22.3
  simd: { winograd: [0.481, 32.8, 109], direct: [1.92, 8.81] },
  // estimated, in dot products of vectors
  relaxed: { winograd: [2, 136, 264], direct: [8, 0] },
};

/** Costs of the tiles of the direct kernel: k-groups of all tiles; tiles. */
export const i8Conv2dTile: Readonly<Record<Variant, Costs<"pixels4" | "pixels2">>> = {
  // nanoseconds, measured on Intel(R) Xeon(R) Processor, Node v24.22.3
  simd: { pixels4: [1.89, 8.27], pixels2: [1.89, 8.14] },
  // tiles of 2 pixels are 17 % faster on 8 channels to 16, 6 % at 32, 1 % at 64, and slower at 128
  relaxed: { pixels4: [1, 6.5], pixels2: [1.1, 0] },
};
