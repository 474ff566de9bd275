import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 convolutions with constant weights that are mostly zeros, beside those of `i8Conv2d` and in its units:
 * - blocks, lists: entries, chunks and fours of outputs of all tiles of 8 pixels (kernels/sparse.ts)
 */
export const i8SparseConv2d: Readonly<Record<Variant, Costs<"blocks" | "lists">>> = {
  // nanoseconds, measured on the machine of i8Conv2d with 32 to 512 channels and 50 to 97 % zeros
  simd: { blocks: [2.3, 5.6, 8.5], lists: [1.15, 5.6, 9] },
  // estimated, in dot products of vectors
  relaxed: { blocks: [12, 16, 16], lists: [7, 16, 24] },
};

/** Costs of such dense layers, beside those of `i8Dense`: k-groups and sixteens of outputs of all images. */
export const i8SparseDense: Readonly<Record<Variant, Costs<"rows">>> = {
  simd: { rows: [1.25, 16] },
  relaxed: { rows: [7, 0] },
};
