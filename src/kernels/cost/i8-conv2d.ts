import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 convolutions, in dot products of vectors. Estimates from the arithmetic, with the transforms as
 * measured on 8 to 64 channels, and the sparse ones of the plain variant on 32 to 512 channels with 50 to 97 % zeros.
 *
 * - direct: k-groups of all tiles
 * - winograd: pairs of channels at all points of all tiles; channels of all tiles; outputs of all tiles
 * - depthwise3x3, depthwise: products
 * - blocks, lists: entries, chunks and fours of outputs of all tiles of pixels (kernels/sparse.ts)
 */
type Algorithm = "winograd" | "depthwise3x3" | "depthwise" | "blocks" | "lists" | "direct";

export const i8Conv2d: Readonly<Record<Variant, Costs<Algorithm>>> = {
  simd: {
    winograd: [2, 17, 33],
    depthwise3x3: [0.125],
    depthwise: [0.25],
    blocks: [9, 22, 24],
    lists: [3.8, 22, 30],
    direct: [8],
  },
  relaxed: {
    winograd: [2, 17, 33],
    depthwise3x3: [0.125],
    depthwise: [0.25],
    blocks: [12, 24, 32],
    lists: [7, 24, 40],
    direct: [8],
  },
};

/**
 * Costs of the tiles of the direct kernel: k-groups of all tiles; tiles. Tiles of 2 pixels are 17 % faster on 8
 * channels to 16, 6 % at 32, 1 % at 64, and slower at 128.
 */
export const i8Conv2dTile: Readonly<Record<Variant, Costs<"pixels4" | "pixels2">>> = {
  simd: { pixels4: [1, 6.5], pixels2: [1.1, 0] },
  relaxed: { pixels4: [1, 6.5], pixels2: [1.1, 0] },
};
