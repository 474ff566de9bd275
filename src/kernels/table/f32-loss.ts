import type { Row, Rows } from "./row.ts";

/**
 * Losses of predictions x against targets t, k floats per image each; one loss per image, 4 bytes apart. Keras'
 * semantics: probabilities are clipped to [1e-7, 1 - 1e-7] (divergence and entropy: to [1e-7, 1]) and have no gradient
 * beyond.
 */
const args = { n: "count", x: "read", xs: "int", t: "read", ts: "int", k: "int", loss: "write" } as const;
const loss = { args, binary: "train", overRead: 12 } as const satisfies Row;

/** `dy` holds d(total) / d(loss) of each image, 4 bytes apart. Zeros in the padding of dx. */
const gradientArgs = {
  n: "count",
  x: "read",
  xs: "int",
  t: "read",
  ts: "int",
  k: "int",
  dy: "read",
  dx: "write",
  dxs: "int",
} as const;
const gradient = { args: gradientArgs, binary: "train", overRead: 12 } as const satisfies Row;

const smoothed = { args: { ...args, smoothing: "float" }, binary: "train", overRead: 12 } as const satisfies Row;
const smoothedGradient = {
  args: { ...gradientArgs, smoothing: "float" },
  binary: "train",
  overRead: 12,
} as const satisfies Row;

export const f32Loss = {
  /** mean (x - t)^2. */
  f32_mean_squared_error: loss,
  f32_mean_squared_error_gradient: gradient,
  /** mean |x - t|; no gradient where equal. */
  f32_mean_absolute_error: loss,
  f32_mean_absolute_error_gradient: gradient,
  /** mean of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2; e = x - t. */
  f32_huber: { args: { ...args, delta: "float" }, binary: "train", overRead: 12 },
  f32_huber_gradient: { args: { ...gradientArgs, delta: "float" }, binary: "train", overRead: 12 },
  /** mean of -(t log x + (1 - t) log(1 - x)), t first drawn towards 1/2 by `smoothing`. x: probabilities. */
  f32_binary_cross_entropy: smoothed,
  f32_binary_cross_entropy_gradient: smoothedGradient,
  /** The same from logits: mean of max(x, 0) - x t + log(1 + exp(-|x|)). */
  f32_sigmoid_cross_entropy: smoothed,
  f32_sigmoid_cross_entropy_gradient: smoothedGradient,
  /** sum t log(t / x). */
  f32_kl_divergence: loss,
  f32_kl_divergence_gradient: gradient,
  /**
   * -sum target log x, x probabilities divided by their sum and clipped, target = t (1 - smoothing) + smoothing / k.
   */
  f32_cross_entropy: smoothed,
  f32_cross_entropy_gradient: smoothedGradient,
  /**
   * The same for a class t (one i32 per image), in the order of Keras: clipped first, then divided by the sum. A class
   * out of range gives NaN.
   */
  f32_sparse_cross_entropy: smoothed,
  f32_sparse_cross_entropy_gradient: smoothedGradient,
  /** -sum x log x: how undecided a prediction is. There are no targets. */
  f32_entropy: {
    args: { n: "count", x: "read", xs: "int", k: "int", loss: "write" },
    binary: "train",
    overRead: 12,
  },
  f32_entropy_gradient: {
    args: { n: "count", x: "read", xs: "int", k: "int", dy: "read", dx: "write", dxs: "int" },
    binary: "train",
    overRead: 12,
  },
} as const satisfies Rows;
