import type { Rows } from "./row.ts";
import { backward, inputGradient, rows, source, target } from "./rows.ts";

/** mean and inverse = 1 / sqrt(variance + epsilon) of every row. */
const statistics = { mean: "read", means: "int", inverse: "read", inverses: "int" } as const;

/**
 * Layer normalization of `repeat` rows of k floats an image, each by its own mean and variance. Sums are in f64, in
 * lanes. The padding of what is written is zero, but for the sums over images.
 */
export const f32LayerNormalization = {
  /** y = gamma (x - mean) / sqrt(variance + epsilon) + beta, of every row; gamma and beta have k elements. */
  f32_layer_normalization: {
    args: { ...source, ...target, ...rows, gamma: "read", beta: "read", epsilon: "float" },
    binary: "both",
    overRead: 12,
  },
  /** mean and inverse = 1 / sqrt(variance + epsilon) of every row; the variance is the biased one. */
  f32_layer_normalization_statistics: {
    args: { ...source, ...rows, ...statistics, mean: "write", inverse: "write", epsilon: "float" },
    binary: "train",
    overRead: 12,
  },
  /** dgamma = sum dy (x - mean) inverse and dbeta = sum dy, over all rows of all n images, in f64. */
  f32_layer_normalization_parameter_gradient: {
    args: { ...backward, ...rows, ...statistics, dgamma: "write", dbeta: "write" },
    binary: "train",
    overRead: 12,
  },
  /** dx = inverse (g - mean g - z mean (g z)), where g = dy gamma and z = (x - mean) inverse. */
  f32_layer_normalization_gradient: {
    args: { ...backward, ...inputGradient, ...rows, ...statistics, gamma: "read" },
    binary: "train",
    overRead: 12,
  },
} as const satisfies Rows;
