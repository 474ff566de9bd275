// int8 layers with constant weights that are mostly zeros. kernels/sparse.ts packs what is not zero, with its places.
//
// i8_sparse_conv2d: lanes are pixels, 8 of them in a tile. Their inputs are transposed once, into a row of 8 for each k:
//
//   scratch:  k0: p0 p1 ... p7 | k1: p0 p1 ... p7 | ...
//
// An entry names the rows of a k-group, 2 (plain) or 4 (relaxed), which need not be neighbours. They are interleaved, and multiplied by the
// weights of an output, which are the same in all lanes:
//
//   rows a and b:  a0 b0 a1 b1 a2 b2 a3 b3 | a4 b4 ... a7 b7     weights:  wa wb wa wb wa wb wa wb
//
// i8_sparse_dense: lanes are outputs, 16 of them. An entry is a k-group of neighbours and its weights.
import { eight, TABLES } from "./sparse-tile";
import { dot, highest, lowest, MAGIC, narrowed, RELAXED, requantized, shiftOf, storeFirst, STORED, storeOne } from "./stored";

/** Bytes of a row of 8 pixels, and of the places of a k-group. */
@inline const ROW: usize = 8 * STORED;
@inline const PLACES: usize = RELAXED ? 16 : 8;
/** Bytes of the places of half a k-group. */
@inline const HALF: usize = PLACES / 2;

/** Interleaves the low (high) halves of two vectors. */
@inline function low8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
@inline function high8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
@inline function low16(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
@inline function high16(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
@inline function low32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
}
@inline function high32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
}

/** Stores two vectors of 8 pixels, made of the 64-bit halves of a and b: low a, low b, then high a, high b. */
@inline function storeHalves(t: usize, a: v128, b: v128): void {
  v128.store(t, v128.shuffle<i64>(a, b, 0, 2));
  v128.store(t, v128.shuffle<i64>(a, b, 1, 3), 16);
}

/** Transposes `chunks` pieces of 8 channels of the eight pixels of a table. */
function transposePixels(x: usize, pixels: usize, chunks: i32, places: usize, t: usize): void {
  const a0 = x + load<usize>(pixels), a1 = x + load<usize>(pixels, 4), a2 = x + load<usize>(pixels, 8), a3 = x + load<usize>(pixels, 12);
  const a4 = x + load<usize>(pixels, 16), a5 = x + load<usize>(pixels, 20), a6 = x + load<usize>(pixels, 24), a7 = x + load<usize>(pixels, 28);
  for (; chunks > 0; chunks--) {
    const c = load<usize>(places);
    if (RELAXED) {
      const p0 = low8(v128.load64_zero(a0 + c), v128.load64_zero(a1 + c)), p1 = low8(v128.load64_zero(a2 + c), v128.load64_zero(a3 + c));
      const p2 = low8(v128.load64_zero(a4 + c), v128.load64_zero(a5 + c)), p3 = low8(v128.load64_zero(a6 + c), v128.load64_zero(a7 + c));
      const q0 = low16(p0, p1), q1 = high16(p0, p1), q2 = low16(p2, p3), q3 = high16(p2, p3);
      v128.store(t, low32(q0, q2));
      v128.store(t, high32(q0, q2), 16);
      v128.store(t, low32(q1, q3), 32);
      v128.store(t, high32(q1, q3), 48);
    } else {
      const r0 = v128.load(a0 + c), r1 = v128.load(a1 + c), r2 = v128.load(a2 + c), r3 = v128.load(a3 + c);
      const p0 = low16(r0, r1), p1 = high16(r0, r1), p2 = low16(r2, r3), p3 = high16(r2, r3);
      const r4 = v128.load(a4 + c), r5 = v128.load(a5 + c), r6 = v128.load(a6 + c), r7 = v128.load(a7 + c);
      const s0 = low16(r4, r5), s1 = high16(r4, r5), s2 = low16(r6, r7), s3 = high16(r6, r7);
      storeHalves(t, low32(p0, p2), low32(s0, s2));
      storeHalves(t + 32, high32(p0, p2), high32(s0, s2));
      storeHalves(t + 64, low32(p1, p3), low32(s1, s3));
      storeHalves(t + 96, high32(p1, p3), high32(s1, s3));
    }
    places += 4;
    t += 8 * ROW;
  }
}

/** Half of the rows of a k-group: plain the row at place p, relaxed those at p and q, interleaved. */
@inline function rowsAt(t: usize, p: usize, q: usize): v128 {
  if (RELAXED) return low8(v128.load64_zero(t + p), v128.load64_zero(t + q));
  return v128.load(t + p);
}

/** Four accumulators -> q + 128. The packer has proved |acc * scale| < 2^21, so that no lower clamp is needed before rounding. */
@inline function rounded(acc: v128, scale: v128, shift: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), f32x4.splat(MAGIC)), shift);
}
/** The same for the eight pixels of an output, as i16. */
@inline function roundedPixels(a: v128, b: v128, scale: v128, shift: v128): v128 {
  return i16x8.narrow_i32x4_s(rounded(a, scale, shift), rounded(b, scale, shift));
}

/** Stores four outputs of the four pixels of a table, which `bytes` holds one pixel after the other. */
@inline function storePixels(y: usize, results: usize, bytes: v128): void {
  const y0 = y + load<usize>(results), y1 = y + load<usize>(results, 4), y2 = y + load<usize>(results, 8), y3 = y + load<usize>(results, 12);
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
 * Four outputs: 4 biases | 4 scales | lists. A list is how many entries it has, then these. Of a block there is one list, whose entries have the
 * places of a k-group and its weights for each output; else each output has a list of its own.
 */
export function i8_sparse_conv2d(
  n: i32, x: usize, xs: i32, w: usize, blocks: i32, chunks: i32, places: usize, count: i32, pixels: usize, results: usize, y: usize, ys: i32, outs: i32,
  zero: i32, qmin: i32, qmax: i32, scratch: usize,
): void {
  const last = count - 1, sums = scratch + TABLES, rows = scratch + 256;
  // in memory, as the inner loop has need of all registers: 5 % (measured)
  v128.store(scratch, shiftOf(zero), TABLES + 64);
  v128.store(scratch, i8x16.splat(<i8>(qmin + 128)), TABLES + 80);
  v128.store(scratch, i8x16.splat(<i8>(qmax + 128)), TABLES + 96);
  for (; n > 0; n--) {
    for (let p = 0; p < count; p += 8) {
      transposePixels(x, eight(pixels, p, last, scratch), chunks, places, rows);
      const to = eight(results, p, last, scratch + 32);
      let head = w, o = y;
      for (let rest = outs; rest > 0; rest -= 4) {
        let b = head + 32, q0: v128, q1: v128, q2: v128, q3: v128;
        if (blocks) {
          let c00 = v128.load32_splat(head), c01 = c00, c10 = v128.load32_splat(head, 4), c11 = c10;
          let c20 = v128.load32_splat(head, 8), c21 = c20, c30 = v128.load32_splat(head, 12), c31 = c30;
          let left = load<i32>(b);
          b += 4;
          if (left > 0) do {
            const r = rowsAt(rows, load<usize>(b), RELAXED ? load<usize>(b, 4) : 0), s = rowsAt(rows, load<usize>(b, HALF), RELAXED ? load<usize>(b, HALF + 4) : 0);
            const low = low16(r, s), high = high16(r, s);
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
          const shift = v128.load(scratch, TABLES + 64);
          q0 = roundedPixels(c00, c01, v128.load32_splat(head, 16), shift);
          q1 = roundedPixels(c10, c11, v128.load32_splat(head, 20), shift);
          q2 = roundedPixels(c20, c21, v128.load32_splat(head, 24), shift);
          q3 = roundedPixels(c30, c31, v128.load32_splat(head, 28), shift);
        } else {
          const shift = v128.load(scratch, TABLES + 64);
          for (let i: usize = 0; i < 16; i += 4) {
            let c0 = v128.load32_splat(head + i), c1 = c0, left = load<i32>(b);
            b += 4;
            if (left > 0) do {
              const r = rowsAt(rows, load<usize>(b), RELAXED ? load<usize>(b, 4) : 0), s = rowsAt(rows, load<usize>(b, HALF), RELAXED ? load<usize>(b, HALF + 4) : 0);
              const v = v128.load32_splat(b, PLACES);
              c0 = dot(v, low16(r, s), c0);
              c1 = dot(v, high16(r, s), c1);
              b += PLACES + 4;
            } while (--left > 0);
            v128.store(sums + 4 * i, roundedPixels(c0, c1, v128.load32_splat(head + i, 16), shift));
          }
          q0 = v128.load(sums);
          q1 = v128.load(sums, 16);
          q2 = v128.load(sums, 32);
          q3 = v128.load(sums, 48);
        }
        // as bytes, 8 pixels of two outputs; then pixel by pixel
        const even = i8x16.narrow_i16x8_u(q0, q2), odd = i8x16.narrow_i16x8_u(q1, q3);
        const first = low8(even, odd), second = high8(even, odd);
        const least = v128.load(scratch, TABLES + 80), most = v128.load(scratch, TABLES + 96);
        const early = i8x16.min_u(i8x16.max_u(low16(first, second), least), most), late = i8x16.min_u(i8x16.max_u(high16(first, second), least), most);
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

/** Sixteen outputs: 16 biases | 16 scales | how many entries | entries: the place of a k-group in x, and its weights for each output. */
export function i8_sparse_dense(n: i32, x: usize, xs: i32, w: usize, y: usize, ys: i32, outs: i32, zero: i32, qmin: i32, qmax: i32): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    let head = w, o = y;
    for (let rest = outs; rest > 0; rest -= 16) {
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
      storeFirst(o, narrowed(requantized(c0, v128.load(head, 64), low, shift), requantized(c1, v128.load(head, 80), low, shift), high), rest);
      if (rest > 8)
        storeFirst(o + 8 * STORED, narrowed(requantized(c2, v128.load(head, 96), low, shift), requantized(c3, v128.load(head, 112), low, shift), high), rest - 8);
      head = b;
      o += 16 * STORED;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
