// Rows of k floats that need not fill whole vectors. The last vector of a row holds left = 1..4 floats, its other lanes
// are masked:
//
//   | v0 v1 v2 v3 | v4 v5 v6 v7 | v8 v9  .  . |     k = 10, left = 2
//
// Sums: lane i adds elements i, i + 4, i + 8 ..., then the lanes are added as sumLanes does.

import { firstLanes, maxLanes, storeLanes, sumLanes } from "./simd";

/** v with zeros in the lanes from `left` on. */
@inline export function keepLanes(v: v128, left: i32): v128 {
  return left < 4 ? v128.and(v, firstLanes(left)) : v;
}

/** Zeros after `size` floats at y, up to the next multiple of 8: the padding of an image stored flat. */
@inline export function zeroPadding(y: usize, size: i32): void {
  for (let i = size; i & 7; i++) store<f32>(y + (<usize>i << 2), 0);
}

/** The largest of k floats. */
export function rowMax(x: usize, k: i32): f32 {
  let top = f32x4.splat(-Infinity);
  for (let i = 0; i < k; i += 4) {
    const v = v128.load(x + (<usize>i << 2));
    top = f32x4.max(top, k - i < 4 ? v128.bitselect(v, f32x4.splat(-Infinity), firstLanes(k - i)) : v);
  }
  return maxLanes(top);
}

/** Sum of k floats. */
export function rowSum(x: usize, k: i32): f32 {
  let sum = f32x4.splat(0);
  for (let i = 0; i < k; i += 4) sum = f32x4.add(sum, keepLanes(v128.load(x + (<usize>i << 2)), k - i));
  return sumLanes(sum);
}

/** y = x * by. */
export function rowScale(x: usize, y: usize, k: i32, by: f32): void {
  const factor = f32x4.splat(by);
  for (let i = 0; i < k; i += 4) {
    const at = <usize>i << 2;
    storeLanes(y + at, f32x4.mul(v128.load(x + at), factor), k - i);
  }
}

/**
 * y = the least and the largest of two numbers and of n rows of k floats, xs bytes apart. A NaN in x changes nothing.
 */
@inline export function rangeOf(n: i32, x: usize, xs: usize, k: i32, least: v128, largest: v128, y: usize): void {
  // pmin(a, v) is v < a ? v : a
  for (; n > 0; n--) {
    let p = x, left = k;
    for (; left >= 4; left -= 4) {
      const v = v128.load(p);
      least = f32x4.pmin(least, v);
      largest = f32x4.pmax(largest, v);
      p += 16;
    }
    for (; left > 0; left--) {
      const v = v128.load32_splat(p);
      least = f32x4.pmin(least, v);
      largest = f32x4.pmax(largest, v);
      p += 4;
    }
    x += xs;
  }
  // lanes 0 1 2 3 against 2 3 0 1, then against 1 0 3 2: every lane holds the result
  least = f32x4.pmin(least, v128.shuffle<f32>(least, least, 2, 3, 0, 1));
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
  least = f32x4.pmin(least, v128.shuffle<f32>(least, least, 1, 0, 3, 2));
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 1, 0, 3, 2));
  store<f32>(y, f32x4.extract_lane(least, 0));
  store<f32>(y, f32x4.extract_lane(largest, 0), 4);
}
