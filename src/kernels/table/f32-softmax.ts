import { rows } from "./row.ts";

/**
 * Softmax and the losses built on it, one row of `k` classes per image, losses and upstream gradients 4 bytes apart.
 * Rows that are written get zeros after their k elements, up to the next multiple of 8.
 */
export const f32Softmax = rows({
  /**
   * Cross-entropy of softmax(x) with the class t (i32): loss = log(sum exp x) - sum target * x, where
   * target = (1 - smoothing) at t, plus smoothing / k everywhere. Saves p = softmax(x). A label out of range gives NaN.
   */
  f32_sparse_softmax_cross_entropy: {
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
  },
  /** dx = (p - target) * up, up one number per image. */
  f32_sparse_softmax_cross_entropy_gradient: {
    args: {
      n: "count",
      p: "read",
      ps: "int",
      t: "read",
      ts: "int",
      k: "int",
      smoothing: "float",
      up: "read",
      dx: "write",
      dxs: "int",
    },
    binary: "train",
    overRead: 12,
  },
});
