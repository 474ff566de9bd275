/** Twins of the softmax kernels, on one row (an array of k numbers). Sums run in four lanes as the kernels' do. */

import { expf, logf } from "../../base/math.ts";

const f = Math.fround;

/** Lane i adds elements i, i + 4, ...; then ((0 + 2) + (1 + 3)). */
export function laneSum(x: ArrayLike<number>): number {
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) lanes[i & 3] = f(lanes[i & 3]! + x[i]!);
  return f(f(lanes[0]! + lanes[2]!) + f(lanes[1]! + lanes[3]!));
}

const largest = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => Math.max(a, b), -Infinity);

export function f32_softmax(x: ArrayLike<number>): { y: Float32Array; top: number; sum: number } {
  const top = largest(x);
  const e = Float32Array.from(x, v => expf(f(v - top)));
  const sum = laneSum(e);
  const by = f(1 / sum);
  return { y: e.map(v => v * by), top, sum };
}

/** Loss of one image with class t, and the probabilities. */
export function f32_sparse_softmax_cross_entropy(
  x: ArrayLike<number>,
  t: number,
  smoothing: number,
): { loss: number; p: Float32Array } {
  const { y: p, top, sum } = f32_softmax(x);
  const s = f(smoothing);
  let loss = NaN;
  if (t >= 0 && t < x.length) {
    loss = f(f(top - x[t]!) * f(1 - s));
    if (s !== 0) loss = f(loss + f(s * f(top - f(laneSum(x) / x.length))));
  }
  return { loss: f(loss + logf(sum)), p };
}

export function f32_sparse_softmax_cross_entropy_gradient(
  p: ArrayLike<number>,
  t: number,
  smoothing: number,
  up: number,
): Float32Array {
  const s = f(smoothing);
  const everywhere = f(s / p.length);
  return Float32Array.from(p, (v, j) => f((j === t ? f(f(v - everywhere) - f(1 - s)) : f(v - everywhere)) * up));
}
