import type { Costs } from "./cheapest.ts";

/**
 * Costs of f32 dense layers that only run, in multiplications of vectors. All of them add in the same order, so that the
 * choice changes no bit of finite results.
 *
 * - vectors: products of all panels of 8 outputs, row by row
 * - tiles: products of all tiles of 4 rows and 8 outputs
 * - rows: entries of all rows (kernels/sparse.ts)
 * - blocks, lists: entries, chunks and fours of outputs of all tiles of rows (kernels/sparse.ts)
 */
export const f32Dense: Costs<"vectors" | "tiles" | "rows" | "blocks" | "lists"> = {
  vectors: [3],
  tiles: [8],
  rows: [6],
  blocks: [9, 24, 40],
  lists: [13, 24, 40],
};
