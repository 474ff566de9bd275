// f32 depthwise convolutions on NHWC images, weights [kh][kw][out] with `out` padded to 8: lanes are channels. As in
// f32-conv2d.ts, padding is written first, into a copy of the image; every channel is repeated `multiplier` times
// there, so that lanes need no shuffle.
import { placeImage, reach } from "./f32-conv2d";
import { biasHigh, biasLow, storeSums } from "./f32-gemm";
import { firstLanes, madd } from "./simd";

/** Does the same as `placeImage`, with each channel `multiplier` times. */
function repeatChannels(
  y: usize, x: usize, row_stride: i32, h: i32, w: i32, cin: i32, multiplier: i32, top: i32, left: i32, rows: i32,
  columns: i32,
): void {
  const count = min(h, rows - top), floats = min(w, columns - left) * cin, pixel = cin * multiplier << 2;
  for (let i = 0; i < count; i++) {
    let to = y + <usize>(((top + i) * columns + left) * pixel);
    for (let j = 0; j < floats; j++) {
      const v = load<f32>(x + (<usize>j << 2));
      for (let m = 0; m < multiplier; m++) {
        store<f32>(to, v);
        to += 4;
      }
    }
    x += <usize>row_stride;
  }
}

/** Copies one image into the scratch of the kernels below. */
function prepare(
  y: usize, x: usize, row_stride: i32, h: i32, w: i32, cin: i32, multiplier: i32, top: i32, left: i32, rows: i32,
  columns: i32,
): void {
  if (multiplier == 1) placeImage(y, x, row_stride, h, w, cin << 2, top, left, rows, columns);
  else repeatChannels(y, x, row_stride, h, w, cin, multiplier, top, left, rows, columns);
}

/**
 * Computes one row of outputs of eight channels, in tiles of four pixels. `pixel`, `step`: bytes from output to output
 * in y and in x.
 */
@inline function outputRow(
  ow: i32, x: usize, step: i32, line: i32, right: i32, w: usize, tap: i32, kh: i32, kw: i32, y: usize, pixel: i32,
  mode: i32, bias0: v128, bias1: v128, beside: usize, lanes: i32,
): void {
  for (let ox = 0; ox < ow; ox += 4) {
    // the last tile overlaps the one before; where there are fewer than four pixels, the last is computed again
    const first = min(ox, max(ow - 4, 0));
    const i1 = min(first + 1, ow - 1), i2 = min(first + 2, ow - 1), i3 = min(first + 3, ow - 1);
    let x0 = x + <usize>(first * step), x1 = x + <usize>(i1 * step), x2 = x + <usize>(i2 * step);
    let x3 = x + <usize>(i3 * step);
    let taps = w;
    let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
    for (let ky = 0; ky < kh; ky++) {
      let at: usize = 0;
      let kx = kw;
      do {
        const w0 = v128.load(taps), w1 = v128.load(taps, 16);
        c00 = madd(v128.load(x0 + at), w0, c00);
        c01 = madd(v128.load(x0 + at, 16), w1, c01);
        c10 = madd(v128.load(x1 + at), w0, c10);
        c11 = madd(v128.load(x1 + at, 16), w1, c11);
        c20 = madd(v128.load(x2 + at), w0, c20);
        c21 = madd(v128.load(x2 + at, 16), w1, c21);
        c30 = madd(v128.load(x3 + at), w0, c30);
        c31 = madd(v128.load(x3 + at, 16), w1, c31);
        taps += <usize>tap;
        at += <usize>right;
      } while (--kx > 0);
      x0 += <usize>line;
      x1 += <usize>line;
      x2 += <usize>line;
      x3 += <usize>line;
    }
    const y0 = y + <usize>(first * pixel), y1 = y + <usize>(i1 * pixel), y2 = y + <usize>(i2 * pixel);
    const y3 = y + <usize>(i3 * pixel);
    storeSums(y0, c00, c01, mode, bias0, bias1, y0 + beside, lanes);
    storeSums(y1, c10, c11, mode, bias0, bias1, y1 + beside, lanes);
    storeSums(y2, c20, c21, mode, bias0, bias1, y2 + beside, lanes);
    storeSums(y3, c30, c31, mode, bias0, bias1, y3 + beside, lanes);
  }
}

export function f32_depthwise(
  n: i32, x: usize, xs: i32, weight: usize, y: usize, ys: i32, mode: i32, aux: usize, h: i32, w: i32, cin: i32,
  multiplier: i32, oh: i32, ow: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32,
  dilation_h: i32, dilation_w: i32, scratch: usize,
): void {
  const cout = cin * multiplier, pixel = cout << 2, tap = (cout + 7 & -8) << 2;
  const rows = reach(oh, kh, stride_h, dilation_h), columns = reach(ow, kw, stride_w, dilation_w);
  const row_stride = w * cin << 2;
  // negative padding crops
  const cropT = max(-pad_t, 0), cropL = max(-pad_l, 0);
  x += <usize>(cropT * row_stride + (cropL * cin << 2));
  h -= cropT;
  w -= cropL;
  pad_t += cropT;
  pad_l += cropL;
  const copied = multiplier > 1 || pad_t > 0 || pad_l > 0 || rows > h || columns > w;
  if (copied) memory.fill(scratch, 0, <usize>(rows * columns * pixel));
  const line = copied ? columns * pixel : row_stride;
  let mask = aux;
  for (let i = 0; i < n; i++) {
    let image = x;
    if (copied) {
      prepare(scratch, x, row_stride, h, w, cin, multiplier, pad_t, pad_l, rows, columns);
      image = scratch;
    }
    for (let column = 0; column < cout; column += 8) {
      const lanes = min(8, cout - column), at = <usize>column << 2;
      const bias0 = biasLow(mode, aux, column), bias1 = biasHigh(mode, aux, column);
      for (let oy = 0; oy < oh; oy++)
        outputRow(
          ow, image + at + <usize>(oy * stride_h * line), stride_w * pixel, dilation_h * line, dilation_w * pixel,
          weight + at, tap, kh, kw,
          y + at + <usize>(oy * ow * pixel), pixel, mode, bias0, bias1, mask - y, lanes,
        );
    }
    x += <usize>xs;
    y += <usize>ys;
    mask += <usize>ys;
  }
}

export function f32_depthwise_input_gradient(
  n: i32, dy: usize, dys: i32, weight: usize, dx: usize, dxs: i32, h: i32, w: i32, cin: i32, multiplier: i32, oh: i32,
  ow: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, dilation_h: i32, dilation_w: i32,
): void {
  const cout = cin * multiplier, pixel = cin << 2, tap = (cout + 7 & -8) << 2;
  for (let i = 0; i < n; i++) {
    memory.fill(dx, 0, <usize>(h * w * pixel));
    let d = dy;
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        for (let ky = 0; ky < kh; ky++) {
          const iy = oy * stride_h + ky * dilation_h - pad_t;
          if (iy < 0 || iy >= h) continue;
          for (let kx = 0; kx < kw; kx++) {
            const ix = ox * stride_w + kx * dilation_w - pad_l;
            if (ix < 0 || ix >= w) continue;
            let to = dx + <usize>((iy * w + ix) * pixel), from = d, taps = weight + <usize>((ky * kw + kx) * tap);
            let c = 0;
            if (multiplier == 1) {
              for (; c + 4 <= cin; c += 4) {
                v128.store(to, madd(v128.load(from), v128.load(taps), v128.load(to)));
                to += 16;
                from += 16;
                taps += 16;
              }
            }
            for (; c < cin; c++) {
              let sum = load<f32>(to);
              for (let m = 0; m < multiplier; m++) {
                sum += load<f32>(from) * load<f32>(taps);
                from += 4;
                taps += 4;
              }
              store<f32>(to, sum);
              to += 4;
            }
          }
        }
        d += <usize>(cout << 2);
      }
    dy += <usize>dys;
    dx += <usize>dxs;
  }
}

/** Stores eight gradients of one tap, in the lanes of there0 and there1. */
@inline function storeTap(dw: usize, low: v128, high: v128, there0: v128, there1: v128): void {
  v128.store(dw, v128.and(low, there0));
  v128.store(dw, v128.and(high, there1), 16);
}

/**
 * Adds the gradient of one image to `count` <= 4 taps of eight channels. Tap j reads x at its offset; taps past `count`
 * repeat the last and are not stored.
 */
@inline function fourTaps(
  count: i32, x: usize, o1: usize, o2: usize, o3: usize, xRow: i32, xColumn: i32, oh: i32, ow: i32, dy: usize,
  pixel: i32, dw: usize, tap: usize, there0: v128, there1: v128,
): void {
  const g1 = dw + tap, g2 = g1 + tap, g3 = g2 + tap;
  let c00 = v128.load(dw), c01 = v128.load(dw, 16);
  let c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  if (count > 1) {
    c10 = v128.load(g1);
    c11 = v128.load(g1, 16);
  }
  if (count > 2) {
    c20 = v128.load(g2);
    c21 = v128.load(g2, 16);
  }
  if (count > 3) {
    c30 = v128.load(g3);
    c31 = v128.load(g3, 16);
  }
  for (let oy = 0; oy < oh; oy++) {
    let a0 = x, a1 = x + o1, a2 = x + o2, a3 = x + o3;
    let ox = ow;
    do {
      const d0 = v128.load(dy), d1 = v128.load(dy, 16);
      c00 = madd(v128.load(a0), d0, c00);
      c01 = madd(v128.load(a0, 16), d1, c01);
      c10 = madd(v128.load(a1), d0, c10);
      c11 = madd(v128.load(a1, 16), d1, c11);
      c20 = madd(v128.load(a2), d0, c20);
      c21 = madd(v128.load(a2, 16), d1, c21);
      c30 = madd(v128.load(a3), d0, c30);
      c31 = madd(v128.load(a3, 16), d1, c31);
      dy += <usize>pixel;
      a0 += <usize>xColumn;
      a1 += <usize>xColumn;
      a2 += <usize>xColumn;
      a3 += <usize>xColumn;
    } while (--ox > 0);
    x += <usize>xRow;
  }
  storeTap(dw, c00, c01, there0, there1);
  if (count > 1) storeTap(g1, c10, c11, there0, there1);
  if (count > 2) storeTap(g2, c20, c21, there0, there1);
  if (count > 3) storeTap(g3, c30, c31, there0, there1);
}

export function f32_depthwise_weight_gradient(
  n: i32, x: usize, xs: i32, dy: usize, dys: i32, dw: usize, db: usize, accumulate: i32, h: i32, w: i32, cin: i32,
  multiplier: i32, oh: i32, ow: i32, kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32,
  dilation_h: i32, dilation_w: i32, scratch: usize,
): void {
  const cout = cin * multiplier, pixel = cout << 2, tap = (cout + 7 & -8) << 2, taps = kh * kw;
  if (!accumulate) {
    memory.fill(dw, 0, <usize>(tap * taps));
    memory.fill(db, 0, <usize>tap);
  }
  const rows = reach(oh, kh, stride_h, dilation_h), columns = reach(ow, kw, stride_w, dilation_w);
  const row_stride = w * cin << 2;
  // negative padding crops
  const cropT = max(-pad_t, 0), cropL = max(-pad_l, 0);
  x += <usize>(cropT * row_stride + (cropL * cin << 2));
  h -= cropT;
  w -= cropL;
  pad_t += cropT;
  pad_l += cropL;
  const copied = multiplier > 1 || pad_t > 0 || pad_l > 0 || rows > h || columns > w;
  if (copied) memory.fill(scratch, 0, <usize>(rows * columns * pixel));
  const line = copied ? columns * pixel : row_stride;
  for (let i = 0; i < n; i++) {
    let image = x;
    if (copied) {
      prepare(scratch, x, row_stride, h, w, cin, multiplier, pad_t, pad_l, rows, columns);
      image = scratch;
    }
    for (let column = 0; column < cout; column += 8) {
      const there0 = firstLanes(cout - column), there1 = firstLanes(cout - column - 4);
      const at = <usize>column << 2, d = dy + at;
      let b0 = v128.load(db + at), b1 = v128.load(db + at, 16), p = d;
      for (let j = oh * ow; j > 0; j--) {
        b0 = f32x4.add(b0, v128.load(p));
        b1 = f32x4.add(b1, v128.load(p, 16));
        p += <usize>pixel;
      }
      storeTap(db + at, b0, b1, there0, there1);
      for (let k = 0; k < taps; k += 4) {
        const k1 = min(k + 1, taps - 1), k2 = min(k + 2, taps - 1), k3 = min(k + 3, taps - 1);
        const o0 = k / kw * dilation_h * line + k % kw * dilation_w * pixel;
        const o1 = k1 / kw * dilation_h * line + k1 % kw * dilation_w * pixel - o0;
        const o2 = k2 / kw * dilation_h * line + k2 % kw * dilation_w * pixel - o0;
        const o3 = k3 / kw * dilation_h * line + k3 % kw * dilation_w * pixel - o0;
        fourTaps(
          min(4, taps - k), image + at + <usize>o0, o1, o2, o3, stride_h * line, stride_w * pixel, oh, ow, d, pixel,
          dw + <usize>(k * tap) + at, tap, there0, there1,
        );
      }
    }
    x += <usize>xs;
    dy += <usize>dys;
  }
}
