import type { Rows } from "./row.ts";

/**
 * Batch normalization over the last axis: each image is `pixels` rows of k channels. Statistics are over images and pixels, in f64,
 * image after image; they need the whole batch in one call. Zeros in the padding of what is written.
 */
export const f32BatchNormalization = {
  /** mean and biased variance of each channel (two passes). */
  f32_batch_normalization_statistics: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pixels: "int",
      k: "int",
      mean: "write",
      variance: "write",
    },
    binary: "train",
    overRead: 12,
  },
  /** y = x s + (beta - mean s), where s = gamma / sqrt(variance + epsilon). */
  f32_batch_normalization: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      pixels: "int",
      k: "int",
      mean: "read",
      variance: "read",
      gamma: "read",
      beta: "read",
      epsilon: "float",
    },
    binary: "both",
    overRead: 12,
  },
  /** dbeta = sum dy; dgamma = sum dy z, where z = (x - mean) / sqrt(variance + epsilon). */
  f32_batch_normalization_parameter_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      x: "read",
      xs: "int",
      pixels: "int",
      k: "int",
      mean: "read",
      variance: "read",
      dgamma: "write",
      dbeta: "write",
      epsilon: "float",
    },
    binary: "train",
    overRead: 12,
  },
  /** dx = s (dy - (dbeta + z dgamma) / total), total = images of the batch * pixels: the statistics move with x. */
  f32_batch_normalization_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      x: "read",
      xs: "int",
      dx: "write",
      dxs: "int",
      pixels: "int",
      k: "int",
      mean: "read",
      variance: "read",
      gamma: "read",
      dgamma: "read",
      dbeta: "read",
      epsilon: "float",
      total: "int",
    },
    binary: "train",
    overRead: 12,
  },
  /** dx = s dy: the statistics are constants (the moving ones). */
  f32_batch_normalization_frozen_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      dx: "write",
      dxs: "int",
      pixels: "int",
      k: "int",
      variance: "read",
      gamma: "read",
      epsilon: "float",
    },
    binary: "train",
    overRead: 12,
  },
  /** y = y momentum + x (1 - momentum) over n stored floats (a multiple of 4). */
  f32_moving_average: { args: { n: "int", y: "update", x: "read", momentum: "float" }, binary: "train" },
} as const satisfies Rows;
