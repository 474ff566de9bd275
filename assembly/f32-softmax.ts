// Softmax over rows of k floats and the cross-entropies built on it.

import { expf, logf } from "./math";
import { keepLanes, rowMax, rowScale, rowSum, zeroPadding } from "./row";
import { storeLanes, sumLanes } from "./simd";

@inline function logScalar(x: f32): f32 {
  return f32x4.extract_lane(logf(f32x4.splat(x)), 0);
}

/** y = exp(x - top); returns the sum of y. */
function rowExp(x: usize, y: usize, k: i32, top: f32): f32 {
  const shift = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    const e = keepLanes(expf(f32x4.sub(v128.load(x + at), shift)), k - i);
    sum = f32x4.add(sum, e);
    storeLanes(y + at, e, k - i);
  }
  return sumLanes(sum);
}

/** sum exp(x - top). */
function rowExpSum(x: usize, k: i32, top: f32): f32 {
  const shift = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (let i = 0; i < k; i += 4)
    sum = f32x4.add(sum, keepLanes(expf(f32x4.sub(v128.load(x + (<usize>i << 2)), shift)), k - i));
  return sumLanes(sum);
}

/** sum a b. */
function rowDot(a: usize, b: usize, k: i32): f32 {
  let sum = f32x4.splat(0);
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    sum = f32x4.add(sum, keepLanes(f32x4.mul(v128.load(a + at), v128.load(b + at)), k - i));
  }
  return sumLanes(sum);
}

export function f32_softmax(n: i32, x: usize, xs: i32, y: usize, ys: i32, repeat: i32, k: i32): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const at = <usize>(r * k) << 2;
      const sum = rowExp(x + at, y + at, k, rowMax(x + at, k));
      rowScale(y + at, y + at, k, 1 / sum);
    }
    zeroPadding(y, repeat * k);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function f32_softmax_gradient(
  n: i32,
  dy: usize,
  dys: i32,
  y: usize,
  ys: i32,
  dx: usize,
  dxs: i32,
  repeat: i32,
  k: i32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = <usize>(r * k) << 2;
      const dot = f32x4.splat(rowDot(dy + row, y + row, k));
      for (let j = 0; j < k; j += 4) {
        const at = row + (<usize>j << 2);
        storeLanes(dx + at, f32x4.mul(v128.load(y + at), f32x4.sub(v128.load(dy + at), dot)), k - j);
      }
    }
    zeroPadding(dx, repeat * k);
    dy += <usize>dys;
    y += <usize>ys;
    dx += <usize>dxs;
  }
}

export function f32_log_softmax(n: i32, x: usize, xs: i32, y: usize, ys: i32, repeat: i32, k: i32): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = <usize>(r * k) << 2;
      const top = rowMax(x + row, k);
      const shift = f32x4.splat(top);
      const scale = f32x4.splat(logScalar(rowExpSum(x + row, k, top)));
      for (let j = 0; j < k; j += 4) {
        const at = row + (<usize>j << 2);
        storeLanes(y + at, f32x4.sub(f32x4.sub(v128.load(x + at), shift), scale), k - j);
      }
    }
    zeroPadding(y, repeat * k);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function f32_log_softmax_gradient(
  n: i32,
  dy: usize,
  dys: i32,
  y: usize,
  ys: i32,
  dx: usize,
  dxs: i32,
  repeat: i32,
  k: i32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = <usize>(r * k) << 2;
      const sum = f32x4.splat(rowSum(dy + row, k));
      for (let j = 0; j < k; j += 4) {
        const at = row + (<usize>j << 2);
        storeLanes(dx + at, f32x4.sub(v128.load(dy + at), f32x4.mul(expf(v128.load(y + at)), sum)), k - j);
      }
    }
    zeroPadding(dx, repeat * k);
    dy += <usize>dys;
    y += <usize>ys;
    dx += <usize>dxs;
  }
}

export function f32_sparse_softmax_cross_entropy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  smoothing: f32,
  loss: usize,
  p: usize,
  ps: i32,
): void {
  for (let i = 0; i < n; i++) {
    const label = load<i32>(t);
    const top = rowMax(x, k);
    let value: f32 = NaN;
    if (<u32>label < <u32>k) {
      value = (top - load<f32>(x + (<usize>label << 2))) * (1 - smoothing);
      if (smoothing != 0) value += smoothing * (top - rowSum(x, k) / <f32>k);
    }
    const sum = rowExp(x, p, k, top);
    rowScale(p, p, k, 1 / sum);
    zeroPadding(p, k);
    store<f32>(loss, value + logScalar(sum));
    x += <usize>xs;
    t += <usize>ts;
    p += <usize>ps;
    loss += 4;
  }
}

export function f32_sparse_softmax_cross_entropy_gradient(
  n: i32,
  p: usize,
  ps: i32,
  t: usize,
  ts: i32,
  k: i32,
  smoothing: f32,
  dy: usize,
  dx: usize,
  dxs: i32,
): void {
  const everywhere = smoothing / <f32>k;
  const low = f32x4.splat(everywhere);
  for (let i = 0; i < n; i++) {
    const label = load<i32>(t);
    const known = <u32>label < <u32>k;
    const by = load<f32>(dy);
    const factor = f32x4.splat(by);
    // read before the row is written: dx may be p
    const hit: f32 = known ? load<f32>(p + (<usize>label << 2)) : 0;
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      storeLanes(dx + at, f32x4.mul(f32x4.sub(v128.load(p + at), low), factor), k - j);
    }
    if (known) store<f32>(dx + (<usize>label << 2), (hit - everywhere - (1 - smoothing)) * by);
    zeroPadding(dx, k);
    p += <usize>ps;
    t += <usize>ts;
    dx += <usize>dxs;
    dy += 4;
  }
}

/** t (1 - smoothing) + smoothing / k. */
@inline export function smoothed(t: v128, keep: v128, low: v128): v128 {
  return f32x4.add(f32x4.mul(t, keep), low);
}

export function f32_softmax_cross_entropy(
  n: i32,
  x: usize,
  xs: i32,
  t: usize,
  ts: i32,
  k: i32,
  smoothing: f32,
  loss: usize,
  p: usize,
  ps: i32,
): void {
  const keep = f32x4.splat(1 - smoothing);
  const low = f32x4.splat(smoothing / <f32>k);
  for (let i = 0; i < n; i++) {
    const top = rowMax(x, k);
    const sum = rowExpSum(x, k, top);
    const shift = f32x4.splat(top);
    const scale = f32x4.splat(logScalar(sum));
    let total = f32x4.splat(0);
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const cost = f32x4.add(f32x4.sub(shift, v128.load(x + at)), scale);
      total = f32x4.add(total, keepLanes(f32x4.mul(smoothed(v128.load(t + at), keep, low), cost), k - j));
    }
    store<f32>(loss, sumLanes(total));
    rowExp(x, p, k, top);
    rowScale(p, p, k, 1 / sum);
    zeroPadding(p, k);
    x += <usize>xs;
    t += <usize>ts;
    p += <usize>ps;
    loss += 4;
  }
}

export function f32_softmax_cross_entropy_gradient(
  n: i32,
  p: usize,
  ps: i32,
  t: usize,
  ts: i32,
  k: i32,
  smoothing: f32,
  dy: usize,
  dx: usize,
  dxs: i32,
): void {
  const keep = f32x4.splat(1 - smoothing);
  const low = f32x4.splat(smoothing / <f32>k);
  for (let i = 0; i < n; i++) {
    const factor = v128.load32_splat(dy);
    let total = f32x4.splat(0);
    for (let j = 0; j < k; j += 4)
      total = f32x4.add(total, keepLanes(smoothed(v128.load(t + (<usize>j << 2)), keep, low), k - j));
    const mass = f32x4.splat(sumLanes(total));
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const target = smoothed(v128.load(t + at), keep, low);
      const d = f32x4.sub(f32x4.mul(v128.load(p + at), mass), target);
      storeLanes(dx + at, f32x4.mul(d, factor), k - j);
    }
    zeroPadding(dx, k);
    p += <usize>ps;
    t += <usize>ts;
    dx += <usize>dxs;
    dy += 4;
  }
}
