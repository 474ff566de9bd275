// Losses of k predictions per image, in Keras' semantics, and their gradients.

import { smoothed } from "./f32-softmax";
import { expf, log1pf, logf, sigmoidf } from "./math";
import { keepLanes, rowSum, zeroPadding } from "./row";
import { storeLanes, sumLanes } from "./simd";

const EPSILON: f32 = 1e-7;

const SQUARED: i32 = 0;
const ABSOLUTE: i32 = 1;
const HUBER: i32 = 2;
const BINARY: i32 = 3;
const SIGMOID: i32 = 4;
const DIVERGENCE: i32 = 5;
const ENTROPY: i32 = 6;

/** True for losses that are sums over the elements of an image; the others are means. */
@inline function isSum(kind: i32): bool {
  return kind == DIVERGENCE || kind == ENTROPY;
}

@inline function clip(x: v128, high: f32): v128 {
  return f32x4.min(f32x4.max(x, f32x4.splat(EPSILON)), f32x4.splat(high));
}

/** `d` where the clipping of x left it alone, else 0. */
@inline function unclipped(d: v128, x: v128, high: f32): v128 {
  return v128.and(d, v128.and(f32x4.ge(x, f32x4.splat(EPSILON)), f32x4.le(x, f32x4.splat(high))));
}

/** t of two classes, drawn towards 1/2. */
@inline function drawn(t: v128, smoothing: f32): v128 {
  return smoothed(t, f32x4.splat(1 - smoothing), f32x4.splat(smoothing * 0.5));
}

/** The contribution of one element to the loss. p: delta or smoothing. */
@inline function term(kind: i32, x: v128, t: v128, p: f32): v128 {
  const one = f32x4.splat(1);
  const e = f32x4.sub(x, t);
  if (kind == SQUARED) return f32x4.mul(e, e);
  if (kind == ABSOLUTE) return f32x4.abs(e);
  if (kind == HUBER) {
    const a = f32x4.abs(e);
    const delta = f32x4.splat(p);
    const inside = f32x4.mul(f32x4.mul(e, e), f32x4.splat(0.5));
    const outside = f32x4.sub(f32x4.mul(delta, a), f32x4.splat(0.5 * p * p));
    return v128.bitselect(inside, outside, f32x4.le(a, delta));
  }
  if (kind == BINARY) {
    const q = clip(x, 1 - EPSILON);
    const target = drawn(t, p);
    const hit = f32x4.mul(target, logf(q));
    const miss = f32x4.mul(f32x4.sub(one, target), logf(f32x4.sub(one, q)));
    return f32x4.neg(f32x4.add(hit, miss));
  }
  if (kind == SIGMOID) {
    const linear = f32x4.sub(f32x4.max(x, f32x4.splat(0)), f32x4.mul(x, drawn(t, p)));
    return f32x4.add(linear, log1pf(expf(f32x4.neg(f32x4.abs(x)))));
  }
  const q = clip(x, 1);
  if (kind == ENTROPY) return f32x4.neg(f32x4.mul(q, logf(q)));
  const target = clip(t, 1);
  return f32x4.mul(target, f32x4.sub(logf(target), logf(q)));
}

/** d(term) / dx. */
@inline function slope(kind: i32, x: v128, t: v128, p: f32): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const e = f32x4.sub(x, t);
  if (kind == SQUARED) return f32x4.add(e, e);
  if (kind == ABSOLUTE) return f32x4.sub(v128.and(f32x4.gt(e, zero), one), v128.and(f32x4.lt(e, zero), one));
  if (kind == HUBER) return f32x4.min(f32x4.max(e, f32x4.splat(-p)), f32x4.splat(p));
  if (kind == BINARY) {
    const q = clip(x, 1 - EPSILON);
    const d = f32x4.div(f32x4.sub(q, drawn(t, p)), f32x4.mul(q, f32x4.sub(one, q)));
    return unclipped(d, x, 1 - EPSILON);
  }
  if (kind == SIGMOID) return f32x4.sub(sigmoidf(x), drawn(t, p));
  const q = clip(x, 1);
  if (kind == ENTROPY) return unclipped(f32x4.neg(f32x4.add(logf(q), one)), x, 1);
  return unclipped(f32x4.neg(f32x4.div(clip(t, 1), q)), x, 1);
}

@inline function losses(kind: i32, n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, loss: usize, p: f32): void {
  for (let i = 0; i < n; i++) {
    let total = f32x4.splat(0);
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      total = f32x4.add(total, keepLanes(term(kind, v128.load(x + at), v128.load(t + at), p), k - j));
    }
    store<f32>(loss, isSum(kind) ? sumLanes(total) : sumLanes(total) / <f32>k);
    x += <usize>xs;
    t += <usize>ts;
    loss += 4;
  }
}

@inline function gradients(
  kind: i32,
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
  p: f32,
): void {
  for (let i = 0; i < n; i++) {
    const factor = f32x4.splat(isSum(kind) ? load<f32>(dy) : load<f32>(dy) / <f32>k);
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const d = f32x4.mul(slope(kind, v128.load(x + at), v128.load(t + at), p), factor);
      storeLanes(dx + at, d, k - j);
    }
    zeroPadding(dx, k);
    x += <usize>xs;
    t += <usize>ts;
    dx += <usize>dxs;
    dy += 4;
  }
}

export function f32_mean_squared_error(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
): void {
  losses(SQUARED, n, x, xs, t, ts, k, loss, 0);
}
export function f32_mean_squared_error_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
): void {
  gradients(SQUARED, n, x, xs, t, ts, k, dy, dx, dxs, 0);
}

export function f32_mean_absolute_error(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
): void {
  losses(ABSOLUTE, n, x, xs, t, ts, k, loss, 0);
}
export function f32_mean_absolute_error_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
): void {
  gradients(ABSOLUTE, n, x, xs, t, ts, k, dy, dx, dxs, 0);
}

export function f32_huber(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
  delta: f32,
): void {
  losses(HUBER, n, x, xs, t, ts, k, loss, delta);
}
export function f32_huber_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
  delta: f32,
): void {
  gradients(HUBER, n, x, xs, t, ts, k, dy, dx, dxs, delta);
}

export function f32_binary_cross_entropy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
  smoothing: f32,
): void {
  losses(BINARY, n, x, xs, t, ts, k, loss, smoothing);
}
export function f32_binary_cross_entropy_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
  smoothing: f32,
): void {
  gradients(BINARY, n, x, xs, t, ts, k, dy, dx, dxs, smoothing);
}

export function f32_sigmoid_cross_entropy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
  smoothing: f32,
): void {
  losses(SIGMOID, n, x, xs, t, ts, k, loss, smoothing);
}
export function f32_sigmoid_cross_entropy_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
  smoothing: f32,
): void {
  gradients(SIGMOID, n, x, xs, t, ts, k, dy, dx, dxs, smoothing);
}

export function f32_kl_divergence(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
): void {
  losses(DIVERGENCE, n, x, xs, t, ts, k, loss, 0);
}
export function f32_kl_divergence_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
): void {
  gradients(DIVERGENCE, n, x, xs, t, ts, k, dy, dx, dxs, 0);
}

export function f32_entropy(n: i32, x: usize, xs: i32, k: i32, loss: usize): void {
  losses(ENTROPY, n, x, xs, x, xs, k, loss, 0);
}
export function f32_entropy_gradient(n: i32, x: usize, xs: i32, k: i32, dy: usize, dx: usize, dxs: i32): void {
  gradients(ENTROPY, n, x, xs, x, xs, k, dy, dx, dxs, 0);
}

export function f32_cross_entropy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
  smoothing: f32,
): void {
  const keep = f32x4.splat(1 - smoothing);
  const low = f32x4.splat(smoothing / <f32>k);
  for (let i = 0; i < n; i++) {
    const sum = f32x4.splat(rowSum(x, k));
    let total = f32x4.splat(0);
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const q = clip(f32x4.div(v128.load(x + at), sum), 1 - EPSILON);
      const target = f32x4.add(f32x4.mul(v128.load(t + at), keep), low);
      total = f32x4.sub(total, keepLanes(f32x4.mul(target, logf(q)), k - j));
    }
    store<f32>(loss, sumLanes(total));
    x += <usize>xs;
    t += <usize>ts;
    loss += 4;
  }
}

/**
 * With q = x / sum and g = -target / q where q was not clipped: dx = (g - sum g q) / sum. g is recomputed in the second
 * pass; there is no scratch to keep it.
 */
export function f32_cross_entropy_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
  smoothing: f32,
): void {
  const keep = f32x4.splat(1 - smoothing);
  const low = f32x4.splat(smoothing / <f32>k);
  for (let i = 0; i < n; i++) {
    const sum = f32x4.splat(rowSum(x, k));
    const factor = f32x4.div(v128.load32_splat(dy), sum);
    let total = f32x4.splat(0);
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const q = f32x4.div(v128.load(x + at), sum);
      const target = f32x4.add(f32x4.mul(v128.load(t + at), keep), low);
      const g = unclipped(f32x4.neg(f32x4.div(target, q)), q, 1 - EPSILON);
      total = f32x4.add(total, keepLanes(f32x4.mul(g, q), k - j));
    }
    const mean = f32x4.splat(sumLanes(total));
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const q = f32x4.div(v128.load(x + at), sum);
      const target = f32x4.add(f32x4.mul(v128.load(t + at), keep), low);
      const g = unclipped(f32x4.neg(f32x4.div(target, q)), q, 1 - EPSILON);
      storeLanes(dx + at, f32x4.mul(f32x4.sub(g, mean), factor), k - j);
    }
    zeroPadding(dx, k);
    x += <usize>xs;
    t += <usize>ts;
    dx += <usize>dxs;
    dy += 4;
  }
}

/** smoothing / k in each lane, plus 1 - smoothing in the lane of class `label`, where this vector begins at class j. */
@inline function oneHot(label: i32, j: i32, smoothing: f32, k: i32): v128 {
  const here = i32x4.eq(i32x4.splat(label - j), i32x4(0, 1, 2, 3));
  return f32x4.add(v128.and(here, f32x4.splat(1 - smoothing)), f32x4.splat(smoothing / <f32>k));
}

function clippedSum(x: usize, k: i32): f32 {
  let sum = f32x4.splat(0);
  for (let j = 0; j < k; j += 4)
    sum = f32x4.add(sum, keepLanes(clip(v128.load(x + (<usize>j << 2)), 1 - EPSILON), k - j));
  return sumLanes(sum);
}

export function f32_sparse_cross_entropy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  loss: usize,
  smoothing: f32,
): void {
  for (let i = 0; i < n; i++) {
    const label = load<i32>(t);
    const scale = logf(f32x4.splat(clippedSum(x, k)));
    let total = f32x4.splat(0);
    for (let j = 0; j < k; j += 4) {
      const q = clip(v128.load(x + (<usize>j << 2)), 1 - EPSILON);
      const cost = f32x4.mul(oneHot(label, j, smoothing, k), f32x4.sub(scale, logf(q)));
      total = f32x4.add(total, keepLanes(cost, k - j));
    }
    store<f32>(loss, <u32>label < <u32>k ? sumLanes(total) : <f32>NaN);
    x += <usize>xs;
    t += <usize>ts;
    loss += 4;
  }
}

/** dx = 1 / sum - target / x where x was not clipped. */
export function f32_sparse_cross_entropy_gradient(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  dy: usize,
  dx: usize,
  dxs: i32,
  smoothing: f32,
): void {
  for (let i = 0; i < n; i++) {
    const label = load<i32>(t);
    const factor = v128.load32_splat(dy);
    const base = f32x4.splat(1 / clippedSum(x, k));
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const v = v128.load(x + at);
      const d = f32x4.sub(base, f32x4.div(oneHot(label, j, smoothing, k), v));
      storeLanes(dx + at, f32x4.mul(unclipped(d, v, 1 - EPSILON), factor), k - j);
    }
    zeroPadding(dx, k);
    x += <usize>xs;
    t += <usize>ts;
    dx += <usize>dxs;
    dy += 4;
  }
}
