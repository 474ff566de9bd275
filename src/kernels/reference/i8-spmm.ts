/** Twin of i8_csr_spmm: exact in integers. */
import type { Csr } from "./f32-spmm.ts";

/** y[rows][n] = s * b[k][n] + bias[rows]. */
export function i8_csr_spmm(s: Csr<Int8Array>, n: number, b: Int8Array, bias: Int32Array): Int32Array {
  const y = new Int32Array(bias.length * n);
  bias.forEach((start, r) => {
    for (let j = 0; j < n; j++) {
      y[r * n + j] = start;
      for (let i = s.pointers[r]!; i < s.pointers[r + 1]!; i++)
        y[r * n + j]! += s.values[i]! * b[s.columns[i]! * n + j]!;
    }
  });
  return y;
}
