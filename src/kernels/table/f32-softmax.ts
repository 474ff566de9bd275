import type { Row, Rows } from "./row.ts";

/** Each image is `repeat` rows of k floats, one after another. Zeros in the padding of what is written. */
const overRows = {
  args: { n: "count", x: "read", xs: "int", y: "write", ys: "int", repeat: "int", k: "int" },
  binary: "both",
  overRead: 12,
} as const satisfies Row;

/** From the forward's output y. */
const overRowsGradient = {
  args: {
    n: "count",
    dy: "read",
    dys: "int",
    y: "read",
    ys: "int",
    dx: "write",
    dxs: "int",
    repeat: "int",
    k: "int",
  },
  binary: "train",
  overRead: 12,
} as const satisfies Row;

/**
 * One row of k classes per image. x: logits, t: one i32 per image (sparse) or a row of f32. Losses are 4 bytes apart.
 * p, saved for the backward, is softmax(x).
 */
const crossEntropy = {
  args: {
    n: "count",
    x: "read",
    xs: "int",
    t: "read",
    ts: "int",
    k: "int",
    smoothing: "float",
    loss: "write",
    p: "write",
    ps: "int",
  },
  binary: "train",
  overRead: 12,
} as const satisfies Row;

/** `dy` holds d(total) / d(loss) of each image, 4 bytes apart. dx may be p. */
const crossEntropyGradient = {
  args: {
    n: "count",
    p: "read",
    ps: "int",
    t: "read",
    ts: "int",
    k: "int",
    smoothing: "float",
    dy: "read",
    dx: "write",
    dxs: "int",
  },
  binary: "train",
  overRead: 12,
} as const satisfies Row;

export const f32Softmax = {
  /** y = exp(x - max x) / sum. */
  f32_softmax: overRows,
  /** dx = y (dy - sum dy y). */
  f32_softmax_gradient: overRowsGradient,
  /** y = x - max x - log(sum exp(x - max x)). */
  f32_log_softmax: overRows,
  /** dx = dy - exp(y) sum dy. */
  f32_log_softmax_gradient: overRowsGradient,
  /**
   * loss = log(sum exp x) - sum target x, where target = (1 - smoothing) at class t, plus smoothing / k everywhere.
   * A class out of range gives NaN.
   */
  f32_sparse_softmax_cross_entropy: crossEntropy,
  /** dx = dy (p - target). */
  f32_sparse_softmax_cross_entropy_gradient: crossEntropyGradient,
  /** loss = sum target (log(sum exp x) - x), where target = t (1 - smoothing) + smoothing / k. */
  f32_softmax_cross_entropy: crossEntropy,
  /** dx = dy (p sum target - target). */
  f32_softmax_cross_entropy_gradient: crossEntropyGradient,
} as const satisfies Rows;
