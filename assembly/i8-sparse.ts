// int8 layers with constant weights that are mostly zeros. kernels/sparse.ts packs the weights that are not zero, with
// the places of their inputs.
//
// i8_sparse_conv2d: lanes are pixels, 8 in a tile. Their inputs are transposed once, into a row of 8 for each k:
//
//   k0: p0 p1 ... p7 | k1: p0 p1 ... p7 | ...
//
// An entry names the rows of a k-group, 2 (plain) or 4 (relaxed), which need not be neighbours. They are interleaved,
// and multiplied by the weights of an output, which are the same in all lanes:
//
//   rows a and b:  a0 b0 a1 b1 a2 b2 a3 b3 | a4 b4 ... a7 b7     weights:  wa wb wa wb wa wb wa wb
//
// i8_sparse_dense: lanes are outputs, 16 of them. An entry is a k-group of neighbours and its weights.
import { highBytes, highFloats, highWords, lowBytes, lowFloats, lowWords } from "./simd";
import { eight, ROWS, SUMS, VECTORS } from "./sparse-tile";
import {
  dot, highest, lowest, MAGIC, narrowed, RELAXED, requantized, shiftOf, STORED, storeFirst, storeOne,
} from "./stored";

/** Bytes of a row of 8 pixels, of the places of a k-group, and of half of these. */
@inline const ROW: usize = 8 * STORED;
@inline const PLACES: usize = RELAXED ? 16 : 8;
@inline const HALF: usize = PLACES / 2;

/** Stores the lower halves of a and b, then the upper halves. */
@inline function storeHalves(t: usize, a: v128, b: v128): void {
  v128.store(t, v128.shuffle<i64>(a, b, 0, 2));
  v128.store(t, v128.shuffle<i64>(a, b, 1, 3), 16);
}

/** Interleaves 8 bytes at p and q. */
@inline function interleaved(p: usize, q: usize): v128 {
  return lowBytes(v128.load64_zero(p), v128.load64_zero(q));
}

/** Transposes `chunks` pieces of 8 channels of the eight pixels of a table. */
function transposePixels(x: usize, pixels: usize, chunks: i32, places: usize, t: usize): void {
  const a0 = x + load<usize>(pixels), a1 = x + load<usize>(pixels, 4);
  const a2 = x + load<usize>(pixels, 8), a3 = x + load<usize>(pixels, 12);
  const a4 = x + load<usize>(pixels, 16), a5 = x + load<usize>(pixels, 20);
  const a6 = x + load<usize>(pixels, 24), a7 = x + load<usize>(pixels, 28);
  for (; chunks > 0; chunks--) {
    const c = load<usize>(places);
    if (RELAXED) {
      const p0 = interleaved(a0 + c, a1 + c), p1 = interleaved(a2 + c, a3 + c);
      const p2 = interleaved(a4 + c, a5 + c), p3 = interleaved(a6 + c, a7 + c);
      const q0 = lowWords(p0, p1), q1 = highWords(p0, p1), q2 = lowWords(p2, p3), q3 = highWords(p2, p3);
      v128.store(t, lowFloats(q0, q2));
      v128.store(t, highFloats(q0, q2), 16);
      v128.store(t, lowFloats(q1, q3), 32);
      v128.store(t, highFloats(q1, q3), 48);
    } else {
      const r0 = v128.load(a0 + c), r1 = v128.load(a1 + c), r2 = v128.load(a2 + c), r3 = v128.load(a3 + c);
      const p0 = lowWords(r0, r1), p1 = highWords(r0, r1), p2 = lowWords(r2, r3), p3 = highWords(r2, r3);
      const r4 = v128.load(a4 + c), r5 = v128.load(a5 + c), r6 = v128.load(a6 + c), r7 = v128.load(a7 + c);
      const q0 = lowWords(r4, r5), q1 = highWords(r4, r5), q2 = lowWords(r6, r7), q3 = highWords(r6, r7);
      storeHalves(t, lowFloats(p0, p2), lowFloats(q0, q2));
      storeHalves(t + 32, highFloats(p0, p2), highFloats(q0, q2));
      storeHalves(t + 64, lowFloats(p1, p3), lowFloats(q1, q3));
      storeHalves(t + 96, highFloats(p1, p3), highFloats(q1, q3));
    }
    places += 4;
    t += 8 * ROW;
  }
}

/** Half of the rows of the k-group whose places are at b: one row (plain), or two rows, interleaved (relaxed). */
@inline function firstRows(t: usize, b: usize): v128 {
  return RELAXED ? interleaved(t + load<usize>(b), t + load<usize>(b, 4)) : v128.load(t + load<usize>(b));
}
@inline function secondRows(t: usize, b: usize): v128 {
  return RELAXED ? interleaved(t + load<usize>(b, 8), t + load<usize>(b, 12)) : v128.load(t + load<usize>(b, HALF));
}

/** Four accumulators -> q + 128. The packer proves |acc * scale| < 2^21, so that no clamp is needed before rounding. */
@inline function rounded(acc: v128, scale: v128, shift: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), f32x4.splat(MAGIC)), shift);
}
/** The same for the eight pixels of an output, as i16. */
@inline function roundedPixels(a: v128, b: v128, scale: v128, shift: v128): v128 {
  return i16x8.narrow_i32x4_s(rounded(a, scale, shift), rounded(b, scale, shift));
}

/** Stores four outputs of the four pixels of a table; `bytes` has them pixel by pixel. */
@inline function storePixels(y: usize, results: usize, bytes: v128): void {
  const y0 = y + load<usize>(results), y1 = y + load<usize>(results, 4);
  const y2 = y + load<usize>(results, 8), y3 = y + load<usize>(results, 12);
  if (RELAXED) {
    v128.store32_lane(y0, bytes, 0);
    v128.store32_lane(y1, bytes, 1);
    v128.store32_lane(y2, bytes, 2);
    v128.store32_lane(y3, bytes, 3);
  } else {
    const a = i16x8.extend_low_i8x16_u(bytes), b = i16x8.extend_high_i8x16_u(bytes);
    v128.store64_lane(y0, a, 0);
    v128.store64_lane(y1, a, 1);
    v128.store64_lane(y2, b, 0);
    v128.store64_lane(y3, b, 1);
  }
}

/** Stores the first `rest` of four outputs likewise. */
function storeSome(y: usize, results: usize, bytes: v128, rest: i32, room: usize): void {
  v128.store(room, bytes);
  for (let end = room + 16; room < end; room += 4) {
    const to = y + load<usize>(results);
    for (let i: usize = 0; i < <usize>rest; i++) storeOne(to + i * STORED, load<u8>(room + i));
    results += 4;
  }
}

/**
 * For four outputs: 4 biases | 4 scales | lists. A list is how many entries it has, then these. Of `blocks` there is
 * one list, whose entries have the places of a k-group and its weights for each output; else each output has a list.
 */
export function i8_sparse_conv2d(
  n: i32, x: usize, xs: i32, weight: usize, blocks: i32, chunks: i32, places: usize, count: i32, pixels: usize,
  results: usize, y: usize, ys: i32, cout: i32, zero: i32, qmin: i32, qmax: i32, scratch: usize,
): void {
  const last = count - 1, sums = scratch + SUMS, rows = scratch + ROWS;
  // in memory, as the inner loop needs all registers: 5 % (measured)
  v128.store(scratch, shiftOf(zero), VECTORS);
  v128.store(scratch, i8x16.splat(<i8>(qmin + 128)), VECTORS + 16);
  v128.store(scratch, i8x16.splat(<i8>(qmax + 128)), VECTORS + 32);
  for (; n > 0; n--) {
    for (let p = 0; p < count; p += 8) {
      transposePixels(x, eight(pixels, p, last, scratch), chunks, places, rows);
      const to = eight(results, p, last, scratch + 32);
      let head = weight, o = y;
      for (let rest = cout; rest > 0; rest -= 4) {
        let b = head + 32, q0: v128, q1: v128, q2: v128, q3: v128;
        if (blocks) {
          let c00 = v128.load32_splat(head), c01 = c00, c10 = v128.load32_splat(head, 4), c11 = c10;
          let c20 = v128.load32_splat(head, 8), c21 = c20, c30 = v128.load32_splat(head, 12), c31 = c30;
          let left = load<i32>(b);
          b += 4;
          if (left > 0) do {
            const r = firstRows(rows, b), s = secondRows(rows, b), low = lowWords(r, s), high = highWords(r, s);
            let v = v128.load32_splat(b, PLACES);
            c00 = dot(v, low, c00);
            c01 = dot(v, high, c01);
            v = v128.load32_splat(b, PLACES + 4);
            c10 = dot(v, low, c10);
            c11 = dot(v, high, c11);
            v = v128.load32_splat(b, PLACES + 8);
            c20 = dot(v, low, c20);
            c21 = dot(v, high, c21);
            v = v128.load32_splat(b, PLACES + 12);
            c30 = dot(v, low, c30);
            c31 = dot(v, high, c31);
            b += PLACES + 16;
          } while (--left > 0);
          const shift = v128.load(scratch, VECTORS);
          q0 = roundedPixels(c00, c01, v128.load32_splat(head, 16), shift);
          q1 = roundedPixels(c10, c11, v128.load32_splat(head, 20), shift);
          q2 = roundedPixels(c20, c21, v128.load32_splat(head, 24), shift);
          q3 = roundedPixels(c30, c31, v128.load32_splat(head, 28), shift);
        } else {
          const shift = v128.load(scratch, VECTORS);
          for (let i: usize = 0; i < 16; i += 4) {
            let c0 = v128.load32_splat(head + i), c1 = c0, left = load<i32>(b);
            b += 4;
            if (left > 0) do {
              const r = firstRows(rows, b), s = secondRows(rows, b), v = v128.load32_splat(b, PLACES);
              c0 = dot(v, lowWords(r, s), c0);
              c1 = dot(v, highWords(r, s), c1);
              b += PLACES + 4;
            } while (--left > 0);
            v128.store(sums + 4 * i, roundedPixels(c0, c1, v128.load32_splat(head + i, 16), shift));
          }
          q0 = v128.load(sums);
          q1 = v128.load(sums, 16);
          q2 = v128.load(sums, 32);
          q3 = v128.load(sums, 48);
        }
        // two outputs as bytes, 8 pixels of each; then all four outputs, pixel by pixel
        const even = i8x16.narrow_i16x8_u(q0, q2), odd = i8x16.narrow_i16x8_u(q1, q3);
        const first = lowBytes(even, odd), second = highBytes(even, odd);
        const least = v128.load(scratch, VECTORS + 16), most = v128.load(scratch, VECTORS + 32);
        const early = i8x16.min_u(i8x16.max_u(lowWords(first, second), least), most);
        const late = i8x16.min_u(i8x16.max_u(highWords(first, second), least), most);
        if (rest >= 4) {
          storePixels(o, to, early);
          storePixels(o, to + 16, late);
        } else {
          storeSome(o, to, early, rest, sums);
          storeSome(o, to + 16, late, rest, sums);
        }
        head = b;
        o += 4 * STORED;
      }
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

/** For sixteen outputs: 16 biases | 16 scales | how many entries | entries: a place in x, the weights of a k-group. */
export function i8_sparse_dense(
  n: i32, x: usize, xs: i32, weight: usize, y: usize, ys: i32, cout: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    let head = weight, o = y;
    for (let rest = cout; rest > 0; rest -= 16) {
      let c0 = v128.load(head), c1 = v128.load(head, 16), c2 = v128.load(head, 32), c3 = v128.load(head, 48);
      let left = load<i32>(head, 128), b = head + 132;
      if (left > 0) do {
        const a = v128.load32_splat(x + load<usize>(b));
        c0 = dot(v128.load(b, 4), a, c0);
        c1 = dot(v128.load(b, 20), a, c1);
        c2 = dot(v128.load(b, 36), a, c2);
        c3 = dot(v128.load(b, 52), a, c3);
        b += 68;
      } while (--left > 0);
      c0 = requantized(c0, v128.load(head, 64), low, shift);
      c1 = requantized(c1, v128.load(head, 80), low, shift);
      storeFirst(o, narrowed(c0, c1, high), rest);
      if (rest > 8) {
        c2 = requantized(c2, v128.load(head, 96), low, shift);
        c3 = requantized(c3, v128.load(head, 112), low, shift);
        storeFirst(o + 8 * STORED, narrowed(c2, c3, high), rest - 8);
      }
      head = b;
      o += 16 * STORED;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
