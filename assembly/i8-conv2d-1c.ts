// int8 convolution of one input channel, stride 1, with ReLU and a 2x2 max pool: the lanes are 4 pooled pixels, the
// weights are broadcast. With one channel a kernel row fills only a part of a k-group, and few outputs fill only a part
// of a panel; here neither matters (measured on the first layer of LeNet-5: 1.0 us against 2.1 us of the general
// kernel, relaxed; 2.0 against 3.2, plain).
//
// A strip holds the input columns of 4 neighbouring pooled pixels, all rows of them, ROW_STRIDE apart, so that the row
// below is an immediate offset. Pooled pixel i covers the columns 2i (even) and 2i + 1 (odd) of the convolution:
//
//   relaxed, k-group of columns x..x+3:  even: [x x+1 x+2 x+3] [x+2 .. x+5] [x+4 ..] [x+6 ..]   odd: the same from x+1
//   plain, k-group of columns x, x+1:    even: the row from x, as it is                          odd: the row from x+1
//
// A single last kernel column is grouped downwards, [rows y..y+3 of one column]: a 5x5 kernel is then 7 groups of 4
// instead of 10, or 13 of 2 instead of 15.
import { highWords, lowBytes, lowWords } from "./simd";
import {
  biasOf, dot, GROUP, highest, lowest, narrowed, RELAXED, requantized, shiftOf, STORED, storeWeight, WEIGHT,
} from "./stored";

/** Bytes from one row of a strip to the next: 4 pairs of vectors (relaxed), or 16 columns and one pair (plain). */
@inline const ROW_STRIDE: usize = RELAXED ? 128 : 64;
/** Bytes from the even columns of a k-group to its odd ones: across, and down. */
@inline const ACROSS: usize = RELAXED ? 16 : 2;
@inline const DOWN: usize = 16;

// The parts of a kernel kh x kw: the columns in whole k-groups across; the rows of a single last column in whole
// k-groups down; the k-groups across; the groups of 4 columns in a strip (relaxed); and the offset of the last column
// in a strip.
@inline function wholeOf(kw: i32): i32 {
  return kw - kw % GROUP;
}
@inline function rowsDown(kh: i32, kw: i32): i32 {
  return kw % GROUP == 1 ? kh - kh % GROUP : 0;
}
@inline function acrossOf(kh: i32, kw: i32): i32 {
  return kh * (wholeOf(kw) / GROUP) + (wholeOf(kw) < kw ? kh - rowsDown(kh, kw) : 0);
}
@inline function quadsOf(kh: i32, kw: i32): i32 {
  return (wholeOf(kw) >> 2) + (wholeOf(kw) < kw && rowsDown(kh, kw) < kh ? 1 : 0);
}
@inline function columnOf(kh: i32, kw: i32): i32 {
  return RELAXED ? quadsOf(kh, kw) * 32 : 32;
}

/** Packs the weights of `some` taps, `step` apart, into a k-group; returns their sum. */
function packGroup(weight: usize, some: i32, step: i32, y: usize): i32 {
  let sum = 0;
  for (let i = 0; i < some; i++) {
    const v = <i32>load<i8>(weight + <usize>(i * step));
    storeWeight(y + <usize>i * WEIGHT, v);
    sum += v;
  }
  return sum;
}

/**
 * Writes the offset of each k-group in a strip, then channels in pairs: 2 biases, 2 scales, and for each k-group the
 * weights of both.
 */
export function i8_conv2d_1c_pack(
  cout: i32, kh: i32, kw: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  const whole = wholeOf(kw), down = rowsDown(kh, kw), k_groups = acrossOf(kh, kw) + down / GROUP;
  let place = y;
  for (let r = 0; r < kh; r++)
    for (let c = 0; c < (r < down ? whole : kw); c += GROUP) {
      store<i32>(place, r * <i32>ROW_STRIDE + c * (RELAXED ? 8 : 2));
      place += 4;
    }
  for (let r = 0; r < down; r += GROUP) {
    store<i32>(place, r * <i32>ROW_STRIDE + columnOf(kh, kw));
    place += 4;
  }
  const block: usize = 16 + <usize>k_groups * 8;
  for (let o = 0; o < cout; o++) {
    const pair = place + <usize>(o >> 1) * block, half = <usize>(o & 1) * 4, from = weight + <usize>(o * kh * kw);
    if (half == 0) memory.fill(pair, 0, block);
    let sum = 0, to = pair + 16 + half;
    for (let r = 0; r < kh; r++)
      for (let c = 0; c < (r < down ? whole : kw); c += GROUP) {
        sum += packGroup(from + <usize>(r * kw + c), min(GROUP, kw - c), 1, to);
        to += 8;
      }
    for (let r = 0; r < down; r += GROUP) {
      sum += packGroup(from + <usize>(r * kw + whole), GROUP, kw, to);
      to += 8;
    }
    store<i32>(pair + half, biasOf(bias, o) - (zero + 128) * sum);
    store<f32>(pair + half, load<f32>(scale + (<usize>o << 2)), 8);
  }
}

/**
 * Writes one strip of the image at `x`; `quads`: groups of 4 columns (relaxed); `column`: the column of the groups that
 * go down, -1 for none.
 */
@inline function strip(x: usize, row_stride: usize, rows: i32, quads: i32, column: i32, y: usize): void {
  for (let row = 0; row < rows; row++) {
    let to = y;
    if (RELAXED) {
      let from = x;
      for (let j = quads; j > 0; j--) {
        // columns 0 1 | 2 3 | 4 5 | 6 7 and 2 3 | 4 5 | 6 7 | 8 9 -> 0 1 2 3 | 2 3 4 5 | 4 5 6 7 | 6 7 8 9
        v128.store(to, lowWords(v128.load(from), v128.load(from, 2)));
        v128.store(to, lowWords(v128.load(from, 1), v128.load(from, 3)), 16);
        from += 4;
        to += 32;
      }
    } else {
      v128.store(to, v128.load(x));
      v128.store(to, v128.load(x, 16), 16);
      to += 32;
    }
    if (column >= 0 && row + GROUP <= rows) {
      const from = x + <usize>column * STORED;
      if (RELAXED) {
        const ab = lowBytes(v128.load64_zero(from), v128.load64_zero(from + row_stride));
        const cd = lowBytes(v128.load64_zero(from + 2 * row_stride), v128.load64_zero(from + 3 * row_stride));
        // Rows a b c d of columns 0 .. 7; a group of four bytes, k, is a column: ak bk ck dk.
        //   ab: a0 b0 a1 b1 ... a7 b7      cd: c0 d0 c1 d1 ... c7 d7
        //   low: 0 | 1 | 2 | 3             high: 4 | 5 | 6 | 7
        // Even columns are stored first, then odd ones: 0 | 2 | 4 | 6, 1 | 3 | 5 | 7
        const low = lowWords(ab, cd), high = highWords(ab, cd);
        v128.store(to, v128.shuffle<i32>(low, high, 0, 2, 4, 6));
        v128.store(to, v128.shuffle<i32>(low, high, 1, 3, 5, 7), 16);
      } else {
        const a = v128.load(from), b = v128.load(from + row_stride);
        v128.store(to, v128.bitselect(a, i32x4.shl(b, 16), i32x4.splat(0xffff)));
        v128.store(to, v128.bitselect(i32x4.shr_u(a, 16), b, i32x4.splat(0xffff)), 16);
      }
    }
    x += row_stride;
    y += ROW_STRIDE;
  }
}

/** Stores four pooled pixels of one channel (the low four words) or of two (all eight). */
@inline function storePixels(y: usize, pixel: usize, q: v128, both: bool): void {
  // channel 0 of pixels 0 1 2 3, channel 1 of them -> 0 of pixel 0, 1 of pixel 0, ...
  q = v128.shuffle<i16>(q, q, 0, 4, 1, 5, 2, 6, 3, 7);
  if (RELAXED) {
    q = i8x16.narrow_i16x8_u(q, q);
    if (both) {
      v128.store16_lane(y, q, 0);
      v128.store16_lane(y + pixel, q, 1);
      v128.store16_lane(y + 2 * pixel, q, 2);
      v128.store16_lane(y + 3 * pixel, q, 3);
    } else {
      v128.store8_lane(y, q, 0);
      v128.store8_lane(y + pixel, q, 2);
      v128.store8_lane(y + 2 * pixel, q, 4);
      v128.store8_lane(y + 3 * pixel, q, 6);
    }
  } else {
    if (both) {
      v128.store32_lane(y, q, 0);
      v128.store32_lane(y + pixel, q, 1);
      v128.store32_lane(y + 2 * pixel, q, 2);
      v128.store32_lane(y + 3 * pixel, q, 3);
    } else {
      v128.store16_lane(y, q, 0);
      v128.store16_lane(y + pixel, q, 2);
      v128.store16_lane(y + 2 * pixel, q, 4);
      v128.store16_lane(y + 3 * pixel, q, 6);
    }
  }
}

/**
 * Four pooled pixels of two channels, or of the last one alone; `b`: their block of weights, `base`: the strip's rows.
 */
@inline function channels(
  both: bool, base: usize, b: usize, taps: usize, first: i32, down: i32,
  o: usize, pixel: usize, low: v128, shift: v128, high: v128,
): void {
  // [channel][row][even or odd column]
  let c000 = i32x4.splat(0), c001 = c000, c010 = c000, c011 = c000;
  let c100 = c000, c101 = c000, c110 = c000, c111 = c000;
  let p = b + 16, t = taps;
  let g = first;
  if (g > 0) do {
    const from = base + load<usize>(t);
    const w0 = v128.load32_splat(p), w1 = both ? v128.load32_splat(p, 4) : w0;
    let a = v128.load(from);
    c000 = dot(w0, a, c000);
    if (both) c100 = dot(w1, a, c100);
    a = v128.load(from, ACROSS);
    c001 = dot(w0, a, c001);
    if (both) c101 = dot(w1, a, c101);
    a = v128.load(from, ROW_STRIDE);
    c010 = dot(w0, a, c010);
    if (both) c110 = dot(w1, a, c110);
    a = v128.load(from, ROW_STRIDE + ACROSS);
    c011 = dot(w0, a, c011);
    if (both) c111 = dot(w1, a, c111);
    p += 8;
    t += 4;
  } while (--g > 0);
  if (!RELAXED) {
    let g = down;
    if (g > 0) do {
      const from = base + load<usize>(t);
      const w0 = v128.load32_splat(p), w1 = both ? v128.load32_splat(p, 4) : w0;
      let a = v128.load(from);
      c000 = dot(w0, a, c000);
      if (both) c100 = dot(w1, a, c100);
      a = v128.load(from, DOWN);
      c001 = dot(w0, a, c001);
      if (both) c101 = dot(w1, a, c101);
      a = v128.load(from, ROW_STRIDE);
      c010 = dot(w0, a, c010);
      if (both) c110 = dot(w1, a, c110);
      a = v128.load(from, ROW_STRIDE + DOWN);
      c011 = dot(w0, a, c011);
      if (both) c111 = dot(w1, a, c111);
      p += 8;
      t += 4;
    } while (--g > 0);
  }
  c000 = i32x4.max_s(i32x4.max_s(c000, c001), i32x4.max_s(c010, c011));
  if (both) c100 = i32x4.max_s(i32x4.max_s(c100, c101), i32x4.max_s(c110, c111));
  c000 = requantized(i32x4.add(c000, v128.load32_splat(b)), v128.load32_splat(b, 8), low, shift);
  if (both) c100 = requantized(i32x4.add(c100, v128.load32_splat(b, 4)), v128.load32_splat(b, 12), low, shift);
  storePixels(o, pixel, narrowed(c000, c100, high), both);
}

export function i8_conv2d_1c_max_pool2d(
  n: i32, x: usize, xs: i32, x_row_stride: i32, kh: i32, kw: i32, scratch: usize, weight: usize,
  y: usize, ys: i32, y_row_stride: i32, y_pixel_stride: i32, oh: i32, ow: i32, cout: i32, zero: i32, qmin: i32,
  qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  const across = acrossOf(kh, kw), down = rowsDown(kh, kw) / GROUP, rows = 2 * oh + kh - 1;
  const quads = quadsOf(kh, kw), column = down ? wholeOf(kw) : -1;
  const taps = weight, block: usize = 16 + <usize>(across + down) * 8, pixel = <usize>y_pixel_stride;
  weight += <usize>(across + down) << 2;
  // both strides are equal where relaxed: one loop runs over all groups
  const first = RELAXED ? across + down : across;
  for (; n > 0; n--) {
    for (let px = 0; px < ow; px += 4) {
      // the last strip overlaps the one before
      if (px > ow - 4) px = ow - 4;
      strip(x + <usize>(2 * px) * STORED, <usize>x_row_stride, rows, quads, column, scratch);
      let base = scratch, row = y + <usize>px * pixel;
      for (let py = oh; py > 0; py--) {
        let o = row, b = weight;
        for (let left = cout; left > 0; left -= 2) {
          if (left > 1) channels(true, base, b, taps, first, down, o, pixel, low, shift, high);
          else channels(false, base, b, taps, first, down, o, pixel, low, shift, high);
          b += block;
          o += 2 * STORED;
        }
        base += 2 * ROW_STRIDE;
        row += <usize>y_row_stride;
      }
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
