/** Twins of the softmax kernels, on one row (an array of k numbers). Sums run in four lanes, as in the kernels. */

import { expf, logf } from "../../base/math-f32.ts";

type Row = ArrayLike<number>;

const f = Math.fround;

/** Lane i adds elements i, i + 4, ...; then ((0 + 2) + (1 + 3)). */
export function laneSum(x: Row): number {
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) lanes[i & 3] = f(lanes[i & 3]! + x[i]!);
  return f(f(lanes[0]! + lanes[2]!) + f(lanes[1]! + lanes[3]!));
}

const rowOf = (x: Row, of: (v: number, j: number) => number): Float32Array => Float32Array.from(x, of);

/** exp(x - top), their sum, and the log of it. */
function exponentials(x: Row): { e: Float32Array; top: number; sum: number; log: number } {
  const top = Array.from(x).reduce((a, b) => Math.max(a, b), -Infinity);
  const e = rowOf(x, v => expf(f(v - top)));
  const sum = laneSum(e);
  return { e, top, sum, log: logf(sum) };
}

/** The smoothed target t of one of k classes. */
export const smoothTarget = (t: number, smoothing: number, k: number): number =>
  f(f(t * f(1 - f(smoothing))) + f(f(smoothing) / k));

export function f32_softmax(x: Row): Float32Array {
  const { e, sum } = exponentials(x);
  const by = f(1 / sum);
  return e.map(v => v * by);
}

export function f32_softmax_gradient(dy: Row, y: Row): Float32Array {
  const dot = laneSum(rowOf(dy, (d, j) => d * y[j]!));
  return rowOf(dy, (d, j) => y[j]! * f(d - dot));
}

export function f32_log_softmax(x: Row): Float32Array {
  const { top, log } = exponentials(x);
  return rowOf(x, v => f(v - top) - log);
}

export function f32_log_softmax_gradient(dy: Row, y: Row): Float32Array {
  const sum = laneSum(dy);
  return rowOf(dy, (d, j) => d - f(expf(y[j]!) * sum));
}

/** Loss of one image with class t, and the probabilities. */
export function f32_sparse_softmax_cross_entropy(
  x: Row,
  t: number,
  smoothing: number,
): { loss: number; p: Float32Array } {
  const { top, log } = exponentials(x);
  const s = f(smoothing);
  let loss = NaN;
  if (t >= 0 && t < x.length) {
    loss = f(f(top - x[t]!) * f(1 - s));
    if (s !== 0) loss = f(loss + f(s * f(top - f(laneSum(x) / x.length))));
  }
  return { loss: f(loss + log), p: f32_softmax(x) };
}

export function f32_sparse_softmax_cross_entropy_gradient(
  p: Row,
  t: number,
  smoothing: number,
  dy: number,
): Float32Array {
  const s = f(smoothing);
  const everywhere = f(s / p.length);
  return rowOf(p, (v, j) => (j === t ? f(f(v - everywhere) - f(1 - s)) : f(v - everywhere)) * dy);
}

/** Loss of one image with a row of targets t, and the probabilities. */
export function f32_softmax_cross_entropy(x: Row, t: Row, smoothing: number): { loss: number; p: Float32Array } {
  const { top, log } = exponentials(x);
  const k = x.length;
  const terms = rowOf(x, (v, j) => smoothTarget(t[j]!, smoothing, k) * f(f(top - v) + log));
  return { loss: laneSum(terms), p: f32_softmax(x) };
}

export function f32_softmax_cross_entropy_gradient(p: Row, t: Row, smoothing: number, dy: number): Float32Array {
  const target = rowOf(t, v => smoothTarget(v, smoothing, t.length));
  const mass = laneSum(target);
  return rowOf(p, (v, j) => f(f(v * mass) - target[j]!) * dy);
}
