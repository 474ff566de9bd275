// int8 convolution 3x3 of stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray, 2015), in integers and exact: 36 products
// for 16 outputs of a channel, not 144.
//
//   y = A' [(G g G') * (B' d B)] A      d: 6x6 pixels, g: 3x3 weights, y: 4x4 outputs
//
// where ' is transposition and * is element by element.
//
// B and A hold integers. G does not; its rows times 24, -6, -6, 24, 24, 6 are integers:
//
//   6 0 0 | 1 1 1 | 1 -1 1 | 1 2 4 | 1 -2 4 | 0 0 6
//
// so output (i, j) is scaled by 9 * 2^(e[i] + e[j]), e = 3 2 1 1 (the other factors are divided out of A). Sums are
// modulo 2^32; a product with the inverse of 9 and with 2^(6 - e[i] - e[j]) leaves 2^6 y, and an arithmetic shift
// leaves y, as long as -2^25 <= y < 2^25.
//
// Ranges, for pixels in 0..255 and weights in -128..127: |B' d B| <= 17340 and |G g G'| <= 6272, so both fit 16 bits
// and pairs of products 32. y is the sum over pixel - 128, so that |y| <= 128 * 128 * 9 * cin: in range up to 227
// channels (`winogradFits`) for all weights. For a constant image B' d B has one element that is not 0, (1, 1), which
// is 36 times the constant: the sums of that point start from the correction for the 128.
import { HEAD } from "./i8-tile";
import { dotWords } from "./simd";
import { biasOf, highest, load8, lowest, narrowed, RELAXED, requantized, shiftOf, STORED } from "./stored";

const POINTS: i32 = 36;
/** Bytes before the points of a panel: 8 biases, 8 scales, 8 starts of point (1, 1). */
const PANEL_HEAD: usize = HEAD + 32;
/** Point (1, 1), and its weight in sums of a constant: B' of six ones is 0 -6 0 0 0 0. */
const CONSTANT_POINT: i32 = 7;
const CONSTANT_SUM: i32 = 36;

/** Bytes of one row of the working block of a transformation. */
const LINE: usize = 6 * 16;
/** Scratch before the transformed image: a working block of 6 x 6 vectors, then the factors of the outputs. */
const FACTORS: usize = 6 * LINE;
const TRANSFORMED: usize = FACTORS + 4 * 3 * 16;
/** Bytes between the points, which would otherwise share lines of the cache. */
const APART: usize = 64;

const INVERSE_OF_9: i32 = 954437177;

/** Row i of G' applied to a, b, c. */
@inline function weightPoint(i: i32, a: i32, b: i32, c: i32): i32 {
  switch (i) {
    case 0: return 6 * a;
    case 1: return a + b + c;
    case 2: return a - b + c;
    case 3: return a + 2 * b + 4 * c;
    case 4: return a - 2 * b + 4 * c;
    default: return 6 * c;
  }
}

/**
 * int8 weights [cout][3][3][cin] -> panels of 8 outputs, the last overlapping the one before: a head, then for each
 * point its k-groups of two channels.
 */
export function i8_conv2d_winograd_pack(
  cout: i32, cin: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  const point = <usize>((cin + 1) >> 1) * 32, panel = PANEL_HEAD + <usize>POINTS * point, row = <usize>cin * 3;
  for (let block = 0; block < cout; block += 8) {
    const first = min(block, cout - 8);
    memory.fill(y, 0, panel);
    for (let o = 0; o < 8; o++) {
      const from = weight + <usize>(first + o) * row * 3, head = y + (<usize>o << 2), at = <usize>(first + o) << 2;
      let sum = 0;
      for (let c = 0; c < cin; c++) {
        const p = from + <usize>c;
        const g00 = <i32>load<i8>(p), g10 = <i32>load<i8>(p + row), g20 = <i32>load<i8>(p + 2 * row);
        const g01 = <i32>load<i8>(p + cin), g11 = <i32>load<i8>(p + row + cin), g21 = <i32>load<i8>(p + 2 * row + cin);
        const g02 = <i32>load<i8>(p + 2 * cin), g12 = <i32>load<i8>(p + row + 2 * cin);
        const g22 = <i32>load<i8>(p + 2 * row + 2 * cin);
        sum += g00 + g01 + g02 + g10 + g11 + g12 + g20 + g21 + g22;
        let to = head + PANEL_HEAD + <usize>(c >> 1) * 32 + <usize>(c & 1) * 2;
        for (let i = 0; i < 6; i++) {
          const a = weightPoint(i, g00, g10, g20), b = weightPoint(i, g01, g11, g21), d = weightPoint(i, g02, g12, g22);
          for (let j = 0; j < 6; j++) {
            store<i16>(to, <i16>weightPoint(j, a, b, d));
            to += point;
          }
        }
      }
      // pixels - 128 are summed: only the zero point remains to be subtracted
      store<i32>(head, biasOf(bias, first + o) - zero * sum);
      store<f32>(head, load<f32>(scale + at), 32);
      store<i32>(head, -128 * CONSTANT_SUM * sum, HEAD);
    }
    y += panel;
  }
}

/** Stores B' d of six vectors d, `step` bytes apart. */
@inline function imagePoints(to: usize, step: usize, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128): void {
  const a = i16x8.sub(d4, i16x8.shl(d2, 2)), b = i16x8.sub(d3, i16x8.shl(d1, 2));
  const c = i16x8.sub(d4, d2), e = i16x8.shl(i16x8.sub(d3, d1), 1);
  v128.store(to, i16x8.add(i16x8.shl(i16x8.sub(d0, d2), 2), c)); //  4 d0 - 5 d2 + d4
  to += step;
  v128.store(to, i16x8.add(a, b)); // -4 d1 - 4 d2 + d3 + d4
  to += step;
  v128.store(to, i16x8.sub(a, b)); //  4 d1 - 4 d2 - d3 + d4
  to += step;
  v128.store(to, i16x8.add(c, e)); // -2 d1 - d2 + 2 d3 + d4
  to += step;
  v128.store(to, i16x8.sub(c, e)); //  2 d1 - d2 - 2 d3 + d4
  to += step;
  v128.store(to, i16x8.sub(i16x8.sub(d5, d3), i16x8.shl(e, 1))); //  4 d1 - 5 d3 + d5
}

/** Transforms one tile of pixels at x into its 36 points, `apart` bytes from one to the next. */
@inline function transformTile(
  x: usize, row_stride: usize, pixel_stride: usize, cin: i32, to: usize, apart: usize, work: usize,
): void {
  for (let c = 0; c < cin; c += 8) {
    // the last 8 channels overlap those before
    if (c > cin - 8) c = cin - 8;
    let p = x + <usize>c * STORED, t = work;
    for (let j = 6; j > 0; j--) {
      imagePoints(
        t, LINE, load8(p), load8(p + row_stride), load8(p + 2 * row_stride), load8(p + 3 * row_stride),
        load8(p + 4 * row_stride), load8(p + 5 * row_stride),
      );
      p += pixel_stride;
      t += 16;
    }
    let v = to + (<usize>c << 1);
    t = work;
    for (let i = 6; i > 0; i--) {
      imagePoints(
        v, apart, v128.load(t), v128.load(t, 16), v128.load(t, 32), v128.load(t, 48), v128.load(t, 64),
        v128.load(t, 80),
      );
      v += 6 * apart;
      t += LINE;
    }
  }
}

/**
 * Transforms rows of tiles, `row` bytes from tile to tile. The last tile of a row, and the last row of tiles, overlap
 * those before.
 */
function transformTiles(
  x: usize, row_stride: usize, pixel_stride: usize, cin: i32, oh: i32, ow: i32, top: i32, rows: i32, to: usize,
  apart: usize, row: usize, work: usize,
): void {
  for (let i = top; i < top + rows; i++) {
    const line = x + <usize>min(4 * i, oh - 4) * row_stride;
    for (let j = 0; j < ow; j += 4) {
      transformTile(line + <usize>min(j, ow - 4) * pixel_stride, row_stride, pixel_stride, cin, to, apart, work);
      to += row;
    }
  }
}

/** Multiplies, for each point, [tiles][cin] by [cin][8] of the panel, four tiles at a time. */
function multiplyPoints(
  v: usize, apart: usize, row: usize, tiles: i32, k_groups: i32, panel: usize, m: usize, products: usize,
): void {
  let weight = panel + PANEL_HEAD;
  for (let point = 0; point < POINTS; point++) {
    let s0 = i32x4.splat(0), s1 = s0;
    if (point == CONSTANT_POINT) {
      s0 = v128.load(panel, HEAD);
      s1 = v128.load(panel, HEAD + 16);
    }
    let a0 = v, to = m;
    for (let t = tiles; t > 0; t -= 4) {
      let a1 = a0 + row, a2 = a1 + row, a3 = a2 + row, b = weight;
      let c00 = s0, c01 = s1, c10 = s0, c11 = s1, c20 = s0, c21 = s1, c30 = s0, c31 = s1;
      let g = k_groups;
      if (g > 0) do {
        const w0 = v128.load(b), w1 = v128.load(b, 16);
        let a = v128.load32_splat(a0);
        c00 = dotWords(w0, a, c00);
        c01 = dotWords(w1, a, c01);
        a = v128.load32_splat(a1);
        c10 = dotWords(w0, a, c10);
        c11 = dotWords(w1, a, c11);
        a = v128.load32_splat(a2);
        c20 = dotWords(w0, a, c20);
        c21 = dotWords(w1, a, c21);
        a = v128.load32_splat(a3);
        c30 = dotWords(w0, a, c30);
        c31 = dotWords(w1, a, c31);
        b += 32;
        a0 += 4;
        a1 += 4;
        a2 += 4;
        a3 += 4;
      } while (--g > 0);
      v128.store(to, c00);
      v128.store(to, c01, 16);
      v128.store(to, c10, 32);
      v128.store(to, c11, 48);
      v128.store(to, c20, 64);
      v128.store(to, c21, 80);
      v128.store(to, c30, 96);
      v128.store(to, c31, 112);
      to += 128;
      a0 = a3;
    }
    weight += <usize>k_groups * 32;
    v += apart;
    m += products;
  }
}

@inline function output(sum: v128, factor: v128, bias: v128, scale: v128, low: v128, shift: v128): v128 {
  return requantized(i32x4.add(i32x4.shr_s(i32x4.mul(sum, factor), 6), bias), scale, low, shift);
}

/**
 * Transforms the products of one tile, `apart` bytes from point to point, into four outputs of each of 4x4 pixels of y.
 */
@inline function untransformTile(
  m: usize, apart: usize, y: usize, row_stride: usize, pixel_stride: usize, bias: v128, scale: v128, work: usize,
  low: v128, shift: v128, high: v128,
): void {
  let t = work;
  for (let j = 6; j > 0; j--) {
    const m1 = v128.load(m + 6 * apart), m2 = v128.load(m + 12 * apart), m3 = v128.load(m + 18 * apart);
    const m4 = v128.load(m + 24 * apart);
    const p = i32x4.add(m1, m2), q = i32x4.sub(m1, m2), s = i32x4.add(m3, m4), d = i32x4.sub(m3, m4);
    v128.store(t, i32x4.sub(i32x4.add(s, v128.load(m)), i32x4.shl(p, 2))); // m0 - 4 (m1 + m2) + m3 + m4
    v128.store(t, i32x4.sub(d, i32x4.shl(q, 1)), LINE); // -2 (m1 - m2) + m3 - m4
    v128.store(t, i32x4.sub(s, p), 2 * LINE); // -(m1 + m2) + m3 + m4
    // -(m1 - m2) + 2 (m3 - m4) + m5
    v128.store(t, i32x4.sub(i32x4.add(i32x4.shl(d, 1), v128.load(m + 30 * apart)), q), 3 * LINE);
    m += apart;
    t += 16;
  }
  t = work;
  let factor = work + FACTORS;
  for (let i = 4; i > 0; i--) {
    const m1 = v128.load(t, 16), m2 = v128.load(t, 32), m3 = v128.load(t, 48), m4 = v128.load(t, 64);
    const p = i32x4.add(m1, m2), q = i32x4.sub(m1, m2), s = i32x4.add(m3, m4), d = i32x4.sub(m3, m4);
    const last = v128.load(factor, 32);
    const y0 = output(
      i32x4.sub(i32x4.add(s, v128.load(t)), i32x4.shl(p, 2)), v128.load(factor), bias, scale, low, shift,
    );
    const y1 = output(i32x4.sub(d, i32x4.shl(q, 1)), v128.load(factor, 16), bias, scale, low, shift);
    const y2 = output(i32x4.sub(s, p), last, bias, scale, low, shift);
    const y3 = output(i32x4.sub(i32x4.add(i32x4.shl(d, 1), v128.load(t, 80)), q), last, bias, scale, low, shift);
    const first = narrowed(y0, y1, high), second = narrowed(y2, y3, high);
    if (RELAXED) {
      const bytes = i8x16.narrow_i16x8_u(first, second);
      v128.store32_lane(y, bytes, 0);
      v128.store32_lane(y + pixel_stride, bytes, 1);
      v128.store32_lane(y + 2 * pixel_stride, bytes, 2);
      v128.store32_lane(y + 3 * pixel_stride, bytes, 3);
    } else {
      v128.store64_lane(y, first, 0);
      v128.store64_lane(y + pixel_stride, first, 1);
      v128.store64_lane(y + 2 * pixel_stride, second, 0);
      v128.store64_lane(y + 3 * pixel_stride, second, 1);
    }
    y += row_stride;
    factor += 48;
    t += LINE;
  }
}

/** Writes the factors of output (i, j), in every lane: columns of e = 3, 2, 1 for each row of e = 3, 2, 1, 1. */
function writeFactors(at: usize): void {
  for (let i = 0; i < 4; i++)
    for (let j = 0; j < 3; j++) {
      v128.store(at, i32x4.splat(INVERSE_OF_9 << (6 - max(1, 3 - i) - (3 - j))));
      at += 16;
    }
}

export function i8_conv2d_winograd(
  n: i32, x: usize, xs: i32, x_row_stride: i32, cin: i32, weight: usize, scratch: usize, band: i32,
  y: usize, ys: i32, y_row_stride: i32, oh: i32, ow: i32, cout: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  const k_groups = (cin + 1) >> 1, row = <usize>k_groups * 4, panel = PANEL_HEAD + <usize>(POINTS * k_groups) * 32;
  const down = (oh + 3) >> 2, across = (ow + 3) >> 2, most = (band * across + 3) & ~3;
  const apart = <usize>most * row + APART, products = <usize>most * 32 + APART;
  const v = scratch + TRANSFORMED, m = v + <usize>POINTS * apart;
  const x_pixel_stride = <usize>cin * STORED, y_pixel_stride = <usize>cout * STORED;
  writeFactors(scratch + FACTORS);
  for (; n > 0; n--) {
    for (let top = 0; top < down; top += band) {
      const rows = min(band, down - top);
      transformTiles(x, <usize>x_row_stride, x_pixel_stride, cin, oh, ow, top, rows, v, apart, row, scratch);
      let head = weight;
      for (let block = 0; block < cout; block += 8) {
        multiplyPoints(v, apart, row, rows * across, k_groups, head, m, products);
        const out = y + <usize>min(block, cout - 8) * STORED;
        const b0 = v128.load(head), b1 = v128.load(head, 16), s0 = v128.load(head, 32), s1 = v128.load(head, 48);
        let from = m;
        for (let i = top; i < top + rows; i++) {
          const line = out + <usize>min(4 * i, oh - 4) * <usize>y_row_stride;
          for (let j = 0; j < ow; j += 4) {
            const o = line + <usize>min(j, ow - 4) * y_pixel_stride;
            untransformTile(from, products, o, <usize>y_row_stride, y_pixel_stride, b0, s0, scratch, low, shift, high);
            untransformTile(
              from + 16, products, o + 4 * STORED, <usize>y_row_stride, y_pixel_stride, b1, s1, scratch, low, shift,
              high,
            );
            from += 32;
          }
        }
        head += panel;
      }
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
