import type { Costs } from "./cheapest.ts";

/**
 * Costs of f32 convolutions that only run, in multiplications of vectors. All of them add in the same order, so that the
 * choice changes no bit of finite results.
 *
 * - direct: products of all tiles of 4 pixels and 8 outputs
 * - blocks, lists: entries, chunks and fours of outputs of all tiles of pixels (kernels/sparse.ts)
 */
export const f32Conv2d: Costs<"direct" | "blocks" | "lists"> = {
  direct: [8],
  blocks: [9, 24, 40],
  lists: [13, 24, 40],
};
