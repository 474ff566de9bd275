// The tile that i8_gemm and i8_conv2d share: 4 rows of activations times a panel of 8 outputs, 8 accumulators. i8_conv2d has two more, for few pixels and short rows.
// Measured in V8: 4x2 vectors reach 29-30 MAC a cycle with the relaxed dot and 13-14 with i32x4.dot_i16x8_s; 2x6, 6x2 and 5x2 spill in the plain variant.
// `do ... while`, here and in the other int8 loops: a `for` loop jumps twice a turn, which costs up to 13 % (measured on 512^3 and LeNet-5).
// One k-group per iteration: unrolled, the compiler sinks loads below dots and spills (half the speed in Node 20).
import { dot, narrowed, RELAXED, requantized, store8, storeFirst, STORED } from "./stored";

// what becomes of the accumulators
@inline export const INTEGERS: i32 = 0; // stored as i32
@inline export const QUANTIZED: i32 = 1; // requantized, stored as q + 128
@inline export const POOLED: i32 = 2; // the largest of the four rows, requantized: o0 is the one result
@inline export const REALS: i32 = 3; // acc * first * scale + bias as f32, where first is the scale of the activations

/** Bytes before the k-groups of a panel: 8 biases, 8 scales. */
@inline export const HEAD: usize = 64;

/** Stores the first n of eight 32-bit lanes. */
@inline function storeWords(p: usize, a: v128, b: v128, n: i32): void {
  if (n >= 8) {
    v128.store(p, a);
    v128.store(p, b, 16);
  } else storeSomeWords(p, a, b, n);
}
function storeSomeWords(p: usize, a: v128, b: v128, n: i32): void {
  if (n & 4) {
    v128.store(p, a);
    a = b;
    p += 16;
  }
  if (n & 2) {
    v128.store64_lane(p, a, 0);
    a = v128.shuffle<i32>(a, a, 2, 3, 2, 3);
    p += 8;
  }
  if (n & 1) v128.store32_lane(p, a, 0);
}

/** Stores 8 stored values of each of two rows, or the first n of them. */
@inline function storeRows(p: usize, q: usize, a: v128, b: v128, n: i32): void {
  if (n >= 8) {
    if (RELAXED) {
      const bytes = i8x16.narrow_i16x8_u(a, b);
      v128.store64_lane(p, bytes, 0);
      v128.store64_lane(q, bytes, 1);
    } else {
      v128.store(p, a);
      v128.store(q, b);
    }
  } else {
    storeFirst(p, a, n);
    storeFirst(q, b, n);
  }
}

@inline function real(acc: v128, first: v128, scale: v128, bias: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(acc), first), scale), bias);
}

/**
 * `become`, `scattered` and `rows`, 3 or 4, are literals. Rows start at a0..a3; k-group g of a row is at a + taps[g] where `scattered`, else at a + 4 g.
 * `panel` is one panel of i8_gemm_pack; the results of row r go to o_r, `rest` of them (8 or more: all).
 * low, shift, high: see stored.ts. REALS: low is the scale of the activations, shift their zero point + 128, `bias` 8 floats.
 */
@inline export function tile(
  become: i32, scattered: bool, rows: i32, a0: usize, a1: usize, a2: usize, a3: usize, taps: usize, groups: i32, panel: usize,
  o0: usize, o1: usize, o2: usize, o3: usize, rest: i32, low: v128, shift: v128, high: v128, bias: usize,
): void {
  let b = panel + HEAD;
  let c00: v128, c01: v128;
  if (become == POOLED) {
    // all rows have the same bias: it is added after the maximum
    c00 = i32x4.splat(0);
    c01 = c00;
  } else {
    c00 = v128.load(panel);
    c01 = v128.load(panel, 16);
    if (become == REALS) {
      c00 = i32x4.mul(c00, shift);
      c01 = i32x4.mul(c01, shift);
    }
  }
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
  let g = groups;
  if (g > 0) do {
    const w0 = v128.load(b), w1 = v128.load(b, 16);
    if (scattered) {
      const tap = load<usize>(taps);
      let a = v128.load32_splat(a0 + tap);
      c00 = dot(w0, a, c00);
      c01 = dot(w1, a, c01);
      a = v128.load32_splat(a1 + tap);
      c10 = dot(w0, a, c10);
      c11 = dot(w1, a, c11);
      a = v128.load32_splat(a2 + tap);
      c20 = dot(w0, a, c20);
      c21 = dot(w1, a, c21);
      if (rows > 3) {
        a = v128.load32_splat(a3 + tap);
        c30 = dot(w0, a, c30);
        c31 = dot(w1, a, c31);
      }
      taps += 4;
    } else {
      let a = v128.load32_splat(a0);
      c00 = dot(w0, a, c00);
      c01 = dot(w1, a, c01);
      a = v128.load32_splat(a1);
      c10 = dot(w0, a, c10);
      c11 = dot(w1, a, c11);
      a = v128.load32_splat(a2);
      c20 = dot(w0, a, c20);
      c21 = dot(w1, a, c21);
      if (rows > 3) {
        a = v128.load32_splat(a3);
        c30 = dot(w0, a, c30);
        c31 = dot(w1, a, c31);
        a3 += 4;
      }
      a0 += 4;
      a1 += 4;
      a2 += 4;
    }
    b += 32;
  } while (--g > 0);
  if (become == INTEGERS) {
    storeWords(o0, c00, c01, rest);
    storeWords(o1, c10, c11, rest);
    storeWords(o2, c20, c21, rest);
    storeWords(o3, c30, c31, rest);
    return;
  }
  const s0 = v128.load(panel, 32), s1 = v128.load(panel, 48);
  if (become == REALS) {
    const b0 = v128.load(bias), b1 = v128.load(bias, 16);
    storeWords(o0, real(c00, low, s0, b0), real(c01, low, s1, b1), rest);
    storeWords(o1, real(c10, low, s0, b0), real(c11, low, s1, b1), rest);
    storeWords(o2, real(c20, low, s0, b0), real(c21, low, s1, b1), rest);
    storeWords(o3, real(c30, low, s0, b0), real(c31, low, s1, b1), rest);
    return;
  }
  if (become == POOLED) {
    c00 = i32x4.max_s(i32x4.max_s(c00, c10), i32x4.max_s(c20, c30));
    c01 = i32x4.max_s(i32x4.max_s(c01, c11), i32x4.max_s(c21, c31));
    c00 = requantized(i32x4.add(c00, v128.load(panel)), s0, low, shift);
    c01 = requantized(i32x4.add(c01, v128.load(panel, 16)), s1, low, shift);
    const q = narrowed(c00, c01, high);
    if (rest >= 8) store8(o0, q);
    else storeFirst(o0, q, rest);
    return;
  }
  c00 = narrowed(requantized(c00, s0, low, shift), requantized(c01, s1, low, shift), high);
  c10 = narrowed(requantized(c10, s0, low, shift), requantized(c11, s1, low, shift), high);
  c20 = narrowed(requantized(c20, s0, low, shift), requantized(c21, s1, low, shift), high);
  storeRows(o0, o1, c00, c10, rest);
  if (rows > 3) {
    c30 = narrowed(requantized(c30, s0, low, shift), requantized(c31, s1, low, shift), high);
    storeRows(o2, o3, c20, c30, rest);
  } else storeFirst(o2, c20, rest);
}

/** Sixteen results of a row, stored. */
@inline function store16(o: usize, c0: v128, c1: v128, c2: v128, c3: v128, panel: usize, next: usize, low: v128, shift: v128, high: v128): void {
  const a = narrowed(requantized(c0, v128.load(panel, 32), low, shift), requantized(c1, v128.load(panel, 48), low, shift), high);
  const b = narrowed(requantized(c2, v128.load(next, 32), low, shift), requantized(c3, v128.load(next, 48), low, shift), high);
  if (RELAXED) v128.store(o, i8x16.narrow_i16x8_u(a, b));
  else {
    v128.store(o, a);
    v128.store(o, b, 16);
  }
}

/**
 * Two or three (`rows`, like `scattered` a literal) rows times two panels, QUANTIZED: fewer addresses for a result than `tile` has, which pays where rows are
 * a few k-groups long; and more sums at a time, which the relaxed dot product needs, taking longer than the plain one's addition.
 */
@inline export function wideTile(
  scattered: bool, rows: i32, a0: usize, a1: usize, a2: usize, taps: usize, groups: i32, panel: usize, o0: usize, o1: usize, o2: usize, low: v128, shift: v128, high: v128,
): void {
  const bytes = <usize>groups * 32, next = panel + HEAD + bytes;
  let b = panel + HEAD, d = next + HEAD;
  let c00 = v128.load(panel), c01 = v128.load(panel, 16), c02 = v128.load(next), c03 = v128.load(next, 16);
  let c10 = c00, c11 = c01, c12 = c02, c13 = c03, c20 = c00, c21 = c01, c22 = c02, c23 = c03;
  do {
    const tap = scattered ? load<usize>(taps) : 0;
    const s = v128.load32_splat(a0 + tap), t = v128.load32_splat(a1 + tap);
    let u = t;
    if (rows > 2) u = v128.load32_splat(a2 + tap);
    let w = v128.load(b);
    c00 = dot(w, s, c00);
    c10 = dot(w, t, c10);
    if (rows > 2) c20 = dot(w, u, c20);
    w = v128.load(b, 16);
    c01 = dot(w, s, c01);
    c11 = dot(w, t, c11);
    if (rows > 2) c21 = dot(w, u, c21);
    w = v128.load(d);
    c02 = dot(w, s, c02);
    c12 = dot(w, t, c12);
    if (rows > 2) c22 = dot(w, u, c22);
    w = v128.load(d, 16);
    c03 = dot(w, s, c03);
    c13 = dot(w, t, c13);
    if (rows > 2) c23 = dot(w, u, c23);
    if (scattered) taps += 4;
    else {
      a0 += 4;
      a1 += 4;
      if (rows > 2) a2 += 4;
    }
    b += 32;
    d += 32;
  } while (--groups > 0);
  store16(o0, c00, c01, c02, c03, panel, next, low, shift, high);
  store16(o1, c10, c11, c12, c13, panel, next, low, shift, high);
  if (rows > 2) store16(o2, c20, c21, c22, c23, panel, next, low, shift, high);
}
