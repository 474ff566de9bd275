// Sums in one fixed order, and metrics of each image.

import { keepLanes, rangeOf } from "./row";
import { high, low, storeLanes, sumPairs } from "./simd";

export function f32_column_sums(n: i32, x: usize, xs: i32, y: usize, repeat: i32, k: i32): void {
  // four columns at a time: their sums stay in a register through all images
  for (let j = 0; j < k; j += 4) {
    const column = <usize>j << 2;
    let sum = v128.load(y + column);
    let image = x + column;
    for (let i = 0; i < n; i++) {
      let row = image;
      for (let r = 0; r < repeat; r++) {
        sum = f32x4.add(sum, v128.load(row));
        row += <usize>k << 2;
      }
      image += <usize>xs;
    }
    storeLanes(y + column, sum, k - j);
  }
}

/** sum of x^2 or |x| over n floats: f64 lanes 0 1 | 2 3, then (0 + 2) + (1 + 3). */
@inline function total(squares: bool, n: i32, x: usize): f64 {
  let sumA = f64x2.splat(0);
  let sumB = f64x2.splat(0);
  for (let i = 0; i < n; i += 4) {
    const v = keepLanes(v128.load(x + (<usize>i << 2)), n - i);
    const a = low(v);
    const b = high(v);
    sumA = f64x2.add(sumA, squares ? f64x2.mul(a, a) : f64x2.abs(a));
    sumB = f64x2.add(sumB, squares ? f64x2.mul(b, b) : f64x2.abs(b));
  }
  return sumPairs(sumA, sumB);
}

export function f32_sum_of_squares(n: i32, x: usize, y: usize): void {
  store<f64>(y, total(true, n, x));
}
export function f32_sum_of_magnitudes(n: i32, x: usize, y: usize): void {
  store<f64>(y, total(false, n, x));
}

export function f32_clip_factor(parts: i32, x: usize, y: usize, limit: f32): void {
  let sum: f64 = 0;
  for (let i = 0; i < parts; i++) sum += load<f64>(x + (<usize>i << 3));
  store<f32>(y, <f32>(<f64>limit / max(sqrt(sum), <f64>limit)));
}

export function f32_penalty(n: i32, x: usize, y: usize, l1: f32, l2: f32): void {
  let sum: f64 = 0;
  if (l1 != 0) sum += <f64>l1 * total(false, n, x);
  if (l2 != 0) sum += <f64>l2 * total(true, n, x);
  store<f32>(y, <f32>(<f64>load<f32>(y) + sum));
}

export function f32_penalty_gradient(n: i32, x: usize, dy: usize, dx: usize, l1: f32, l2: f32): void {
  const zero = f32x4.splat(0);
  const factor = v128.load32_splat(dy);
  const flat = f32x4.splat(l1);
  const slope = f32x4.splat(2 * l2);
  for (let i = 0; i < n; i += 4) {
    const v = v128.load(x);
    const sign = f32x4.sub(v128.and(f32x4.gt(v, zero), flat), v128.and(f32x4.lt(v, zero), flat));
    v128.store(dx, f32x4.mul(f32x4.add(sign, f32x4.mul(v, slope)), factor));
    x += 16;
    dx += 16;
  }
}

export function f32_range(n: i32, x: usize, xs: i32, length: i32, y: usize): void {
  rangeOf(n, x, <usize>xs, length, v128.load32_splat(y), v128.load32_splat(y, 4), y);
}

/** The first index of the largest of k floats. */
function argmax(x: usize, k: i32): i32 {
  let best = 0;
  let top = load<f32>(x);
  for (let j = 1; j < k; j++) {
    const v = load<f32>(x + (<usize>j << 2));
    if (v > top) {
      top = v;
      best = j;
    }
  }
  return best;
}

export function f32_argmax(n: i32, x: usize, xs: i32, k: i32, y: usize): void {
  for (let i = 0; i < n; i++) {
    store<i32>(y, argmax(x, k));
    x += <usize>xs;
    y += 4;
  }
}

@inline function accuracy(sparse: bool, n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, y: usize): void {
  for (let i = 0; i < n; i++) {
    const target = sparse ? load<i32>(t) : argmax(t, k);
    store<f32>(y, <f32>i32(argmax(x, k) == target));
    x += <usize>xs;
    t += <usize>ts;
    y += 4;
  }
}

export function f32_sparse_accuracy(n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, y: usize): void {
  accuracy(true, n, x, xs, t, ts, k, y);
}
export function f32_accuracy(n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, y: usize): void {
  accuracy(false, n, x, xs, t, ts, k, y);
}

export function f32_binary_accuracy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  y: usize,
  threshold: f32,
): void {
  for (let i = 0; i < n; i++) {
    let right = 0;
    for (let j = 0; j < k; j++) {
      const at = <usize>j << 2;
      right += i32(load<f32>(x + at) > threshold == load<f32>(t + at) > 0.5);
    }
    store<f32>(y, <f32>right / <f32>k);
    x += <usize>xs;
    t += <usize>ts;
    y += 4;
  }
}

@inline function topK(sparse: bool, n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, y: usize, top: i32): void {
  for (let i = 0; i < n; i++) {
    const target = sparse ? load<i32>(t) : argmax(t, k);
    let hit: f32 = 0;
    if (<u32>target < <u32>k) {
      const own = load<f32>(x + (<usize>target << 2));
      let greater = 0;
      for (let j = 0; j < k; j++) greater += i32(load<f32>(x + (<usize>j << 2)) > own);
      // a NaN is never among the top
      if (own == own && greater < top) hit = 1;
    }
    store<f32>(y, hit);
    x += <usize>xs;
    t += <usize>ts;
    y += 4;
  }
}

export function f32_sparse_top_k(n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, y: usize, top: i32): void {
  topK(true, n, x, xs, t, ts, k, y, top);
}
export function f32_top_k(n: i32, x: usize, xs: i32, t: usize, ts: i32, k: i32, y: usize, top: i32): void {
  topK(false, n, x, xs, t, ts, k, y, top);
}
