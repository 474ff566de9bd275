import type { Rows } from "./row.ts";

/**
 * int8 layers with constant weights that are mostly zeros: assembly/i8-sparse.ts. kernels/sparse.ts packs the weights,
 * and proves that their sums may be rounded without a clamp.
 */
export const i8Sparse = {
  /**
   * i8_conv2d on the weights that are not zero. `blocks`: 1 where outputs share their inputs in fours, 0 where each has
   * a list of its own. `places`: where each of `chunks` pieces of 8 channels begins, in bytes from the first tap of a
   * pixel. `pixels` and `results` are as in i8_conv2d, of `count` pixels. `scratch` has the bytes of `gathering`.
   */
  i8_sparse_conv2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      blocks: "int",
      chunks: "int",
      places: "read",
      count: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      cout: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
      scratch: "write",
    },
    binary: "run",
    overRead: 16,
  },
  /** i8_dense on the k-groups of 16 outputs that are not all zeros. */
  i8_sparse_dense: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      y: "write",
      ys: "int",
      cout: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 4,
  },
} as const satisfies Rows;
