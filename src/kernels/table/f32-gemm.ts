import type { Rows } from "./row.ts";

/** The epilogues of a GEMM or convolution: the `mode` argument of such kernels. */
export const MODE = {
  plain: 0,
  /** max(0, sum + aux[column]) */
  biasRelu: 1,
  /** The sum where aux > 0, else 0; aux has the layout of the output. */
  mask: 2,
  /** sum + aux[column] */
  bias: 3,
} as const;

/** Bytes of `scratch` for f32_gemm of at most `m` rows: the rows of one pass, packed; fewer than four are not. */
export const gemmScratch = (k: number, m = 64): number => (m < 4 ? 0 : Math.min(Math.ceil(m / 4) * 4, 64) * k * 4);

/** f32 matrix products on weights in panels: assembly/f32-gemm.ts. */
export const f32Gemm = {
  /**
   * c[m][n] = a[m][k] * weight, then `mode` with `aux`. `weight` is in `panels` (roundUp(n, 8) columns are there);
   * exactly n columns are written, so pass a multiple of 8 to have an output's padding zeroed. `lda`, `ldc`: bytes from
   * row to row. Each sum runs over k from 0 upwards. `scratch` has `gemmScratch(k, m)` bytes.
   */
  f32_gemm: {
    args: {
      m: "count",
      n: "int",
      k: "int",
      a: "read",
      lda: "int",
      weight: "read",
      c: "write",
      ldc: "int",
      mode: "int",
      aux: "read",
      scratch: "write",
    },
    binary: "both",
    overRead: 32,
  },
  /**
   * dw (panels of [n][k]) = dy[m][n]^T * x[m][k], db[n] = column sums of dy; added to what is there where `accumulate`
   * is 1. The padding of dw, and of db up to a multiple of 8, is written as zero. Each sum runs over m from 0 upwards.
   */
  f32_gemm_weight_gradient: {
    args: {
      m: "count",
      n: "int",
      k: "int",
      x: "read",
      ldx: "int",
      dy: "read",
      lddy: "int",
      dw: "update",
      db: "update",
      accumulate: "int",
    },
    binary: "train",
    overRead: 32,
  },
  /** `panels` of [n][k] -> `panelsTransposed`, padding zeroed. */
  f32_transpose_panels: { args: { n: "int", k: "int", x: "read", y: "write" }, binary: "train" },
  /** A matrix in any order -> `panels` of [n][k], padding zeroed: element (n, k) is at x + n * xn + k * xk bytes. */
  f32_pack_panels: {
    args: { n: "int", k: "int", x: "read", xn: "int", xk: "int", y: "write" },
    binary: "train",
  },
} as const satisfies Rows;
