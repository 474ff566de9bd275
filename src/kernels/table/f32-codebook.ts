import type { Rows } from "./row.ts";

/** `rows` rows of `length` floats one behind another, each with k values of its own. */
const codebook = { rows: "int", length: "int", k: "int", zero: "int" } as const;

/** Weights that are shared: each becomes the nearest of a few values, with `zero` of these and 0. */
export const f32Codebook = {
  /** y = the value of c nearest to x; of two as near the first, 0 before all. */
  f32_codebook: {
    args: { ...codebook, x: "read", c: "read", y: "write" },
    binary: "both",
    overRead: 12,
    overWrite: 12,
  },
  /**
   * dc = sum of dy over the x that are nearest to each value, in their order, or with `mean` the mean. `scratch` has k
   * words.
   */
  f32_codebook_gradient: {
    args: { ...codebook, mean: "int", dy: "read", x: "read", c: "read", dc: "write", scratch: "write" },
    binary: "train",
    overRead: 12,
  },
} as const satisfies Rows;
