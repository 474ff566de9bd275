import type { Costs } from "./cheapest.ts";

/**
 * Costs of f32 convolutions and dense layers that only run, in multiplications of vectors. All of them add in the same
 * order, so that the choice changes no bit of finite results.
 *
 * - dense: products of all tiles of 4 pixels (or images) and 8 outputs
 * - vectors: products of all panels of 8 outputs, image by image
 * - rows: entries and sixteens of outputs of all images (kernels/sparse.ts)
 * - lists: entries, chunks and fours of outputs of all tiles of pixels (kernels/sparse.ts)
 */
export const f32Sparse: Costs<"dense" | "vectors" | "rows" | "lists"> = {
  dense: [8],
  vectors: [3],
  rows: [7, 40],
  lists: [4.5, 24, 50],
};
