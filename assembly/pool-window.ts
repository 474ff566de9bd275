// The 2x2 pool window of the fused convolutions. The four pixels of a window are four accumulators,
//
//   c00 c01
//   c10 c11
//
// so that bias, ReLU, maximum and the place of the maximum cost a few operations on registers and no pass over memory.

import { highFloats, lowFloats, storeTransposed } from "./simd";

/** relu(max + bias): rounding keeps order, so the bias is added once, after the maximum. */
@inline export function pooled(c00: v128, c01: v128, c10: v128, c11: v128, bias: v128): v128 {
  const largest = f32x4.pmax(f32x4.pmax(c00, c01), f32x4.pmax(c10, c11));
  return f32x4.pmax(f32x4.add(largest, bias), f32x4.splat(0));
}

/**
 * Byte offset, from the start of the image, of the patch whose pixel won: `origin` is c00's, `row` and `pixel` lead to
 * its neighbours. The first of equals wins. It is -1 (all bits) where ReLU let nothing through, so that backward can
 * skip by a sign test. The running binary is compiled without (WINNERS), since nothing reads it there.
 */
@inline export function winner(
  c00: v128, c01: v128, c10: v128, c11: v128, pooled: v128, row: v128, pixel: v128, origin: v128,
): v128 {
  const lower = f32x4.gt(f32x4.pmax(c10, c11), f32x4.pmax(c00, c01));
  const right = v128.bitselect(f32x4.gt(c11, c10), f32x4.gt(c01, c00), lower);
  const offset = i32x4.add(i32x4.add(v128.and(lower, row), v128.and(right, pixel)), origin);
  return v128.or(offset, f32x4.le(pooled, f32x4.splat(0)));
}

/**
 * Stores four windows of one row, [channel][window], as NHWC:
 *
 *   t: c0w0 c0w1 c0w2 c0w3 | c1w0 ...      y: c0w0 c1w0 c2w0 ... | c0w1 c1w1 ... | ...
 */
@inline export function storeWindows(t: usize, channels: i32, y: usize): void {
  const w1 = <usize>channels << 2;
  const w2 = w1 + w1;
  const w3 = w2 + w1;
  for (let left = channels; left >= 4; left -= 4) {
    const a = v128.load(t), b = v128.load(t, 16), c = v128.load(t, 32), d = v128.load(t, 48);
    storeTransposed(y, y + w1, y + w2, y + w3, a, b, c, d);
    t += 64;
    y += 16;
  }
  if (channels & 2) {
    const a = v128.load(t), b = v128.load(t, 16);
    // a0 b0 a1 b1 | a2 b2 a3 b3: two channels of windows 0 1 | 2 3
    const ab01 = lowFloats(a, b), ab23 = highFloats(a, b);
    v128.store64_lane(y, ab01, 0);
    v128.store64_lane(y + w1, ab01, 1);
    v128.store64_lane(y + w2, ab23, 0);
    v128.store64_lane(y + w3, ab23, 1);
    t += 32;
    y += 8;
  }
  if (channels & 1) {
    const a = v128.load(t);
    v128.store32_lane(y, a, 0);
    v128.store32_lane(y + w1, a, 1);
    v128.store32_lane(y + w2, a, 2);
    v128.store32_lane(y + w3, a, 3);
  }
}

/**
 * Copies a plane of h rows of w floats with its columns split by parity, so that the even (odd) columns of neighbouring
 * windows are contiguous:
 *
 *   e0 e2 e4 ... (`half` floats) | e1 e3 e5 ... (`half` floats) | next row
 *
 * Floats past the last column are not written.
 */
export function splitColumns(x: usize, h: i32, w: i32, half: i32, y: usize): void {
  const odd = <usize>half << 2;
  for (; h > 0; h--) {
    let e = y;
    let left = w;
    for (; left >= 8; left -= 8) {
      const a = v128.load(x), b = v128.load(x, 16);
      // a0 a1 a2 a3 | b0 b1 b2 b3 -> a0 a2 b0 b2, and a1 a3 b1 b3
      v128.store(e, v128.shuffle<f32>(a, b, 0, 2, 4, 6));
      v128.store(e + odd, v128.shuffle<f32>(a, b, 1, 3, 5, 7));
      x += 32;
      e += 16;
    }
    if (left >= 4) {
      const a = v128.load(x);
      // a0 a1 a2 a3 -> a0 a2 | a1 a3
      const split = v128.shuffle<f32>(a, a, 0, 2, 1, 3);
      v128.store64_lane(e, split, 0);
      v128.store64_lane(e + odd, split, 1);
      x += 16;
      e += 8;
      left -= 4;
    }
    for (; left >= 2; left -= 2) {
      store<f32>(e, load<f32>(x));
      store<f32>(e + odd, load<f32>(x, 4));
      x += 8;
      e += 4;
    }
    if (left) {
      store<f32>(e, load<f32>(x));
      x += 4;
    }
    y += odd << 1;
  }
}

/** Floats in each half of a split row of w: whole vectors, enough for any four windows and any kernel that fits. */
@inline export function splitHalf(w: i32): i32 {
  return (((w + 1) >> 1) + 3) & ~3;
}
