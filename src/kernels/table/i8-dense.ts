import type { Rows } from "./row.ts";

/**
 * int8 matrix times one vector, each weight used once: assembly/i8-dense.ts. For many images `i8_gemm_requantize` is faster.
 * Its packed weights have a form of their own (`densePackedBytes` in kernels/i8/panels.ts gives their size).
 */
export const i8Dense = {
  /** int8 weights [outs][length], i32 bias (address 0: none) and f32 scale per output -> blocks; `zero`: of the activations to come. */
  i8_dense_pack: {
    args: { outs: "int", length: "int", w: "read", bias: "read", scale: "read", zero: "int", y: "write" },
    binary: "run",
  },
  /** y[outs] stored = clamp(round((bias + sum (x - zero) * w) * scale) + zero, qmin, qmax). */
  i8_dense: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      length: "int",
      w: "read",
      y: "write",
      ys: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
