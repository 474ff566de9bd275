import type { Row, Rows } from "./row.ts";

/** Per image: x and t are rows of k floats (t sparse: one i32), y gets one f32. */
const perImage = {
  args: { n: "count", x: "read", xs: "int", t: "read", ts: "int", k: "int", y: "write" },
  binary: "train",
} as const satisfies Row;

/** Over n stored floats of any layout (padding is zero); y: one f64. */
const whole = { args: { n: "int", x: "read", y: "write" }, binary: "train", overRead: 12 } as const satisfies Row;

/**
 * Sums in one fixed order. Over images: image after image, beginning with the contents of the output. Over a row or an
 * array: lane i adds elements i, i + 4, ..., then the lanes are added as (0 + 2) + (1 + 3).
 */
export const f32Reduce = {
  /** y[j] += x[r * k + j] over all images and their `repeat` rows r: the gradient of a bias. */
  f32_column_sums: {
    args: { n: "count", x: "read", xs: "int", y: "update", repeat: "int", k: "int" },
    binary: "train",
    overRead: 12,
  },
  /** sum x^2, in f64. */
  f32_sum_of_squares: whole,
  /** sum |x|, in f64. */
  f32_sum_of_magnitudes: whole,
  /** y (f32) = limit / max(sqrt(sum of the `parts` f64 at x), limit): the factor of clipping by a norm. */
  f32_clip_factor: {
    args: { parts: "int", x: "read", y: "write", limit: "float" },
    binary: "train",
  },
  /** y (f32) += l1 sum |x| + l2 sum x^2: a regularizer's part of the loss. */
  f32_penalty: {
    args: { n: "int", x: "read", y: "update", l1: "float", l2: "float" },
    binary: "train",
    overRead: 12,
  },
  /** dx = dy (l1 sign(x) + 2 l2 x), dy one f32. */
  f32_penalty_gradient: {
    args: { n: "int", x: "read", dy: "read", dx: "write", l1: "float", l2: "float" },
    binary: "train",
    overRead: 12,
    overWrite: 12,
  },
  /** y = [min(y[0], x), max(y[1], x)] over the `length` floats x of all images; NaN changes nothing. */
  f32_range: {
    args: { n: "count", x: "read", xs: "int", length: "int", y: "update" },
    binary: "train",
  },
  /** y (i32, 4 bytes apart) = index of the largest of k, the first among equals. */
  f32_argmax: { args: { n: "count", x: "read", xs: "int", k: "int", y: "write" }, binary: "train" },
  /** 1 where the largest of x is at class t, else 0. */
  f32_sparse_accuracy: perImage,
  /** 1 where the largest of x is where the largest of t is, else 0. */
  f32_accuracy: perImage,
  /** The share of elements where (x > threshold) equals (t > 1/2). */
  f32_binary_accuracy: { args: { ...perImage.args, threshold: "float" }, binary: "train" },
  /** 1 where fewer than `top` of x are greater than x[t] (so ties count for the target), else 0. */
  f32_sparse_top_k: { args: { ...perImage.args, top: "int" }, binary: "train" },
  /** The same, where t's largest says which class it is. */
  f32_top_k: { args: { ...perImage.args, top: "int" }, binary: "train" },
} as const satisfies Rows;
