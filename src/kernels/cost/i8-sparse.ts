import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 layers with constant weights that are mostly zeros, beside those of `i8Conv2d` and `i8Dense` and in
 * their units:
 * - blocks, lists: entries, chunks and fours of outputs of all tiles of 8 pixels (kernels/sparse.ts)
 * - rows: k-groups and sixteens of outputs of all images
 */
export const i8Sparse: Readonly<Record<Variant, Costs<"blocks" | "lists" | "rows">>> = {
  // nanoseconds, measured on the machine of i8Conv2d with 32 to 512 channels and 50 to 97 % zeros
  simd: { blocks: [2.3, 5.6, 8.5], lists: [1.15, 5.6, 9], rows: [1.25, 16] },
  // estimated, in dot products of vectors
  relaxed: { blocks: [12, 16, 16], lists: [7, 16, 24], rows: [7, 0] },
};
