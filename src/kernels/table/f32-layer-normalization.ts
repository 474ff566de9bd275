import type { Rows } from "./row.ts";

/**
 * Layer normalization of `repeat` rows of k floats an image, each by its own mean and variance. Sums are in f64, in lanes.
 * Zeros in the padding of what is written, but for the sums over images.
 */
export const f32LayerNormalization = {
  /** y = gamma (x - mean) / sqrt(variance + epsilon) + beta, of every row; gamma and beta have k elements. */
  f32_layer_normalization: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      repeat: "int",
      k: "int",
      gamma: "read",
      beta: "read",
      epsilon: "float",
    },
    binary: "both",
    overRead: 12,
  },
  /** mean and inverse = 1 / sqrt(variance + epsilon) of every row; the variance is the biased one. */
  f32_layer_normalization_statistics: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      repeat: "int",
      k: "int",
      mean: "write",
      means: "int",
      inverse: "write",
      inverses: "int",
      epsilon: "float",
    },
    binary: "train",
    overRead: 12,
  },
  /** dgamma = sum dy (x - mean) inverse and dbeta = sum dy, over all rows of all n images, in f64. */
  f32_layer_normalization_parameter_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      x: "read",
      xs: "int",
      repeat: "int",
      k: "int",
      mean: "read",
      means: "int",
      inverse: "read",
      inverses: "int",
      dgamma: "write",
      dbeta: "write",
    },
    binary: "train",
    overRead: 12,
  },
  /** dx = inverse (g - mean g - z mean (g z)), where g = dy gamma and z = (x - mean) inverse. */
  f32_layer_normalization_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      x: "read",
      xs: "int",
      dx: "write",
      dxs: "int",
      repeat: "int",
      k: "int",
      mean: "read",
      means: "int",
      inverse: "read",
      inverses: "int",
      gamma: "read",
    },
    binary: "train",
    overRead: 12,
  },
} as const satisfies Rows;
