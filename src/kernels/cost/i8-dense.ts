import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/** Costs of int8 dense layers, in rows of images: one by one, or in the tiles of a matrix product. */
export const i8Dense: Readonly<Record<Variant, Costs<"vector" | "tiles">>> = {
  simd: { vector: [1], tiles: [0.99] },
  relaxed: { vector: [1], tiles: [0.99] },
};
