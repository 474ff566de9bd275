/** Twin of f32_csr_spmm. Each operation is rounded to f32. */

const f = Math.fround;

/** A sparse matrix by rows: row r has the non-zeros pointers[r] .. pointers[r + 1] - 1. */
export interface Csr<V extends Float32Array | Int8Array> {
  values: V;
  columns: Int32Array;
  pointers: Int32Array;
}

/** y[rows][n] = s * b[k][n] + bias[rows]. */
export function f32_csr_spmm(s: Csr<Float32Array>, n: number, b: Float32Array, bias: Float32Array): Float32Array {
  const y = new Float32Array(bias.length * n);
  bias.forEach((start, r) => {
    for (let j = 0; j < n; j++) {
      let sum = start;
      for (let i = s.pointers[r]!; i < s.pointers[r + 1]!; i++)
        sum = f(sum + f(s.values[i]! * b[s.columns[i]! * n + j]!));
      y[r * n + j] = sum;
    }
  });
  return y;
}
