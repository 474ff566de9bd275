// The form of int8 activations between kernels, and the arithmetic on them.
//
// A value q in -128..127 is stored as q + 128, so that the saturation of the narrowing instructions is the clamp of
// int8:
//   relaxed: one byte (u8), the second operand of the relaxed dot product (weights, s8, are the first)
//   plain:   two bytes (i16, 0..255), so that no inner loop has to widen
// The 128 is folded into the bias together with the zero point when weights are packed.

import { dotWords } from "./simd";

@inline export const RELAXED: bool = ASC_FEATURE_RELAXED_SIMD;

/** Bytes of one stored activation. */
@inline export const STORED: usize = RELAXED ? 1 : 2;
/** Activations that one dot product takes per lane: a k-group is four bytes in both variants. */
@inline export const GROUP: i32 = RELAXED ? 4 : 2;
/** Bytes of one packed weight. */
@inline export const WEIGHT: usize = RELAXED ? 1 : 2;

/** 1.5 * 2^23: x + MAGIC has the integer nearest to x, half to even, in its low bits, while |x| < 2^22. */
@inline export const MAGIC: f32 = 12582912.0;
/** The bits of MAGIC. */
@inline export const MAGIC_BITS: i32 = 0x4B400000;

/** c + weights . activations over the k-group of each lane. Exact: |pair sum| < 2^16 in both variants. */
@inline export function dot(weights: v128, activations: v128, c: v128): v128 {
  if (RELAXED) return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, activations, c);
  return dotWords(weights, activations, c);
}

/** Constants of requantization. They are computed once per call, since a splat would be rebuilt at every use. */
@inline export function lowest(qmin: i32, zero: i32): v128 {
  return f32x4.splat(<f32>(qmin - zero));
}
@inline export function shiftOf(zero: i32): v128 {
  return i32x4.splat(MAGIC_BITS - zero - 128);
}
@inline export function highest(qmax: i32): v128 {
  return i16x8.splat(<i16>(qmax + 128));
}

/**
 * Four reals in units of the output's scale -> q + 128, half to even, not less than qmin; i32 lanes that may still
 * exceed qmax. Taking the maximum first keeps x + MAGIC positive, so that no range of accumulators has to be proved:
 * far above 2^22 the bits still grow, and the narrowing that follows saturates. A NaN becomes qmin.
 */
@inline export function rounded(x: v128, low: v128, shift: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.pmax(low, x), f32x4.splat(MAGIC)), shift);
}

/** Four int32 accumulators -> q + 128 (see rounded). */
@inline export function requantized(acc: v128, scale: v128, low: v128, shift: v128): v128 {
  return rounded(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), low, shift);
}

/** Eight i32 -> eight stored values as i16, at most qmax. */
@inline export function narrowed(a: v128, b: v128, high: v128): v128 {
  return i16x8.min_s(i16x8.narrow_i32x4_s(a, b), high);
}

/** Eight stored activations as i16. */
@inline export function load8(p: usize): v128 {
  if (RELAXED) return v128.load8x8_u(p);
  return v128.load(p);
}

/** Stores eight i16 in 0..255. */
@inline export function store8(p: usize, v: v128): void {
  if (RELAXED) v128.store64_lane(p, i8x16.narrow_i16x8_u(v, v), 0);
  else v128.store(p, v);
}

/** Stores the first n of eight i16 in 0..255, n >= 1; all of them where n >= 8. Writes nothing past them. */
@inline export function storeFirst(p: usize, v: v128, n: i32): void {
  if (n >= 8) store8(p, v);
  else storeSome(p, v, n);
}
function storeSome(p: usize, v: v128, n: i32): void {
  if (RELAXED) {
    let bytes = <u64>i64x2.extract_lane(i8x16.narrow_i16x8_u(v, v), 0);
    if (n & 4) { store<u32>(p, <u32>bytes); bytes >>= 32; p += 4; }
    if (n & 2) { store<u16>(p, <u16>bytes); bytes >>= 16; p += 2; }
    if (n & 1) store<u8>(p, <u8>bytes);
  } else {
    let words = <u64>i64x2.extract_lane(v, 0);
    if (n & 4) { store<u64>(p, words); words = <u64>i64x2.extract_lane(v, 1); p += 8; }
    if (n & 2) { store<u32>(p, <u32>words); words >>= 32; p += 4; }
    if (n & 1) store<u16>(p, <u16>words);
  }
}

/** One stored activation. */
@inline export function loadOne(p: usize): i32 {
  if (RELAXED) return <i32>load<u8>(p);
  return <i32>load<u16>(p);
}
@inline export function storeOne(p: usize, v: i32): void {
  if (RELAXED) store<u8>(p, <u8>v);
  else store<u16>(p, <u16>v);
}

/** One packed weight. */
@inline export function storeWeight(p: usize, w: i32): void {
  if (RELAXED) store<i8>(p, <i8>w);
  else store<i16>(p, <i16>w);
}

/** The bias of output o; 0 without biases. */
@inline export function biasOf(bias: usize, o: i32): i32 {
  return bias ? load<i32>(bias + (<usize>o << 2)) : 0;
}

/** The sum of four i32 lanes in every lane. */
@inline export function sumOfLanes(s: v128): v128 {
  // lanes 0 1 2 3 + 2 3 0 1: (0+2) (1+3) (0+2) (1+3); then + lanes 1 0 3 2 of that: the sum of all in every lane
  s = i32x4.add(s, v128.shuffle<i32>(s, s, 2, 3, 0, 1));
  return i32x4.add(s, v128.shuffle<i32>(s, s, 1, 0, 3, 2));
}

/** Fills n stored activations. */
export function fill(p: usize, value: i32, n: i32): void {
  const v = i16x8.splat(<i16>value);
  for (; n >= 8; n -= 8) {
    store8(p, v);
    p += 8 * STORED;
  }
  if (n > 0) storeFirst(p, v, n);
}
