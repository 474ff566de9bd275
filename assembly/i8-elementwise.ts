// int8 elementwise sums and products, and softmax, on stored activations.
import { highWords, lowWords } from "./simd";
import {
  highest, load8, loadOne, lowest, narrowed, requantized, shiftOf, storeFirst, STORED, storeOne,
} from "./stored";

/** XNNPACK's qs8-vadd: 20-bit multipliers and one rounding shift. */
export function i8_add(
  n: i32, a: usize, as: i32, a_row_stride: i32, b: usize, bs: i32, b_row_stride: i32, y: usize, ys: i32,
  y_row_stride: i32, rows: i32, length: i32,
  ma: i32, mb: i32, bias: i32, shift: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  // a multiplier is high * 256 + low: one dot product of a, b with either, 16 bits each
  const high8 = i32x4.splat(((ma >> 8) & 0xffff) | ((mb >> 8) << 16));
  const low8 = i32x4.splat((ma & 255) | ((mb & 255) << 16));
  const start = i32x4.splat(bias), add = i16x8.splat(<i16>(zero + 128));
  const low = i16x8.splat(<i16>(qmin + 128)), high = i16x8.splat(<i16>(qmax + 128));
  for (; n > 0; n--) {
    let ar = a, br = b, yr = y;
    for (let r = rows; r > 0; r--) {
      let p = ar, q = br, o = yr, rest = length;
      do {
        const u = load8(p), v = load8(q);
        // u0 v0 u1 v1 u2 v2 u3 v3, and u4 v4 u5 v5 u6 v6 u7 v7
        const uv = lowWords(u, v), wz = highWords(u, v);
        const s0 = i32x4.add(i32x4.shl(i32x4.dot_i16x8_s(uv, high8), 8), i32x4.add(i32x4.dot_i16x8_s(uv, low8), start));
        const s1 = i32x4.add(i32x4.shl(i32x4.dot_i16x8_s(wz, high8), 8), i32x4.add(i32x4.dot_i16x8_s(wz, low8), start));
        const s = i16x8.narrow_i32x4_s(i32x4.shr_s(s0, shift), i32x4.shr_s(s1, shift));
        storeFirst(o, i16x8.min_s(i16x8.max_s(i16x8.add_sat_s(s, add), low), high), rest);
        p += 8 * STORED;
        q += 8 * STORED;
        o += 8 * STORED;
        rest -= 8;
      } while (rest > 0);
      ar += <usize>a_row_stride;
      br += <usize>b_row_stride;
      yr += <usize>y_row_stride;
    }
    a += <usize>as;
    b += <usize>bs;
    y += <usize>ys;
  }
}

/** XNNPACK's qs8-vmul. */
export function i8_mul(
  n: i32, a: usize, as: i32, a_row_stride: i32, b: usize, bs: i32, b_row_stride: i32, y: usize, ys: i32,
  y_row_stride: i32, rows: i32, length: i32,
  za: i32, zb: i32, scale: f32, zero: i32, qmin: i32, qmax: i32,
): void {
  const va = i16x8.splat(<i16>(za + 128)), vb = i16x8.splat(<i16>(zb + 128)), s = f32x4.splat(scale);
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    let ar = a, br = b, yr = y;
    for (let r = rows; r > 0; r--) {
      let p = ar, q = br, o = yr;
      for (let rest = length; rest > 0; rest -= 8) {
        const u = i16x8.sub(load8(p), va), v = i16x8.sub(load8(q), vb);
        const s0 = requantized(i32x4.extmul_low_i16x8_s(u, v), s, low, shift);
        const s1 = requantized(i32x4.extmul_high_i16x8_s(u, v), s, low, shift);
        storeFirst(o, narrowed(s0, s1, high), rest);
        p += 8 * STORED;
        q += 8 * STORED;
        o += 8 * STORED;
      }
      ar += <usize>a_row_stride;
      br += <usize>b_row_stride;
      yr += <usize>y_row_stride;
    }
    a += <usize>as;
    b += <usize>bs;
    y += <usize>ys;
  }
}

/** The smaller or larger of two operands: stored values have the order of the values they represent. */
@inline function extreme(
  greatest: bool, n: i32, a: usize, as: i32, a_row_stride: i32, b: usize, bs: i32, b_row_stride: i32, y: usize,
  ys: i32, y_row_stride: i32, rows: i32, length: i32,
): void {
  for (; n > 0; n--) {
    let ar = a, br = b, yr = y;
    for (let r = rows; r > 0; r--) {
      let p = ar, q = br, o = yr;
      for (let rest = length; rest > 0; rest -= 8) {
        const u = load8(p), v = load8(q);
        storeFirst(o, greatest ? i16x8.max_s(u, v) : i16x8.min_s(u, v), rest);
        p += 8 * STORED;
        q += 8 * STORED;
        o += 8 * STORED;
      }
      ar += <usize>a_row_stride;
      br += <usize>b_row_stride;
      yr += <usize>y_row_stride;
    }
    a += <usize>as;
    b += <usize>bs;
    y += <usize>ys;
  }
}

export function i8_min(
  n: i32, a: usize, as: i32, a_row_stride: i32, b: usize, bs: i32, b_row_stride: i32, y: usize, ys: i32,
  y_row_stride: i32, rows: i32, length: i32,
): void {
  extreme(false, n, a, as, a_row_stride, b, bs, b_row_stride, y, ys, y_row_stride, rows, length);
}

export function i8_max(
  n: i32, a: usize, as: i32, a_row_stride: i32, b: usize, bs: i32, b_row_stride: i32, y: usize, ys: i32,
  y_row_stride: i32, rows: i32, length: i32,
): void {
  extreme(true, n, a, as, a_row_stride, b, bs, b_row_stride, y, ys, y_row_stride, rows, length);
}

/**
 * TFLite's: `table[d]` is exp(-d * scale of x) in f32, summed in order; quantized as round(e * f32(1 / (sum * scale of
 * y))) + zero.
 */
export function i8_softmax(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, repeat: i32, k: i32, table: usize, scale: f32, zero: i32,
): void {
  const row = <usize>k * STORED;
  for (; n > 0; n--) {
    let p = x, o = y;
    for (let r = repeat; r > 0; r--) {
      let most = 0;
      for (let i: usize = 0; i < row; i += STORED) most = max(most, loadOne(p + i));
      let sum: f32 = 0;
      for (let i: usize = 0; i < row; i += STORED) sum += load<f32>(table + (<usize>(most - loadOne(p + i)) << 2));
      const steps: f32 = 1 / (sum * scale);
      for (let i: usize = 0; i < row; i += STORED) {
        const e = load<f32>(table + (<usize>(most - loadOne(p + i)) << 2)) * steps;
        storeOne(o + i, max(0, min(255, <i32>(<f64>e + 0.5) + zero + 128)));
      }
      p += row;
      o += row;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
