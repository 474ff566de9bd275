// Primitives every kernel file shares. Three constants are set on the compiler's command line:
//   FUSED = 1: multiply-add may be fused (the `fast` training binary). 0: multiply, then add, the same bits on every engine.
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

/** Lanes 0 1, and lanes 2 3 (moved down to 0 1), as f64: v0 v1 v2 v3 -> v0 v1 | v2 v3. */
@inline export function low(v: v128): v128 {
  return f64x2.promote_low_f32x4(v);
}
@inline export function high(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 0, 1));
}

/** Two pairs of f64 as f32: a0 a1 0 0 and b0 b1 0 0 -> a0 a1 b0 b1. */
@inline export function joined(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 1, 4, 5);
}
