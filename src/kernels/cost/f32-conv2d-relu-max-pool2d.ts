import type { Costs } from "./cheapest.ts";

/**
 * Costs of convolution, ReLU and 2x2 max pool in one, for a row of the kernel and one output. The algorithms round
 * differently, so another choice gives other trained weights: recorded hashes hold these numbers in place.
 *
 * - plane, direct: products
 * - winograd: products at the points of a tile; transforms
 */
export const f32Conv2dReluMaxPool2d: Costs<"plane" | "winograd" | "direct"> = {
  plane: [0.5],
  winograd: [1, 10],
  direct: [1],
};
