/** Rows in memory with a stride. */
import { noise } from "./harness.ts";

/** `rows`, `stride` elements apart; NaN (in floats) lies between them. */
export function spread(rows: readonly Float32Array[], stride: number): Float32Array {
  const all = new Float32Array(rows.length * stride).fill(NaN);
  rows.forEach((row, i) => {
    all.set(row, i * stride);
  });
  return all;
}

/** n rows of k numbers in [-scale, scale). */
export const noiseRows = (n: number, k: number, seed: number, scale = 1): Float32Array[] =>
  Array.from({ length: n }, (_, i) => noise(k, seed * 1000 + i).map(v => v * scale));

/** n rows of k positive numbers with sum 1 (about). */
export const shares = (n: number, k: number, seed: number): Float32Array[] =>
  noiseRows(n, k, seed).map(row => {
    const positive = row.map(v => v + 1.001);
    const sum = positive.reduce((a, b) => a + b, 0);
    return positive.map(v => v / sum);
  });
