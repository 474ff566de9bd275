import type { Rows } from "./row.ts";
import { backward, inputGradient, rows, source, target } from "./rows.ts";

/**
 * Batch normalization over the last axis: each image is `repeat` rows of k channels. Statistics are over images and
 * rows, in f64, image after image; they need the whole batch in one call. The padding of what is written is zero.
 */
export const f32BatchNormalization = {
  /** mean and biased variance of each channel (two passes). */
  f32_batch_normalization_statistics: {
    args: { ...source, ...rows, mean: "write", variance: "write" },
    binary: "train",
    overRead: 12,
  },
  /** y = x s + (beta - mean s), where s = gamma / sqrt(variance + epsilon). */
  f32_batch_normalization: {
    args: {
      ...source,
      ...target,
      ...rows,
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
      ...backward,
      ...rows,
      mean: "read",
      variance: "read",
      dgamma: "write",
      dbeta: "write",
      epsilon: "float",
    },
    binary: "train",
    overRead: 12,
  },
  /** dx = s (dy - (dbeta + z dgamma) / total), total = images of the batch * repeat: the statistics move with x. */
  f32_batch_normalization_gradient: {
    args: {
      ...backward,
      ...inputGradient,
      ...rows,
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
      ...inputGradient,
      ...rows,
      variance: "read",
      gamma: "read",
      epsilon: "float",
    },
    binary: "train",
    overRead: 12,
  },
  /** y = y momentum + x (1 - momentum) over n stored floats (a multiple of 4). */
  f32_moving_average: { args: { n: "int", y: "update", x: "read", momentum: "float" }, binary: "train" },
  /** The same where the f32 at `flag` is 0, else nothing. */
  f32_moving_average_unless: {
    args: { n: "int", flag: "read", y: "update", x: "read", momentum: "float" },
    binary: "train",
  },
  /** y = a, or b where the f32 at `flag` is 0, over n stored floats (a multiple of 4). */
  f32_choose: { args: { n: "int", flag: "read", a: "read", b: "read", y: "write" }, binary: "train" },
} as const satisfies Rows;
