import type { Rows } from "./row.ts";
import { clamped, packing } from "./stored.ts";

/**
 * int8 matrix times one vector, each weight used once: assembly/i8-dense.ts. For many images `i8_gemm_requantize` is
 * faster. Its packed weights have a form of their own (`densePackedBytes` in kernels/i8/panels.ts gives their size).
 */
export const i8Dense = {
  /** Weights [cout][length] -> blocks. */
  i8_dense_pack: { args: { cout: "int", length: "int", ...packing }, binary: "run" },
  /** y[cout] stored = clamp(round((bias + sum (x - zero) * weight) * scale) + zero, qmin, qmax). */
  i8_dense: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      length: "int",
      weight: "read",
      y: "write",
      ys: "int",
      cout: "int",
      ...clamped,
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
