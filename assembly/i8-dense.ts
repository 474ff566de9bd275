// int8 matrix times vector. Every weight is used once, so that loads are the bound: one broadcast of activations serves
// 8 accumulators.
//
// - relaxed: a unit is 4 outputs, one vector of 4 x 4 weights a k-group.
// - plain: a unit is 8 outputs; a lane holds two weights, high * 256 + (low + 128), so that one load feeds 8 outputs
//   (measured on the dense layers of LeNet-5: 0.99 us against 1.29 us for widening loads and 1.14 us for 16-bit
//   weights):
//
//     v . a = 256 * (high . a) + low . a + 128 * sum(a)    exact modulo 2^32
//
// A block is up to 8 vectors of outputs; blocks are as even as possible, the larger ones first:
//   i32 bias' | f32 scale | k-group 0: 16 bytes a unit | k-group 1 ...
import {
  biasOf, dot, GROUP, highest, load8, lowest, narrowed, RELAXED, requantized, shiftOf, storeFirst, STORED, storeWeight,
  sumOfLanes, WEIGHT,
} from "./stored";

/** Outputs of one unit, and units in the largest block. */
@inline const UNIT: i32 = RELAXED ? 4 : 8;
@inline const MOST: i32 = RELAXED ? 8 : 4;

/** k-groups of `length` weights. Plain: whole 8 activations, because their sum is taken 8 at a time. */
@inline function groupsOf(length: i32): i32 {
  if (RELAXED) return (length + GROUP - 1) / GROUP;
  return ((length + 7) >> 3) * 4;
}

/** Units of the next block, with `left` units and `blocks` blocks left. */
@inline function unitsOf(left: i32, blocks: i32): i32 {
  return (left + blocks - 1) / blocks;
}

export function i8_dense_pack(
  cout: i32, length: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  const k_groups = groupsOf(length);
  let left = (cout + UNIT - 1) / UNIT, first = 0;
  for (let blocks = (left + MOST - 1) / MOST; blocks > 0; blocks--) {
    const units = unitsOf(left, blocks), columns = units * UNIT;
    const head = <usize>columns * 4, body = y + 2 * head;
    const group_stride = <usize>units * 16, end = body + <usize>k_groups * group_stride;
    memory.fill(y, 0, 2 * head);
    // zeros everywhere
    for (let p = body; p < end; p += 16) v128.store(p, RELAXED ? i32x4.splat(0) : i16x8.splat(128));
    for (let c = 0, here = min(columns, cout - first); c < here; c++) {
      const o = first + c, from = weight + <usize>(o * length);
      const column = body + <usize>(c / UNIT) * 16 + <usize>(c & 3) * 4;
      // plain: outputs 0..3 of a unit are the low halves, 4..7 the high ones
      const shift = (c & 4) << 1;
      let sum = 0;
      for (let k: usize = 0; k < <usize>length; k++) {
        const v = <i32>load<i8>(from + k);
        const lane = column + (k / GROUP) * group_stride + (k % GROUP) * WEIGHT;
        storeWeight(lane, RELAXED ? v : <i32>load<i16>(lane) + (v << shift));
        sum += v;
      }
      store<i32>(y + (<usize>c << 2), biasOf(bias, o) - (zero + 128) * sum);
      store<f32>(y + head + (<usize>c << 2), load<f32>(scale + (<usize>o << 2)));
    }
    y = end;
    first += columns;
    left -= units;
  }
}

/**
 * Adds the bias to eight outputs (four unless `both`) from `at` of a block, requantizes and stores those that exist.
 */
@inline function finish(
  both: bool, y: usize, a: v128, b: v128, weight: usize, columns: i32, at: i32, rest: i32, low: v128, shift: v128,
  high: v128,
): void {
  const head = weight + (<usize>at << 2), s = head + (<usize>columns << 2);
  const first = requantized(i32x4.add(a, v128.load(head)), v128.load(s), low, shift);
  let second = first;
  if (both) second = requantized(i32x4.add(b, v128.load(head, 16)), v128.load(s, 16), low, shift);
  storeFirst(y + <usize>at * STORED, narrowed(first, second, high), both ? rest - at : min(4, rest - at));
}

/** Computes a relaxed block of `units` (a literal) vectors. */
@inline function block4(
  units: i32, x: usize, weight: usize, k_groups: i32, y: usize, rest: i32, low: v128, shift: v128, high: v128,
): void {
  const zero = i32x4.splat(0);
  let c0 = zero, c1 = zero, c2 = zero, c3 = zero, c4 = zero, c5 = zero, c6 = zero, c7 = zero;
  let b = weight + <usize>units * 32;
  let g = k_groups;
  if (g > 0) do {
    const a = v128.load32_splat(x);
    c0 = dot(v128.load(b), a, c0);
    if (units > 1) c1 = dot(v128.load(b, 16), a, c1);
    if (units > 2) c2 = dot(v128.load(b, 32), a, c2);
    if (units > 3) c3 = dot(v128.load(b, 48), a, c3);
    if (units > 4) c4 = dot(v128.load(b, 64), a, c4);
    if (units > 5) c5 = dot(v128.load(b, 80), a, c5);
    if (units > 6) c6 = dot(v128.load(b, 96), a, c6);
    if (units > 7) c7 = dot(v128.load(b, 112), a, c7);
    x += 4;
    b += <usize>units * 16;
  } while (--g > 0);
  finish(units > 1, y, c0, c1, weight, units * 4, 0, rest, low, shift, high);
  if (units > 2) finish(units > 3, y, c2, c3, weight, units * 4, 8, rest, low, shift, high);
  if (units > 4) finish(units > 5, y, c4, c5, weight, units * 4, 16, rest, low, shift, high);
  if (units > 6) finish(units > 7, y, c6, c7, weight, units * 4, 24, rest, low, shift, high);
}

/** Computes a plain block of `units` (a literal) pairs of vectors; `sum` is 128 times the sum of the activations. */
@inline function block8(
  units: i32, x: usize, weight: usize, k_groups: i32, y: usize, rest: i32, sum: v128, low: v128, shift: v128,
  high: v128,
): void {
  const zero = i32x4.splat(0);
  let l0 = zero, l1 = zero, l2 = zero, l3 = zero, h0 = zero, h1 = zero, h2 = zero, h3 = zero;
  let b = weight + <usize>units * 64;
  let g = k_groups;
  if (g > 0) do {
    const a = v128.load32_splat(x);
    let v = v128.load(b);
    l0 = dot(v, a, l0);
    h0 = dot(i16x8.shr_s(v, 8), a, h0);
    if (units > 1) {
      v = v128.load(b, 16);
      l1 = dot(v, a, l1);
      h1 = dot(i16x8.shr_s(v, 8), a, h1);
    }
    if (units > 2) {
      v = v128.load(b, 32);
      l2 = dot(v, a, l2);
      h2 = dot(i16x8.shr_s(v, 8), a, h2);
    }
    if (units > 3) {
      v = v128.load(b, 48);
      l3 = dot(v, a, l3);
      h3 = dot(i16x8.shr_s(v, 8), a, h3);
    }
    x += 4;
    b += <usize>units * 16;
  } while (--g > 0);
  finish(true, y, lowHalf(l0, h0, sum), h0, weight, units * 8, 0, rest, low, shift, high);
  if (units > 1) finish(true, y, lowHalf(l1, h1, sum), h1, weight, units * 8, 8, rest, low, shift, high);
  if (units > 2) finish(true, y, lowHalf(l2, h2, sum), h2, weight, units * 8, 16, rest, low, shift, high);
  if (units > 3) finish(true, y, lowHalf(l3, h3, sum), h3, weight, units * 8, 24, rest, low, shift, high);
}

@inline function lowHalf(both: v128, high: v128, sum: v128): v128 {
  return i32x4.sub(i32x4.sub(both, i32x4.shl(high, 8)), sum);
}

/** 128 times the sum of 8 * eights activations, in every lane. */
function sum128(x: usize, eights: i32): v128 {
  let s = i32x4.splat(0);
  for (; eights > 0; eights--) {
    s = i32x4.add(s, i32x4.dot_i16x8_s(load8(x), i16x8.splat(128)));
    x += 8 * STORED;
  }
  return sumOfLanes(s);
}

export function i8_dense(
  n: i32, x: usize, xs: i32, length: i32, weight: usize, y: usize, ys: i32, cout: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  const k_groups = groupsOf(length);
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    let sum = i32x4.splat(0);
    if (!RELAXED) sum = sum128(x, k_groups >> 2);
    let left = (cout + UNIT - 1) / UNIT, rest = cout, block = weight, o = y;
    for (let blocks = (left + MOST - 1) / MOST; blocks > 0; blocks--) {
      const units = unitsOf(left, blocks);
      if (RELAXED) {
        switch (units) {
          case 1: block4(1, x, block, k_groups, o, rest, low, shift, high); break;
          case 2: block4(2, x, block, k_groups, o, rest, low, shift, high); break;
          case 3: block4(3, x, block, k_groups, o, rest, low, shift, high); break;
          case 4: block4(4, x, block, k_groups, o, rest, low, shift, high); break;
          case 5: block4(5, x, block, k_groups, o, rest, low, shift, high); break;
          case 6: block4(6, x, block, k_groups, o, rest, low, shift, high); break;
          case 7: block4(7, x, block, k_groups, o, rest, low, shift, high); break;
          default: block4(8, x, block, k_groups, o, rest, low, shift, high);
        }
      } else {
        switch (units) {
          case 1: block8(1, x, block, k_groups, o, rest, sum, low, shift, high); break;
          case 2: block8(2, x, block, k_groups, o, rest, sum, low, shift, high); break;
          case 3: block8(3, x, block, k_groups, o, rest, sum, low, shift, high); break;
          default: block8(4, x, block, k_groups, o, rest, sum, low, shift, high);
        }
      }
      block += <usize>units * (<usize>UNIT * 8 + <usize>k_groups * 16);
      o += <usize>(units * UNIT) * STORED;
      rest -= units * UNIT;
      left -= units;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
