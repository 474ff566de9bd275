import type { Row, Rows } from "./row.ts";

export const csr = {
  args: {
    rows: "int",
    n: "int",
    values: "read",
    columns: "read",
    pointers: "read",
    b: "read",
    ldb: "int",
    bias: "read",
    y: "write",
    ldy: "int",
  },
  binary: "train",
} as const satisfies Row;

/** Sparse times dense, f32: assembly/f32-spmm.ts. */
export const f32Spmm = {
  /**
   * y[rows][n] = s[rows][k] * b[k][n] + bias[rows], s in CSR: row r has the non-zeros pointers[r] .. pointers[r + 1] -
   * 1 of `values` (f32) and `columns` (i32). `ldb`, `ldy`: bytes from row to row. A sum starts at the bias and runs
   * over the non-zeros in order, whatever n is.
   */
  f32_csr_spmm: csr,
} as const satisfies Rows;
