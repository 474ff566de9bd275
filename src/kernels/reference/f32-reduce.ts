/** Twins of the reductions. Sums run in the order of the kernels. */

type Row = ArrayLike<number>;

const f = Math.fround;

/** Adds one more row to the sums of its columns. */
export const f32_column_sums = (sums: Row, row: Row): Float32Array => Float32Array.from(sums, (s, j) => s + row[j]!);

/** In f64: lane i adds elements i, i + 4, ...; then (0 + 2) + (1 + 3). */
function total(x: Row, of: (v: number) => number): number {
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) lanes[i & 3]! += of(x[i]!);
  return lanes[0]! + lanes[2]! + (lanes[1]! + lanes[3]!);
}

export const f32_sum_of_squares = (x: Row): number => total(x, v => v * v);
export const f32_sum_of_magnitudes = (x: Row): number => total(x, Math.abs);

export function f32_clip_factor(parts: Row, limit: number): number {
  const sum = Array.from(parts).reduce((a, b) => a + b, 0);
  return f(f(limit) / Math.max(Math.sqrt(sum), f(limit)));
}

export const f32_penalty = (x: Row, y: number, l1: number, l2: number): number =>
  f(y + (f(l1) * f32_sum_of_magnitudes(x) + f(l2) * f32_sum_of_squares(x)));

export const f32_penalty_gradient = (x: number, dy: number, l1: number, l2: number): number =>
  f(f((x > 0 ? f(l1) : x < 0 ? -f(l1) : 0) + f(x * f(2 * f(l2)))) * dy);

/** Widens [low, high] by one more image. */
export const f32_range = (range: Row, x: Row): Float32Array =>
  Float32Array.from([
    Array.from(x).reduce((low, v) => (Number.isNaN(v) ? low : Math.min(low, v)), range[0]!),
    Array.from(x).reduce((high, v) => (Number.isNaN(v) ? high : Math.max(high, v)), range[1]!),
  ]);

/** The first index of the largest. */
export const f32_argmax = (x: Row): number => Array.from(x).reduce((best, v, j) => (v > x[best]! ? j : best), 0);

export const f32_sparse_accuracy = (x: Row, t: number): number => Number(f32_argmax(x) === t);
export const f32_accuracy = (x: Row, t: Row): number => f32_sparse_accuracy(x, f32_argmax(t));

export const f32_binary_accuracy = (x: Row, t: Row, threshold: number): number =>
  f(Array.from(x).filter((v, j) => v > f(threshold) === t[j]! > 0.5).length / x.length);

export function f32_sparse_top_k(x: Row, t: number, top: number): number {
  const own = x[t];
  if (own === undefined || Number.isNaN(own)) return 0;
  return Number(Array.from(x).filter(v => v > own).length < top);
}
export const f32_top_k = (x: Row, t: Row, top: number): number => f32_sparse_top_k(x, f32_argmax(t), top);
