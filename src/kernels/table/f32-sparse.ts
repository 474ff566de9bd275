import type { Rows } from "./row.ts";

/**
 * f32 layers with constant weights that are mostly zeros: assembly/f32-sparse.ts. kernels/sparse.ts packs the weights.
 */
export const f32Sparse = {
  /**
   * A convolution, or a product of many rows, on the weights that are not zero, then `mode` with `aux`. `places`: where
   * each of `chunks` pieces of 4 channels begins, in bytes from the first tap of a pixel; `pixels` and `results`: where
   * each of `count` pixels begins in x and y. Where `rows` is not 0, an image of `h` x `w` pixels is put into one of
   * rows x columns first, at (pad_t, pad_l), with zeros around it. A sum runs over k upwards.
   * `scratch` has the bytes of `gathering`, then such an image.
   */
  f32_sparse_conv2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      chunks: "int",
      places: "read",
      count: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      cout: "int",
      mode: "int",
      aux: "read",
      h: "int",
      w: "int",
      pixel: "int",
      pad_t: "int",
      pad_l: "int",
      rows: "int",
      columns: "int",
      scratch: "write",
    },
    binary: "run",
    overRead: 16,
  },
  /**
   * A product of single vectors on the inputs of 16 outputs whose weights are not all zeros, then `mode` with `aux`. A
   * sum runs over k upwards.
   */
  f32_sparse_dense: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      y: "write",
      ys: "int",
      cout: "int",
      mode: "int",
      aux: "read",
    },
    binary: "run",
    overRead: 64,
  },
} as const satisfies Rows;
