import type { Variant } from "../load.ts";
import type { Costs } from "./cheapest.ts";

/**
 * Costs of int8 dense layers, for a k-group of 16 outputs of an image: image by image, in the tiles of a matrix product, or
 * image by image without those that are zeros (kernels/sparse.ts).
 */
export const i8Dense: Readonly<Record<Variant, Costs<"vector" | "sparse" | "tiles">>> = {
  simd: { vector: [1], sparse: [1.3], tiles: [0.99] },
  relaxed: { vector: [1], sparse: [1.8], tiles: [0.99] },
};
