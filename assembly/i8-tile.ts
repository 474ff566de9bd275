// The tile of i8_gemm and i8_conv2d: rows of activations times panels of 8 outputs, 4 rows and 8 accumulators at a
// time. i8_conv2d has another one for short rows.
//
// - Measured in V8: 4x2 vectors reach 29-30 MAC a cycle with the relaxed dot and 13-14 with i32x4.dot_i16x8_s; 2x6, 6x2
//   and 5x2 spill in the plain variant.
// - Loops are `do ... while`, here and in the other int8 kernels: a `for` loop jumps twice an iteration, which costs up
//   to 13 % (measured on 512^3 and LeNet-5).
// - One k-group per iteration: unrolled, the compiler sinks loads below dots and spills (half the speed in Node 20).
import { storeSome } from "./simd";
import { dot, narrowed, RELAXED, requantized, storeFirst, STORED } from "./stored";

// epilogues: the use of the accumulators
@inline export const INTEGERS: i32 = 0; // stored as i32
@inline export const QUANTIZED: i32 = 1; // requantized, stored as q + 128
@inline export const POOLED: i32 = 2; // the largest of the four rows, requantized: one result
@inline export const REALS: i32 = 3; // acc * first * scale + bias as f32, where first is the scale of the activations

/** Bytes before the k-groups of a panel: 8 biases, 8 scales. */
@inline export const HEAD: usize = 64;

/** Does the same as storeEight, with a call for the rest, since the tile has eight of them. */
@inline function storeWords(p: usize, a: v128, b: v128, n: i32): void {
  if (n >= 8) {
    v128.store(p, a);
    v128.store(p, b, 16);
  } else storeRest(p, a, b, n);
}
function storeRest(p: usize, a: v128, b: v128, n: i32): void {
  storeSome(p, a, b, n);
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
 * Computes a tile; `become`, an epilogue, and `scattered` are literals. Rows start at a0..a3; k-group g of a row is at
 * a + taps[g] where `scattered`, else at a + 4 g. `panel` is one panel of i8_gemm_pack; the results of row r are stored
 * at o_r, `rest` of them (8 or more: all). low, shift, high: see stored.ts. REALS: low is the scale of the activations,
 * shift their zero point + 128, `bias` 8 floats. Only scattered rows are POOLED, only others become INTEGERS.
 */
@inline function tile(
  become: i32, scattered: bool, a0: usize, a1: usize, a2: usize, a3: usize, taps: usize, k_groups: i32, panel: usize,
  o0: usize, o1: usize, o2: usize, o3: usize, rest: i32, low: v128, shift: v128, high: v128, bias: usize,
): void {
  let b = panel + HEAD;
  let c00 = v128.load(panel), c01 = v128.load(panel, 16);
  if (become == REALS) {
    c00 = i32x4.mul(c00, shift);
    c01 = i32x4.mul(c01, shift);
  }
  let c10 = c00, c11 = c01, c20 = c00, c21 = c01, c30 = c00, c31 = c01;
  let g = k_groups;
  if (g > 0) do {
    const w0 = v128.load(b), w1 = v128.load(b, 16);
    const tap = scattered ? load<usize>(taps) : 0;
    let a = v128.load32_splat(a0 + tap);
    c00 = dot(w0, a, c00);
    c01 = dot(w1, a, c01);
    a = v128.load32_splat(a1 + tap);
    c10 = dot(w0, a, c10);
    c11 = dot(w1, a, c11);
    a = v128.load32_splat(a2 + tap);
    c20 = dot(w0, a, c20);
    c21 = dot(w1, a, c21);
    a = v128.load32_splat(a3 + tap);
    c30 = dot(w0, a, c30);
    c31 = dot(w1, a, c31);
    if (scattered) taps += 4;
    else {
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
    }
    b += 32;
  } while (--g > 0);
  if (!scattered && become == INTEGERS) {
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
  if (scattered && become == POOLED) {
    c00 = i32x4.max_s(i32x4.max_s(c00, c10), i32x4.max_s(c20, c30));
    c01 = i32x4.max_s(i32x4.max_s(c01, c11), i32x4.max_s(c21, c31));
    storeFirst(o0, narrowed(requantized(c00, s0, low, shift), requantized(c01, s1, low, shift), high), rest);
    return;
  }
  c00 = narrowed(requantized(c00, s0, low, shift), requantized(c01, s1, low, shift), high);
  c10 = narrowed(requantized(c10, s0, low, shift), requantized(c11, s1, low, shift), high);
  c20 = narrowed(requantized(c20, s0, low, shift), requantized(c21, s1, low, shift), high);
  c30 = narrowed(requantized(c30, s0, low, shift), requantized(c31, s1, low, shift), high);
  storeRows(o0, o1, c00, c10, rest);
  storeRows(o2, o3, c20, c30, rest);
}

/**
 * Multiplies n rows by `cout` outputs. Where `listed`, a literal, tables hold the offsets of the rows in x (`pixels`)
 * and of their results in y (`results`), four of each for a tile (POOLED: one result); else rows are xs and ys bytes
 * apart, and a tail repeats the last row.
 */
@inline function multiplied(
  become: i32, scattered: bool, listed: bool, n: i32, x: usize, xs: usize, taps: usize, k_groups: i32, weight: usize,
  pixels: usize, results: usize, y: usize, ys: usize, cout: i32,
  low: v128, shift: v128, high: v128, bias: usize,
): void {
  const panel = HEAD + <usize>k_groups * 32;
  const width: usize = become == QUANTIZED || become == POOLED ? 8 * STORED : 32;
  // a panel stays in the first-level cache during the loop over all rows
  for (let rest = cout; rest > 0; rest -= 8) {
    let a0 = x, o0 = y, p = pixels, q = results;
    for (let left = n; left > 0; left -= 4) {
      let a1: usize, a2: usize, a3: usize, o1: usize, o2: usize, o3: usize;
      if (listed) {
        a0 = x + load<usize>(p);
        a1 = x + load<usize>(p, 4);
        a2 = x + load<usize>(p, 8);
        a3 = x + load<usize>(p, 12);
        p += 16;
        o0 = y + load<usize>(q);
        o1 = o0;
        o2 = o0;
        o3 = o0;
        if (scattered && become == POOLED) q += 4;
        else {
          o1 = y + load<usize>(q, 4);
          o2 = y + load<usize>(q, 8);
          o3 = y + load<usize>(q, 12);
          q += 16;
        }
      } else {
        a1 = left > 1 ? a0 + xs : a0;
        o1 = left > 1 ? o0 + ys : o0;
        a2 = left > 2 ? a1 + xs : a1;
        o2 = left > 2 ? o1 + ys : o1;
        a3 = left > 3 ? a2 + xs : a2;
        o3 = left > 3 ? o2 + ys : o2;
      }
      tile(become, scattered, a0, a1, a2, a3, taps, k_groups, weight, o0, o1, o2, o3, rest, low, shift, high, bias);
      if (!listed) {
        a0 = a3 + xs;
        o0 = o3 + ys;
      }
    }
    weight += panel;
    y += width;
    bias += 32;
  }
}

/**
 * Multiplies rows that are xs bytes apart. The epilogue is chosen once a tile, which costs 3 % where many rows are
 * short (measured on MobileNetV1).
 */
export function multiplyRows(
  become: i32, n: i32, x: usize, xs: usize, k_groups: i32, weight: usize, y: usize, ys: usize, cout: i32,
  low: v128, shift: v128, high: v128, bias: usize,
): void {
  multiplied(become, false, false, n, x, xs, 0, k_groups, weight, 0, 0, y, ys, cout, low, shift, high, bias);
}

/** Multiplies rows whose k-groups are at taps[g]. */
export function multiplyScattered(
  become: i32, n: i32, x: usize, taps: usize, k_groups: i32, weight: usize, pixels: usize, results: usize, y: usize,
  cout: i32,
  low: v128, shift: v128, high: v128, bias: usize,
): void {
  multiplied(become, true, true, n, x, 0, taps, k_groups, weight, pixels, results, y, 0, cout, low, shift, high, bias);
}

/**
 * Multiplies pixels whose k-groups are contiguous, as most of MobileNetV1's are. They have a body of their own, without
 * the choice of an epilogue.
 */
export function multiplyPixels(
  n: i32, x: usize, k_groups: i32, weight: usize, pixels: usize, results: usize, y: usize, cout: i32, low: v128,
  shift: v128, high: v128,
): void {
  multiplied(QUANTIZED, false, true, n, x, 0, 0, k_groups, weight, pixels, results, y, 0, cout, low, shift, high, 0);
}

/** Requantizes and stores sixteen results of a row. */
@inline function store16(
  o: usize, c0: v128, c1: v128, c2: v128, c3: v128, panel: usize, next: usize, low: v128, shift: v128, high: v128,
): void {
  const a = narrowed(
    requantized(c0, v128.load(panel, 32), low, shift), requantized(c1, v128.load(panel, 48), low, shift), high,
  );
  const b = narrowed(
    requantized(c2, v128.load(next, 32), low, shift), requantized(c3, v128.load(next, 48), low, shift), high,
  );
  if (RELAXED) v128.store(o, i8x16.narrow_i16x8_u(a, b));
  else {
    v128.store(o, a);
    v128.store(o, b, 16);
  }
}

/**
 * Multiplies two rows by two panels, QUANTIZED; `scattered` is a literal. There are fewer addresses for a result than
 * in `tile`, which is faster where rows are a few k-groups long.
 */
@inline export function wideTile(
  scattered: bool, a0: usize, a1: usize, taps: usize, k_groups: i32, panel: usize, o0: usize, o1: usize, low: v128,
  shift: v128, high: v128,
): void {
  const bytes = <usize>k_groups * 32, next = panel + HEAD + bytes;
  let b = panel + HEAD, d = next + HEAD;
  let c00 = v128.load(panel), c01 = v128.load(panel, 16), c02 = v128.load(next), c03 = v128.load(next, 16);
  let c10 = c00, c11 = c01, c12 = c02, c13 = c03;
  do {
    const tap = scattered ? load<usize>(taps) : 0;
    const s = v128.load32_splat(a0 + tap), t = v128.load32_splat(a1 + tap);
    let w = v128.load(b);
    c00 = dot(w, s, c00);
    c10 = dot(w, t, c10);
    w = v128.load(b, 16);
    c01 = dot(w, s, c01);
    c11 = dot(w, t, c11);
    w = v128.load(d);
    c02 = dot(w, s, c02);
    c12 = dot(w, t, c12);
    w = v128.load(d, 16);
    c03 = dot(w, s, c03);
    c13 = dot(w, t, c13);
    if (scattered) taps += 4;
    else {
      a0 += 4;
      a1 += 4;
    }
    b += 32;
    d += 32;
  } while (--k_groups > 0);
  store16(o0, c00, c01, c02, c03, panel, next, low, shift, high);
  store16(o1, c10, c11, c12, c13, panel, next, low, shift, high);
}
