// f32 convolutions on NHWC images, without im2col: the taps of an output pixel are a few runs of neighbouring floats,
// and a tile of four pixels by eight outputs walks them. Padding is written first, into a copy of the image, so that no
// inner loop tests for borders.
import { BIAS_RELU, MASK, biasHigh, biasLow, storeSums } from "./f32-gemm";
import { firstLanes, madd } from "./simd";

/** Output pixels of one pass over the panels of weights. */
const PIXELS_PER_PASS = 64;

/**
 * Finishes and stores lanes first .. last - 1 of the eight floats low, high, one by one: for groups that begin inside a
 * panel.
 */
function storeGroup(
  c: usize, low: v128, high: v128, mode: i32, bias0: v128, bias1: v128, mask: usize, first: i32, last: i32,
): void {
  for (let lane = 0; lane < last; lane++) {
    if (lane >= first) {
      const at = <usize>lane << 2;
      let sum = f32x4.extract_lane(low, 0);
      if (mode == MASK) sum = load<f32>(mask + at) > 0 ? sum : 0;
      else if (mode) sum += f32x4.extract_lane(bias0, 0);
      if (mode == BIAS_RELU) sum = max<f32>(sum, 0);
      store<f32>(c + at, sum);
    }
    // All eight lanes move down by one: 0 1 2 3 | 4 5 6 7 -> 1 2 3 4 | 5 6 7 7
    low = v128.shuffle<f32>(low, high, 1, 2, 3, 4);
    high = v128.shuffle<f32>(high, high, 1, 2, 3, 3);
    bias0 = v128.shuffle<f32>(bias0, bias1, 1, 2, 3, 4);
    bias1 = v128.shuffle<f32>(bias1, bias1, 1, 2, 3, 3);
  }
}

@inline function storePixel(
  c: usize, low: v128, high: v128, mode: i32, bias0: v128, bias1: v128, mask: usize, first: i32, last: i32,
): void {
  if (first) storeGroup(c, low, high, mode, bias0, bias1, mask, first, last);
  else storeSums(c, low, high, mode, bias0, bias1, mask, last);
}

/**
 * Computes outputs from .. to - 1 of rows x columns output pixels of one image.
 *
 *   x       the first tap of pixel (0, 0); xColumn and xRow are the bytes to its neighbours
 *   y       element 0 of output pixel (0, 0); yColumn and yRow are the bytes to its neighbours
 *   mask    the mask of that element, for the mode that masks
 *   weight  panel of output `from & -8`; panels are `panel` bytes apart
 *   taps    tapRows times tapParts runs of `run` floats; xPart and xTap (of weights wPart and wTap) are the bytes from
 *           part to part and from row to row
 */
function convolve(
  rows: i32, columns: i32, x: usize, xRow: i32, xColumn: i32, y: usize, yRow: i32, yColumn: i32,
  weight: usize, panel: i32, from: i32, to: i32, mode: i32, aux: usize, mask: usize,
  tapRows: i32, xTap: i32, wTap: i32, tapParts: i32, xPart: i32, wPart: i32, run: i32,
): void {
  if (xRow == columns * xColumn && yRow == columns * yColumn) {
    columns *= rows;
    rows = 1;
  }
  const pixels = rows * columns, lastTile = max(pixels - 4, 0);
  for (let pass = 0; pass < pixels; pass += PIXELS_PER_PASS) {
    const end = min(pass + PIXELS_PER_PASS, pixels);
    let w = weight;
    for (let column = from & -8; column < to; column += 8) {
      const first = max(from - column, 0), last = min(to - column, 8);
      const bias0 = biasLow(mode, aux, column), bias1 = biasHigh(mode, aux, column);
      for (let p = pass; p < end; p += 4) {
        // the last tile overlaps the one before: the same numbers are stored twice
        const pixel = min(p, lastTile);
        let row = pixel / columns, at = pixel - row * columns;
        let x0 = x + <usize>(row * xRow + at * xColumn), y0 = y + <usize>(row * yRow + at * yColumn);
        let x1 = x0, x2 = x0, x3 = x0, y1 = y0, y2 = y0, y3 = y0;
        if (at + 4 <= columns) {
          x1 = x0 + <usize>xColumn;
          x2 = x1 + <usize>xColumn;
          x3 = x2 + <usize>xColumn;
          y1 = y0 + <usize>yColumn;
          y2 = y1 + <usize>yColumn;
          y3 = y2 + <usize>yColumn;
        } else {
          // the four pixels are in several rows; where there are fewer than four, the last is computed again
          let next = min(pixel + 1, pixels - 1);
          row = next / columns;
          at = next - row * columns;
          x1 = x + <usize>(row * xRow + at * xColumn);
          y1 = y + <usize>(row * yRow + at * yColumn);
          next = min(pixel + 2, pixels - 1);
          row = next / columns;
          at = next - row * columns;
          x2 = x + <usize>(row * xRow + at * xColumn);
          y2 = y + <usize>(row * yRow + at * yColumn);
          next = min(pixel + 3, pixels - 1);
          row = next / columns;
          at = next - row * columns;
          x3 = x + <usize>(row * xRow + at * xColumn);
          y3 = y + <usize>(row * yRow + at * yColumn);
        }
        let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        for (let i = 0; i < tapRows; i++) {
          let tap = <usize>(i * xTap), taps = w + <usize>(i * wTap);
          for (let j = 0; j < tapParts; j++) {
            let a0 = x0 + tap, a1 = x1 + tap, a2 = x2 + tap, a3 = x3 + tap, b = taps;
            let k = run;
            do {
              const w0 = v128.load(b), w1 = v128.load(b, 16);
              let v = v128.load32_splat(a0);
              c00 = madd(v, w0, c00);
              c01 = madd(v, w1, c01);
              v = v128.load32_splat(a1);
              c10 = madd(v, w0, c10);
              c11 = madd(v, w1, c11);
              v = v128.load32_splat(a2);
              c20 = madd(v, w0, c20);
              c21 = madd(v, w1, c21);
              v = v128.load32_splat(a3);
              c30 = madd(v, w0, c30);
              c31 = madd(v, w1, c31);
              b += 32;
              a0 += 4;
              a1 += 4;
              a2 += 4;
              a3 += 4;
            } while (--k > 0);
            tap += <usize>xPart;
            taps += <usize>wPart;
          }
        }
        const to0 = <usize>column << 2, beside = mask - y;
        y0 += to0;
        y1 += to0;
        y2 += to0;
        y3 += to0;
        storePixel(y0, c00, c01, mode, bias0, bias1, y0 + beside, first, last);
        storePixel(y1, c10, c11, mode, bias0, bias1, y1 + beside, first, last);
        storePixel(y2, c20, c21, mode, bias0, bias1, y2 + beside, first, last);
        storePixel(y3, c30, c31, mode, bias0, bias1, y3 + beside, first, last);
      }
      w += <usize>panel;
    }
  }
}

/** The number of rows (or columns) that the windows of `out` outputs cover. */
@inline export function reach(out: i32, kernel: i32, stride: i32, dilation: i32): i32 {
  return (out - 1) * stride + (kernel - 1) * dilation + 1;
}

/**
 * Copies h x w pixels of x, whose rows are `row_stride` bytes apart, into the rows x columns at y, beginning at (top,
 * left). The padding around them has been written before.
 */
export function placeImage(
  y: usize, x: usize, row_stride: i32, h: i32, w: i32, pixel: i32, top: i32, left: i32, rows: i32, columns: i32,
): void {
  const count = min(h, rows - top), bytes = min(w, columns - left) * pixel;
  if (bytes <= 0) return;
  y += <usize>((top * columns + left) * pixel);
  for (let i = 0; i < count; i++) {
    memory.copy(y, x, bytes);
    x += <usize>row_stride;
    y += <usize>(columns * pixel);
  }
}

export function f32_conv2d(
  n: i32, x: usize, xs: i32, weight: usize, y: usize, ys: i32, mode: i32, aux: usize, h: i32, w: i32, cin: i32,
  oh: i32, ow: i32, cout: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32,
  dilation_w: i32, groups: i32, scratch: usize,
): void {
  const inner = cin / groups, outer = cout / groups, length = kh * kw * inner, pixel = cin << 2;
  const rows = reach(oh, kh, stride_h, dilation_h), columns = reach(ow, kw, stride_w, dilation_w);
  const row_stride = w * pixel;
  // negative padding crops
  const cropT = max(-pad_t, 0), cropL = max(-pad_l, 0);
  x += <usize>(cropT * row_stride + cropL * pixel);
  h -= cropT;
  w -= cropL;
  pad_t += cropT;
  pad_l += cropL;
  const padded = pad_t > 0 || pad_l > 0 || rows > h || columns > w;
  if (padded) memory.fill(scratch, 0, <usize>(rows * columns * pixel));
  const line = padded ? columns * pixel : row_stride;
  // with one group, the channels of neighbouring taps are contiguous
  const whole = groups == 1 && dilation_w == 1;
  let mask = aux;
  for (let i = 0; i < n; i++) {
    let image = x;
    if (padded) {
      placeImage(scratch, x, row_stride, h, w, pixel, pad_t, pad_l, rows, columns);
      image = scratch;
    }
    for (let g = 0; g < groups; g++) {
      const from = g * outer;
      convolve(
        oh, ow, image + <usize>(g * inner << 2), stride_h * line, stride_w * pixel, y, ow * cout << 2, cout << 2,
        weight + <usize>(from >> 3) * <usize>(length << 5), length << 5, from, from + outer, mode, aux, mask,
        kh, dilation_h * line, kw * inner << 5, whole ? 1 : kw, dilation_w * pixel, inner << 5,
        whole ? kw * inner : inner,
      );
    }
    x += <usize>xs;
    y += <usize>ys;
    mask += <usize>ys;
  }
}

/**
 * The first of the taps k, k + step, ... that reach inputs of `phase`, for which (phase + pad - k * dilation) is a
 * multiple of stride. Returns `kernel` if there is none.
 */
@inline function firstTap(phase: i32, pad: i32, kernel: i32, stride: i32, dilation: i32): i32 {
  let k = 0;
  while (k < kernel && (phase + pad - k * dilation) % stride) k++;
  return k;
}

/** The distance between two such taps: stride / gcd(stride, dilation). */
@inline function tapStep(stride: i32, dilation: i32): i32 {
  let k = 1;
  while (k * dilation % stride) k++;
  return k;
}

@inline function floorDivide(a: i32, b: i32): i32 {
  return a >= 0 ? a / b : -((b - 1 - a) / b);
}

/**
 * All inputs (iy, ix) of one phase (iy % stride_h and ix % stride_w fixed) use the same grid of taps, and their
 * gradient is a convolution of dy with these:
 *
 *     dx[iy] = sum over ky of dy[(iy + pad_t - ky * dilation_h) / stride_h] * weight[ky]
 *
 * ky runs downwards, so that dy is read upwards, and `inputPanels` holds the taps in that order.
 */
export function f32_conv2d_input_gradient(
  n: i32, dy: usize, dys: i32, weight: usize, dx: usize, dxs: i32, h: i32, w: i32, cin: i32, oh: i32, ow: i32,
  cout: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32,
  groups: i32, scratch: usize,
): void {
  const inner = cin / groups, outer = cout / groups, pixel = cout << 2, panel = kh * kw * cout << 5;
  // the rows and columns of dy that all taps together reach, with zeros around
  const top = max(0, -floorDivide(pad_t - (kh - 1) * dilation_h, stride_h));
  const left = max(0, -floorDivide(pad_l - (kw - 1) * dilation_w, stride_w));
  const rows = top + max(oh, (h - 1 + pad_t) / stride_h + 1), columns = left + max(ow, (w - 1 + pad_l) / stride_w + 1);
  const padded = rows > oh || columns > ow;
  if (padded) memory.fill(scratch, 0, <usize>(rows * columns * pixel));
  const stepY = tapStep(stride_h, dilation_h), stepX = tapStep(stride_w, dilation_w);
  const moveY = stepY * dilation_h / stride_h, moveX = stepX * dilation_w / stride_w;
  for (let i = 0; i < n; i++) {
    let image = dy;
    if (padded) {
      placeImage(scratch, dy, ow * pixel, oh, ow, pixel, top, left, rows, columns);
      image = scratch;
    }
    for (let py = 0; py < min(stride_h, h); py++) {
      const firstY = firstTap(py, pad_t, kh, stride_h, dilation_h);
      const tapsY = (kh - firstY + stepY - 1) / stepY, ky = firstY + (tapsY - 1) * stepY;
      const oy = (py + pad_t - ky * dilation_h) / stride_h + top;
      for (let px = 0; px < min(stride_w, w); px++) {
        const firstX = firstTap(px, pad_l, kw, stride_w, dilation_w);
        const tapsX = (kw - firstX + stepX - 1) / stepX, kx = firstX + (tapsX - 1) * stepX;
        const ox = (px + pad_l - kx * dilation_w) / stride_w + left;
        const whole = groups == 1 && moveX == 1 && stepX == 1;
        for (let g = 0; g < groups; g++)
          convolve(
            (h - py + stride_h - 1) / stride_h, (w - px + stride_w - 1) / stride_w,
            image + <usize>((oy * columns + ox) * pixel + (g * outer << 2)), columns * pixel, pixel,
            dx + <usize>((py * w + px) * cin + g * inner << 2), stride_h * w * cin << 2, stride_w * cin << 2,
            weight + <usize>(((kh - 1 - ky) * kw + kw - 1 - kx) * cout + g * outer << 5), panel, 0, inner, 0, 0, 0,
            tapsX ? tapsY : 0, moveY * columns * pixel, stepY * kw * cout << 5,
            whole ? 1 : tapsX, moveX * pixel, stepX * cout << 5, whole ? tapsX * cout : outer,
          );
      }
    }
    dy += <usize>dys;
    dx += <usize>dxs;
  }
}

/** Adds the column sums of `pixels` rows of dy to eight elements of db, in the lanes of there0 and there1. */
function addColumnSums(pixels: i32, dy: usize, step: i32, db: usize, there0: v128, there1: v128): void {
  let s0 = v128.load(db), s1 = v128.load(db, 16);
  for (; pixels > 0; pixels--) {
    s0 = f32x4.add(s0, v128.load(dy));
    s1 = f32x4.add(s1, v128.load(dy, 16));
    dy += <usize>step;
  }
  v128.store(db, v128.bitselect(s0, v128.load(db), there0));
  v128.store(db, v128.bitselect(s1, v128.load(db, 16), there1), 16);
}

/** Stores a row of a panel of dw, in the lanes of there0 and there1. */
@inline function storeRow(dw: usize, low: v128, high: v128, there0: v128, there1: v128): void {
  v128.store(dw, v128.bitselect(low, v128.load(dw), there0));
  v128.store(dw, v128.bitselect(high, v128.load(dw, 16), there1), 16);
}

/**
 * Adds the gradient of one image to `count` <= 4 rows of a panel of dw. Row i reads x at x0 + its offset. `neighbours`:
 * the offsets are 0, 4, 8, 12, which saves three pointers. Rows past `count` repeat the last and are not stored.
 */
@inline function fourTaps(
  neighbours: bool, count: i32, x: usize, o1: usize, o2: usize, o3: usize, xRow: i32, xColumn: i32, oh: i32, ow: i32,
  dy: usize, pixel: i32, dw: usize, there0: v128, there1: v128,
): void {
  let c00 = v128.load(dw), c01 = v128.load(dw, 16);
  let c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  if (count > 1) {
    c10 = v128.load(dw, 32);
    c11 = v128.load(dw, 48);
  }
  if (count > 2) {
    c20 = v128.load(dw, 64);
    c21 = v128.load(dw, 80);
  }
  if (count > 3) {
    c30 = v128.load(dw, 96);
    c31 = v128.load(dw, 112);
  }
  for (let oy = 0; oy < oh; oy++) {
    let a0 = x, a1 = x + o1, a2 = x + o2, a3 = x + o3;
    let ox = ow;
    do {
      const d0 = v128.load(dy), d1 = v128.load(dy, 16);
      let v = v128.load32_splat(a0);
      c00 = madd(v, d0, c00);
      c01 = madd(v, d1, c01);
      v = neighbours ? v128.load32_splat(a0, 4) : v128.load32_splat(a1);
      c10 = madd(v, d0, c10);
      c11 = madd(v, d1, c11);
      v = neighbours ? v128.load32_splat(a0, 8) : v128.load32_splat(a2);
      c20 = madd(v, d0, c20);
      c21 = madd(v, d1, c21);
      v = neighbours ? v128.load32_splat(a0, 12) : v128.load32_splat(a3);
      c30 = madd(v, d0, c30);
      c31 = madd(v, d1, c31);
      dy += <usize>pixel;
      a0 += <usize>xColumn;
      if (!neighbours) {
        a1 += <usize>xColumn;
        a2 += <usize>xColumn;
        a3 += <usize>xColumn;
      }
    } while (--ox > 0);
    x += <usize>xRow;
  }
  storeRow(dw, c00, c01, there0, there1);
  if (count > 1) storeRow(dw + 32, c10, c11, there0, there1);
  if (count > 2) storeRow(dw + 64, c20, c21, there0, there1);
  if (count > 3) storeRow(dw + 96, c30, c31, there0, there1);
}

export function f32_conv2d_weight_gradient(
  n: i32, x: usize, xs: i32, dy: usize, dys: i32, dw: usize, db: usize, accumulate: i32, h: i32, w: i32, cin: i32,
  oh: i32, ow: i32, cout: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32,
  dilation_w: i32, groups: i32, scratch: usize,
): void {
  const inner = cin / groups, outer = cout / groups, length = kh * kw * inner, pixel = cin << 2;
  if (!accumulate) {
    const outputs = <usize>(cout + 7 & -8);
    memory.fill(dw, 0, outputs * <usize>length << 2);
    memory.fill(db, 0, outputs << 2);
  }
  const rows = reach(oh, kh, stride_h, dilation_h), columns = reach(ow, kw, stride_w, dilation_w);
  const row_stride = w * pixel;
  // negative padding crops
  const cropT = max(-pad_t, 0), cropL = max(-pad_l, 0);
  x += <usize>(cropT * row_stride + cropL * pixel);
  h -= cropT;
  w -= cropL;
  pad_t += cropT;
  pad_l += cropL;
  const padded = pad_t > 0 || pad_l > 0 || rows > h || columns > w;
  if (padded) memory.fill(scratch, 0, <usize>(rows * columns * pixel));
  const line = padded ? columns * pixel : row_stride;
  let xRow = stride_h * line, height = oh, width = ow;
  const xColumn = stride_w * pixel;
  if (xRow == ow * xColumn) {
    // the stride from row to row equals that of columns: all windows are one row
    width = oh * ow;
    height = 1;
  }
  for (let i = 0; i < n; i++) {
    let image = x;
    if (padded) {
      placeImage(scratch, x, row_stride, h, w, pixel, pad_t, pad_l, rows, columns);
      image = scratch;
    }
    for (let g = 0; g < groups; g++) {
      const from = g * outer, to = from + outer;
      const channels = image + <usize>(g * inner << 2);
      for (let column = from & -8; column < to; column += 8) {
        // the lanes of this panel that are outputs of this group
        const there0 = v128.andnot(firstLanes(to - column), firstLanes(from - column));
        const there1 = v128.andnot(firstLanes(to - column - 4), firstLanes(from - column - 4));
        const d = dy + (<usize>column << 2);
        addColumnSums(oh * ow, d, cout << 2, db + (<usize>column << 2), there0, there1);
        let panel = dw + <usize>(column * length << 2);
        // position (ky, kx, c) of row k, advanced with it
        let ky = 0, kx = 0, c = 0;
        for (let k = 0; k < length; k += 4) {
          const count = min(4, length - k);
          let o0: usize = 0, o1: usize = 0, o2: usize = 0, o3: usize = 0;
          for (let j = 0; j < 4; j++) {
            const offset = <usize>(ky * dilation_h * line + kx * dilation_w * pixel + (c << 2));
            if (j == 0) o0 = offset;
            if (j <= 1) o1 = offset;
            if (j <= 2) o2 = offset;
            o3 = offset;
            if (j + 1 >= count) break;
            if (++c == inner) {
              c = 0;
              if (++kx == kw) {
                kx = 0;
                ky++;
              }
            }
          }
          // advance to the first row of the next tile
          if (++c == inner) {
            c = 0;
            if (++kx == kw) {
              kx = 0;
              ky++;
            }
          }
          if (count == 4 && o3 == o0 + 12) fourTaps(
            true, 4, channels + o0, 0, 0, 0, xRow, xColumn, height, width, d, cout << 2, panel, there0, there1,
          );
          else fourTaps(
            false, count, channels + o0, o1 - o0, o2 - o0, o3 - o0, xRow, xColumn, height, width, d, cout << 2, panel,
            there0, there1,
          );
          panel += 128;
        }
      }
    }
    x += <usize>xs;
    dy += <usize>dys;
  }
}

export function f32_conv2d_input_panels(cout: i32, taps: i32, cin: i32, x: usize, y: usize): void {
  for (let c = 0; c < cin; c += 8) {
    const lanes = min(8, cin - c);
    for (let tap = taps - 1; tap >= 0; tap--) {
      for (let o = 0; o < cout; o++) {
        let from = x + (<usize>((o >> 3) * taps * cin + tap * cin + c) << 5) + (<usize>(o & 7) << 2);
        for (let lane = 0; lane < 8; lane++) {
          store<f32>(y + (<usize>lane << 2), lane < lanes ? load<f32>(from) : 0);
          from += 32;
        }
        y += 32;
      }
    }
  }
}
