/** Twins of the losses, on one image: rows x (predictions) and t (targets) of k numbers. */

import { expf, log1pf, logf, sigmoidf } from "../../base/math-f32.ts";
import { laneSum, smoothTarget } from "./f32-softmax.ts";

type Row = ArrayLike<number>;

const f = Math.fround;
const EPSILON = f(1e-7);
const BELOW_ONE = f(1 - EPSILON);

const rowOf = (x: Row, of: (v: number, j: number) => number): Float32Array => Float32Array.from(x, of);
const clip = (x: number, high: number): number => Math.min(Math.max(x, EPSILON), high);
const unclipped = (x: number, high: number): boolean => x >= EPSILON && x <= high;

/** t drawn towards 1/2. */
const drawn = (t: number, smoothing: number): number => f(f(t * f(1 - f(smoothing))) + f(f(smoothing) * 0.5));

/** The contribution of one element to a loss (p: delta or smoothing), and its derivative by x. */
interface Pointwise {
  term(x: number, t: number, p: number): number;
  slope(x: number, t: number, p: number): number;
  /** The loss is the sum of the terms, not their mean. */
  sum?: boolean;
}

const squared: Pointwise = {
  term: (x, t) => f(f(x - t) * f(x - t)),
  slope: (x, t) => f(f(x - t) + f(x - t)),
};
const absolute: Pointwise = {
  term: (x, t) => Math.abs(f(x - t)),
  slope: (x, t) => (x > t ? 1 : x < t ? -1 : 0),
};
const huber: Pointwise = {
  term(x, t, p) {
    const e = f(x - t);
    const delta = f(p);
    if (Math.abs(e) <= delta) return f(f(e * e) * 0.5);
    return f(f(delta * Math.abs(e)) - f(f(0.5 * delta) * delta));
  },
  slope: (x, t, p) => Math.min(Math.max(f(x - t), -f(p)), f(p)),
};
const binary: Pointwise = {
  term(x, t, p) {
    const q = clip(x, BELOW_ONE);
    const target = drawn(t, p);
    return -f(f(target * logf(q)) + f(f(1 - target) * logf(f(1 - q))));
  },
  slope(x, t, p) {
    const q = clip(x, BELOW_ONE);
    return unclipped(x, BELOW_ONE) ? f(f(q - drawn(t, p)) / f(q * f(1 - q))) : 0;
  },
};
const sigmoid: Pointwise = {
  term: (x, t, p) => f(f(Math.max(x, 0) - f(x * drawn(t, p))) + log1pf(expf(-Math.abs(x)))),
  slope: (x, t, p) => f(sigmoidf(x) - drawn(t, p)),
};
const divergence: Pointwise = {
  sum: true,
  term: (x, t) => f(clip(t, 1) * f(logf(clip(t, 1)) - logf(clip(x, 1)))),
  slope: (x, t) => (unclipped(x, 1) ? -f(clip(t, 1) / clip(x, 1)) : 0),
};
const entropy: Pointwise = {
  sum: true,
  term: x => -f(clip(x, 1) * logf(clip(x, 1))),
  slope: x => (unclipped(x, 1) ? -f(logf(clip(x, 1)) + 1) : 0),
};

const lossOf =
  ({ term, sum = false }: Pointwise) =>
  (x: Row, t: Row, p = 0): number => {
    const total = laneSum(rowOf(x, (v, j) => term(v, t[j]!, p)));
    return sum ? total : f(total / x.length);
  };

const gradientOf =
  ({ slope, sum = false }: Pointwise) =>
  (x: Row, t: Row, dy: number, p = 0): Float32Array => {
    const factor = sum ? dy : f(dy / x.length);
    return rowOf(x, (v, j) => slope(v, t[j]!, p) * factor);
  };

export const f32_mean_squared_error = lossOf(squared);
export const f32_mean_squared_error_gradient = gradientOf(squared);
export const f32_mean_absolute_error = lossOf(absolute);
export const f32_mean_absolute_error_gradient = gradientOf(absolute);
export const f32_huber = lossOf(huber);
export const f32_huber_gradient = gradientOf(huber);
export const f32_binary_cross_entropy = lossOf(binary);
export const f32_binary_cross_entropy_gradient = gradientOf(binary);
export const f32_sigmoid_cross_entropy = lossOf(sigmoid);
export const f32_sigmoid_cross_entropy_gradient = gradientOf(sigmoid);
export const f32_kl_divergence = lossOf(divergence);
export const f32_kl_divergence_gradient = gradientOf(divergence);
export const f32_entropy = (x: Row): number => lossOf(entropy)(x, x);
export const f32_entropy_gradient = (x: Row, dy: number): Float32Array => gradientOf(entropy)(x, x, dy);

export function f32_cross_entropy(x: Row, t: Row, smoothing: number): number {
  const sum = laneSum(x);
  return laneSum(rowOf(x, (v, j) => -f(smoothTarget(t[j]!, smoothing, x.length) * logf(clip(f(v / sum), BELOW_ONE)))));
}

export function f32_cross_entropy_gradient(x: Row, t: Row, dy: number, smoothing: number): Float32Array {
  const sum = laneSum(x);
  const q = rowOf(x, v => v / sum);
  const g = rowOf(q, (v, j) => (unclipped(v, BELOW_ONE) ? -(smoothTarget(t[j]!, smoothing, x.length) / v) : 0));
  const mean = laneSum(rowOf(g, (v, j) => v * q[j]!));
  return rowOf(g, v => f(v - mean) * f(dy / sum));
}

/** The target of class j where the right one is t. */
const oneHot = (t: number, j: number, smoothing: number, k: number): number =>
  f((t === j ? f(1 - f(smoothing)) : 0) + f(f(smoothing) / k));

export function f32_sparse_cross_entropy(x: Row, t: number, smoothing: number): number {
  if (t < 0 || t >= x.length) return NaN;
  const clipped = rowOf(x, v => clip(v, BELOW_ONE));
  const scale = logf(laneSum(clipped));
  return laneSum(rowOf(clipped, (v, j) => oneHot(t, j, smoothing, x.length) * f(scale - logf(v))));
}

export function f32_sparse_cross_entropy_gradient(x: Row, t: number, dy: number, smoothing: number): Float32Array {
  const base = f(1 / laneSum(rowOf(x, v => clip(v, BELOW_ONE))));
  const slope = (v: number, j: number): number =>
    unclipped(v, BELOW_ONE) ? f(base - f(oneHot(t, j, smoothing, x.length) / v)) : 0;
  return rowOf(x, (v, j) => slope(v, j) * dy);
}
