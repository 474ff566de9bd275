// int8 depthwise convolution 3x3, strides 1 or 2. Rows of the image are interleaved once, in scratch, so that a dot
// product takes the taps of a column:
//
//   relaxed: r0 r1 r2 r3 of each element, 4 bytes        times w0 w1 w2 0 for the first row of results,
//                                                        0 w0 w1 w2 for the second
//   plain:   r0 r1 of each element, 4 bytes, and in a    times w0 w1 | w2 0 for the first row,
//            second plane r2 r3                          0 w0 | w1 w2 for the second
//
// With stride_h 1, four rows of pixels give two rows of results; otherwise, and for a last row, three rows give one,
// with r2 in the place of r3. An element is a channel of a pixel. Four channels at a time, the last four overlapping
// those before, so any number from 4 on.
import { highBytes, highWords, lowBytes, lowWords } from "./simd";
import {
  biasOf, dot, GROUP, highest, lowest, narrowed, RELAXED, requantized, shiftOf, STORED, storeWeight, WEIGHT,
} from "./stored";

/**
 * Bytes of a panel of 4 channels: biases, scales, then vectors of weights, three columns of each row of results
 * (relaxed: of the first).
 */
const HEAD: usize = 32;
const ROWS: i32 = RELAXED ? 1 : 2;
const ROW: usize = RELAXED ? 3 * 16 : 6 * 16;
const PANEL: usize = HEAD + <usize>ROWS * ROW;
/** Elements interleaved at a time. */
const CHUNK: i32 = RELAXED ? 16 : 8;

/**
 * int8 weights [cin][3][3], i32 bias and f32 scale per channel -> panels of 4 channels, the last overlapping the one
 * before.
 */
export function i8_depthwise_3x3_pack(cin: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize): void {
  for (let block = 0; block < cin; block += 4) {
    const first = min(block, cin - 4);
    memory.fill(y, 0, PANEL);
    for (let c = 0; c < 4; c++) {
      const at = <usize>(first + c) << 2, lane = <usize>c << 2, from = weight + <usize>(first + c) * 9;
      let sum = 0;
      for (let t = 0; t < 9; t++) {
        const v = <i32>load<i8>(from + <usize>t), ky = t / 3, kx = t % 3;
        const vectors = y + HEAD + <usize>kx * (ROW / 3) + lane;
        for (let r = 0; r < ROWS; r++) {
          const place = ky + r;
          storeWeight(vectors + <usize>r * ROW + <usize>(place / GROUP) * 16 + <usize>(place % GROUP) * WEIGHT, v);
        }
        sum += v;
      }
      store<i32>(y + lane, biasOf(bias, first + c) - (zero + 128) * sum);
      store<f32>(y + lane, load<f32>(scale + at), 16);
    }
    y += PANEL;
  }
}

// Rows are interleaved by bytes, then by words of two bytes (simd.ts).
//
//   a: a0 a1 ... a15, b: b0 b1 ... b15        lowBytes: a0 b0 a1 b1 ... a7 b7      highBytes: a8 b8 ... a15 b15
//   a: A0 A1 ... A7,  b: B0 B1 ... B7         lowWords: A0 B0 A1 B1 A2 B2 A3 B3    highWords: A4 B4 ... A7 B7
//
// Rows a b c d become columns of four bytes in two steps (element 0 of the four rows, element 1, ...):
//
//   a0 b0 a1 b1 a2 b2 a3 b3 ... = lowBytes(a, b)  \
//   c0 d0 c1 d1 c2 d2 c3 d3 ... = lowBytes(c, d)  / lowWords: a0 b0 c0 d0 | a1 b1 c1 d1 | a2 b2 c2 d2 | a3 b3 c3 d3

/** Interleaves three or four rows (`four`: a literal) of `chunks` vectors. */
@inline function interleave(four: bool, x: usize, row_stride: usize, to: usize, plane: usize, chunks: i32): void {
  let r1 = x + row_stride, r2 = r1 + row_stride, r3 = r2 + row_stride;
  do {
    const a = v128.load(x), b = v128.load(r1), c = v128.load(r2);
    let d = c;
    if (four) d = v128.load(r3);
    if (RELAXED) {
      const ab = lowBytes(a, b), cd = lowBytes(c, d), ef = highBytes(a, b), gh = highBytes(c, d);
      v128.store(to, lowWords(ab, cd));
      v128.store(to, highWords(ab, cd), 16);
      v128.store(to, lowWords(ef, gh), 32);
      v128.store(to, highWords(ef, gh), 48);
      to += 64;
    } else {
      v128.store(to, lowWords(a, b));
      v128.store(to, highWords(a, b), 16);
      v128.store(to + plane, lowWords(c, d));
      v128.store(to + plane, highWords(c, d), 16);
      to += 32;
    }
    x += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  } while (--chunks > 0);
}

/** Computes four channels of one row, relaxed; `stride_w` is a literal. */
@inline function rowOfBytes(
  stride_w: i32, p: usize, column: usize, k0: v128, k1: v128, k2: v128, o: usize, pixel_stride: usize, ow: i32,
  bias: v128, scale: v128, low: v128, shift: v128, high: v128,
): void {
  for (; ow >= 2; ow -= 2) {
    const second = p + <usize>stride_w * column;
    const v0 = v128.load(p), v1 = v128.load(p + column), v2 = v128.load(p + 2 * column);
    const a = dot(k2, v2, dot(k1, v1, dot(k0, v0, bias)));
    const c = dot(
      k2, v128.load(second + 2 * column), dot(k1, v128.load(second + column), dot(k0, stride_w == 1 ? v1 : v2, bias)),
    );
    const q = narrowed(requantized(a, scale, low, shift), requantized(c, scale, low, shift), high);
    const bytes = i8x16.narrow_i16x8_u(q, q);
    v128.store32_lane(o, bytes, 0);
    v128.store32_lane(o + pixel_stride, bytes, 1);
    p = second + <usize>stride_w * column;
    o += 2 * pixel_stride;
  }
  if (ow > 0) {
    const a = requantized(
      dot(k2, v128.load(p + 2 * column), dot(k1, v128.load(p + column), dot(k0, v128.load(p), bias))), scale, low,
      shift,
    );
    const q = narrowed(a, a, high);
    v128.store32_lane(o, i8x16.narrow_i16x8_u(q, q), 0);
  }
}

/** Computes four channels of two rows, relaxed, stride_w 1: each vector of pixels is loaded once for both. */
@inline function rowsOfBytes(
  p: usize, column: usize, k0: v128, k1: v128, k2: v128, o: usize, pixel_stride: usize, row_stride: usize, ow: i32,
  bias: v128, scale: v128, low: v128, shift: v128, high: v128,
): void {
  const j0 = i32x4.shl(k0, 8), j1 = i32x4.shl(k1, 8), j2 = i32x4.shl(k2, 8);
  for (; ow >= 2; ow -= 2) {
    const v0 = v128.load(p), v1 = v128.load(p + column), v2 = v128.load(p + 2 * column), v3 = v128.load(p + 3 * column);
    const a = requantized(dot(k2, v2, dot(k1, v1, dot(k0, v0, bias))), scale, low, shift);
    const b = requantized(dot(k2, v3, dot(k1, v2, dot(k0, v1, bias))), scale, low, shift);
    const c = requantized(dot(j2, v2, dot(j1, v1, dot(j0, v0, bias))), scale, low, shift);
    const d = requantized(dot(j2, v3, dot(j1, v2, dot(j0, v1, bias))), scale, low, shift);
    const bytes = i8x16.narrow_i16x8_u(narrowed(a, b, high), narrowed(c, d, high));
    v128.store32_lane(o, bytes, 0);
    v128.store32_lane(o + pixel_stride, bytes, 1);
    v128.store32_lane(o + row_stride, bytes, 2);
    v128.store32_lane(o + row_stride + pixel_stride, bytes, 3);
    p += 2 * column;
    o += 2 * pixel_stride;
  }
  if (ow > 0) {
    const v0 = v128.load(p), v1 = v128.load(p + column), v2 = v128.load(p + 2 * column);
    const a = requantized(dot(k2, v2, dot(k1, v1, dot(k0, v0, bias))), scale, low, shift);
    const c = requantized(dot(j2, v2, dot(j1, v1, dot(j0, v0, bias))), scale, low, shift);
    const q = narrowed(a, c, high), bytes = i8x16.narrow_i16x8_u(q, q);
    v128.store32_lane(o, bytes, 0);
    v128.store32_lane(o + row_stride, bytes, 1);
  }
}

/** Computes four channels of one row, plain; `stride_w` is a literal. `weight`: the six vectors of the row. */
@inline function rowOfWords(
  stride_w: i32, p: usize, plane: usize, column: usize, weight: usize, o: usize, pixel_stride: usize, ow: i32,
  bias: v128, scale: v128, low: v128, shift: v128, high: v128,
): void {
  const k0 = v128.load(weight), k1 = v128.load(weight, 16), k2 = v128.load(weight, 32), k3 = v128.load(weight, 48);
  const k4 = v128.load(weight, 64), k5 = v128.load(weight, 80);
  let r = p + plane;
  for (; ow >= 2; ow -= 2) {
    let u = v128.load(p), v = v128.load(r);
    let a = dot(k1, v, dot(k0, u, bias)), c = bias;
    p += column;
    r += column;
    u = v128.load(p);
    v = v128.load(r);
    a = dot(k3, v, dot(k2, u, a));
    if (stride_w == 1) c = dot(k1, v, dot(k0, u, c));
    p += column;
    r += column;
    u = v128.load(p);
    v = v128.load(r);
    a = dot(k5, v, dot(k4, u, a));
    if (stride_w == 1) c = dot(k3, v, dot(k2, u, c));
    else {
      c = dot(k1, v, dot(k0, u, c));
      c = dot(k3, v128.load(r + column), dot(k2, v128.load(p + column), c));
      p += column;
      r += column;
    }
    c = dot(k5, v128.load(r + column), dot(k4, v128.load(p + column), c));
    if (stride_w == 2) {
      p += column;
      r += column;
    }
    const q = narrowed(requantized(a, scale, low, shift), requantized(c, scale, low, shift), high);
    v128.store64_lane(o, q, 0);
    v128.store64_lane(o + pixel_stride, q, 1);
    o += 2 * pixel_stride;
  }
  if (ow > 0) {
    let a = dot(k1, v128.load(r), dot(k0, v128.load(p), bias));
    a = dot(k3, v128.load(r + column), dot(k2, v128.load(p + column), a));
    a = dot(k5, v128.load(r + 2 * column), dot(k4, v128.load(p + 2 * column), a));
    a = requantized(a, scale, low, shift);
    v128.store64_lane(o, narrowed(a, a, high), 0);
  }
}

/** Computes one row of results, or two (stride_w 1), from interleaved rows; `stride_w` and `two` are literals. */
@inline function blocks(
  stride_w: i32, two: bool, strip: usize, plane: usize, weight: usize, y: usize, row_stride: usize, ow: i32, cin: i32,
  low: v128, shift: v128, high: v128,
): void {
  const column = <usize>cin << 2, pixel_stride = <usize>cin * STORED;
  for (let block = 0; block < cin; block += 4) {
    const first = min(block, cin - 4);
    const p = strip + (<usize>first << 2), o = y + <usize>first * STORED;
    const bias = v128.load(weight), scale = v128.load(weight, 16);
    if (RELAXED) {
      const k0 = v128.load(weight, HEAD), k1 = v128.load(weight, HEAD + 16), k2 = v128.load(weight, HEAD + 32);
      if (two) rowsOfBytes(p, column, k0, k1, k2, o, pixel_stride, row_stride, ow, bias, scale, low, shift, high);
      else rowOfBytes(stride_w, p, column, k0, k1, k2, o, pixel_stride, ow, bias, scale, low, shift, high);
    } else {
      rowOfWords(stride_w, p, plane, column, weight + HEAD, o, pixel_stride, ow, bias, scale, low, shift, high);
      if (two) rowOfWords(
        1, p, plane, column, weight + (HEAD + ROW), o + row_stride, pixel_stride, ow, bias, scale, low, shift, high,
      );
    }
    weight += PANEL;
  }
}

export function i8_depthwise_conv2d_3x3(
  n: i32, x: usize, xs: i32, x_row_stride: i32, cin: i32, stride_h: i32, stride_w: i32, weight: usize, scratch: usize,
  y: usize, ys: i32, y_row_stride: i32, oh: i32, ow: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  const chunks = (((ow - 1) * stride_w + 3) * cin + CHUNK - 1) / CHUNK, plane = <usize>chunks * 32;
  const xRow = <usize>x_row_stride, yRow = <usize>y_row_stride;
  for (; n > 0; n--) {
    let from = x, to = y, rows = oh;
    if (stride_h == 1 && stride_w == 1)
      for (; rows >= 2; rows -= 2) {
        interleave(true, from, xRow, scratch, plane, chunks);
        blocks(1, true, scratch, plane, weight, to, yRow, ow, cin, low, shift, high);
        from += 2 * xRow;
        to += 2 * yRow;
      }
    for (; rows > 0; rows--) {
      interleave(false, from, xRow, scratch, plane, chunks);
      if (stride_w == 1) blocks(1, false, scratch, plane, weight, to, yRow, ow, cin, low, shift, high);
      else blocks(2, false, scratch, plane, weight, to, yRow, ow, cin, low, shift, high);
      from += <usize>stride_h * xRow;
      to += yRow;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
