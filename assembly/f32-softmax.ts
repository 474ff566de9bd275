// Softmax over rows of k floats and the losses built on it.
//
// A row is walked in vectors of four; the last one holds left = 1..4 floats, its other lanes are masked:
//
//   | v0 v1 v2 v3 | v4 v5 v6 v7 | v8 v9  .  . |     k = 10, left = 2

import { expf, logf } from "./math";
import { firstLanes, storeLanes, zeroPadding } from "./row";
import { maxLanes, sumLanes } from "./simd";

/** The largest of k floats. */
function rowMax(x: usize, k: i32): f32 {
  let top = f32x4.splat(-Infinity);
  for (let i = 0; i < k; i += 4) {
    const v = v128.load(x + (<usize>i << 2));
    top = f32x4.max(top, k - i < 4 ? v128.bitselect(v, f32x4.splat(-Infinity), firstLanes(k - i)) : v);
  }
  return maxLanes(top);
}

/** y = exp(x - top); gives their sum: lane i adds elements i, i + 4, ..., then the lanes are added. */
function rowExp(x: usize, y: usize, k: i32, top: f32): f32 {
  const shift = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    let e = expf(f32x4.sub(v128.load(x + at), shift));
    if (k - i < 4) e = v128.and(e, firstLanes(k - i));
    sum = f32x4.add(sum, e);
    storeLanes(y + at, e, k - i);
  }
  return sumLanes(sum);
}

/** y = x * by. */
function rowScale(x: usize, y: usize, k: i32, by: f32): void {
  const factor = f32x4.splat(by);
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    storeLanes(y + at, f32x4.mul(v128.load(x + at), factor), k - i);
  }
}

/** Sum of k floats, in the order of rowExp. */
function rowSum(x: usize, k: i32): f32 {
  let sum = f32x4.splat(0);
  for (let i = 0; i < k; i += 4) {
    const v = v128.load(x + (<usize>i << 2));
    sum = f32x4.add(sum, k - i < 4 ? v128.and(v, firstLanes(k - i)) : v);
  }
  return sumLanes(sum);
}

@inline function logScalar(x: f32): f32 {
  return f32x4.extract_lane(logf(f32x4.splat(x)), 0);
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
  up: usize,
  dx: usize,
  dxs: i32,
): void {
  const everywhere = f32x4.splat(smoothing / <f32>k);
  for (let i = 0; i < n; i++) {
    const label = load<i32>(t);
    const by = load<f32>(up);
    const factor = f32x4.splat(by);
    // read before the row is written: dx may be p
    const kept: f32 = <u32>label < <u32>k ? load<f32>(p + (<usize>label << 2)) : 0;
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      storeLanes(dx + at, f32x4.mul(f32x4.sub(v128.load(p + at), everywhere), factor), k - j);
    }
    if (<u32>label < <u32>k)
      store<f32>(dx + (<usize>label << 2), (kept - smoothing / <f32>k - (1 - smoothing)) * by);
    zeroPadding(dx, k);
    p += <usize>ps;
    t += <usize>ts;
    dx += <usize>dxs;
    up += 4;
  }
}
