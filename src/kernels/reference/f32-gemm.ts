/**
 * Twins of the f32 matrix kernels, on matrices in logical order. Each sum starts at zero and runs upwards; each
 * operation is rounded to f32.
 */
import { MODE } from "../table/f32-gemm.ts";

const f = Math.fround;

/** Applies `mode` to a sum; `aux` is the bias or the mask. */
export function finish(sum: number, mode: number, aux: number): number {
  if (mode === MODE.mask) return aux > 0 ? sum : 0;
  if (mode === MODE.plain) return sum;
  const biased = f(sum + aux);
  return mode === MODE.biasRelu ? Math.max(biased, 0) : biased;
}

/** a[m][k] * w[n][k]^T; `aux` is bias[n], or [m][n] where it masks. */
export function f32_gemm(
  { m, n, k, mode }: Record<"m" | "n" | "k" | "mode", number>,
  a: Float32Array,
  weight: Float32Array,
  aux: Float32Array,
): Float32Array {
  const c = new Float32Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let q = 0; q < k; q++) sum = f(sum + f(a[i * k + q]! * weight[j * k + q]!));
      c[i * n + j] = finish(sum, mode, aux[mode === MODE.mask ? i * n + j : j]!);
    }
  return c;
}

/** dw[n][k] += dy[m][n]^T * x[m][k], db[n] += column sums of dy, in place. */
export function f32_gemm_weight_gradient(
  { m, n, k }: Record<"m" | "n" | "k", number>,
  x: Float32Array,
  dy: Float32Array,
  dw: Float32Array,
  db: Float32Array,
): void {
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      const d = dy[i * n + j]!;
      db[j] = f(db[j]! + d);
      for (let q = 0; q < k; q++) dw[j * k + q] = f(dw[j * k + q]! + f(d * x[i * k + q]!));
    }
}
