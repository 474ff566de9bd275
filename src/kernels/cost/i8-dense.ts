import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 dense layers, in rows of images: one by one, in the tiles of a matrix product, or one by one without the
 * k-groups of 16 outputs that are zeros (`sparse`: the share of rows that is left).
 */
export const i8Dense: Readonly<Record<Variant, Costs<"vector" | "sparse" | "tiles">>> = {
  simd: { vector: [1], sparse: [1.2], tiles: [0.99] },
  relaxed: { vector: [1], sparse: [1.5], tiles: [0.99] },
};
