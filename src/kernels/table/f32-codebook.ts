import type { Rows } from "./row.ts";

/** `rows` rows of `length` floats one behind another, each with k values of its own. */
const rows = { rows: "int", length: "int", k: "int" } as const;

/** Weights that are shared: each becomes the nearest of a few values, with `zero` of these and 0. */
export const f32Codebook = {
  /**
   * y = the value of c nearest to x, by the midpoints between them, the smaller one at a midpoint; `index` has its
   * places, as words, -1 for 0. `scratch` has 3 (k + zero) words.
   */
  f32_codebook: {
    args: { ...rows, zero: "int", x: "read", c: "read", y: "write", index: "write", scratch: "write" },
    binary: "both",
    overRead: 12,
  },
  /**
   * dc = sum of dy over the x that are nearest to each value, in their order, or with `mean` the mean. `scratch` has k
   * words.
   */
  f32_codebook_gradient: {
    args: { ...rows, mean: "int", dy: "read", index: "read", dc: "write", scratch: "write" },
    binary: "train",
  },
} as const satisfies Rows;
