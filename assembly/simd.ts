// Primitives of all kernels. Three constants are set on the compiler's command line:
//   FUSED = 1: multiply-add may be fused (the `fast` training binary). 0: multiply, then add, the same bits on every
//   engine.
//   WINNERS = 1: fused pools tell which pixel won, for backward. 0: they leave that output alone (the running binary).
//   ASC_FEATURE_RELAXED_SIMD: the relaxed int8 dot product may be used.
// None may be declared here: a declaration would hide the constant, and both branches would be compiled.

/** a * b + c, rounded twice unless FUSED. */
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (FUSED) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of the four lanes, in the fixed order ((0 + 2) + (1 + 3)). */
@inline export function sumLanes(v: v128): f32 {
  // lanes 0 1 2 3 -> (0+2) (1+3) . .
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Largest of the four lanes. */
@inline export function maxLanes(v: v128): f32 {
  // lanes 0 1 2 3 -> max(0, 2) max(1, 3) . .
  const pairs = f32x4.pmax(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** c + a . b, of pairs of 16-bit lanes. */
@inline export function dotWords(a: v128, b: v128, c: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(a, b));
}

/** Lanes 0 1, and lanes 2 3 (moved down to 0 1), as f64: v0 v1 v2 v3 -> v0 v1 | v2 v3. */
@inline export function low(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}
@inline export function high(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** The sum of lanes 0 1 in a and lanes 2 3 in b, in the same order as sumLanes. */
@inline export function sumPairs(a: v128, b: v128): f64 {
  const pairs = f64x2.add(a, b);
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
}

/** Two pairs of f64 as f32: a0 a1 0 0 and b0 b1 0 0 -> a0 a1 b0 b1. */
@inline export function joined(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5);
}

// ---------------------------------------------------------------- interleaving: `low` takes the lower halves of a and
// b, `high` the upper

/** a0 b0 a1 b1, and a2 b2 a3 b3. */
@inline export function lowFloats(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5);
}
@inline export function highFloats(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 6, 3, 7);
}

/** Words of two bytes: a0 b0 a1 b1 a2 b2 a3 b3, and a4 b4 ... a7 b7. */
@inline export function lowWords(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
@inline export function highWords(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** a0 b0 a1 b1 ... a7 b7, and a8 b8 ... a15 b15. */
@inline export function lowBytes(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
@inline export function highBytes(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/** Stores the columns of the 4 x 4 floats whose rows are a, b, c, d. */
@inline export function storeTransposed(
  y0: usize, y1: usize, y2: usize, y3: usize, a: v128, b: v128, c: v128, d: v128,
): void {
  // a0 b0 a1 b1 | a2 b2 a3 b3, and the same of c and d
  const ab01 = lowFloats(a, b), ab23 = highFloats(a, b), cd01 = lowFloats(c, d), cd23 = highFloats(c, d);
  // a0 b0 c0 d0 | a1 b1 c1 d1 | ...
  v128.store(y0, v128.shuffle<f64>(ab01, cd01, 0, 2));
  v128.store(y1, v128.shuffle<f64>(ab01, cd01, 1, 3));
  v128.store(y2, v128.shuffle<f64>(ab23, cd23, 0, 2));
  v128.store(y3, v128.shuffle<f64>(ab23, cd23, 1, 3));
}

// ---------------------------------------------------------------- a part of the lanes

/** ~0 in the lanes below n, 0 in the others. */
@inline export function firstLanes(n: i32): v128 {
  return i32x4.gt_s(i32x4.splat(n), i32x4(0, 1, 2, 3));
}

/** Stores the first n of four 32-bit lanes: all where n >= 4, none where n <= 0. */
@inline export function storeLanes(y: usize, v: v128, n: i32): void {
  if (n >= 4) v128.store(y, v);
  else if (n > 0) {
    v128.store32_lane(y, v, 0);
    if (n > 1) v128.store32_lane(y, v, 1, 4);
    if (n > 2) v128.store32_lane(y, v, 2, 8);
  }
}

/** Stores the first n < 8 of the eight 32-bit lanes of low and high. */
@inline export function storeSome(y: usize, low: v128, high: v128, n: i32): void {
  if (n & 4) {
    v128.store(y, low);
    low = high;
    y += 16;
  }
  if (n & 2) {
    v128.store64_lane(y, low, 0);
    // lanes 2 3 -> 0 1
    low = v128.shuffle<f32>(low, low, 2, 3, 2, 3);
    y += 8;
  }
  if (n & 1) v128.store32_lane(y, low, 0);
}

/** Stores the first n of the eight 32-bit lanes of low and high: all where n >= 8. */
@inline export function storeEight(y: usize, low: v128, high: v128, n: i32): void {
  if (n >= 8) {
    v128.store(y, low);
    v128.store(y, high, 16);
  } else storeSome(y, low, high, n);
}
