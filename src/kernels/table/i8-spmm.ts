import { csr } from "./f32-spmm.ts";
import type { Rows } from "./row.ts";

/** Sparse times dense, int8: assembly/i8-spmm.ts. */
export const i8Spmm = {
  /**
   * y[rows][n] (i32) = s[rows][k] (i8 in -127..127) * b[k][n] (i8) + bias[rows] (i32), s in CSR as for f32_csr_spmm.
   * Exact as long as a row's sum fits 32 bits.
   */
  i8_csr_spmm: csr,
} as const satisfies Rows;
