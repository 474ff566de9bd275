// int8 convolutions on stored images (NHWC, q + 128, a halo that holds the zero point), driven by tables of pixel and tap offsets.
import { HEAD, POOLED, QUANTIZED, REALS, tile, wideTile } from "./i8-tile";
import { highest, lowest, RELAXED, shiftOf, STORED } from "./stored";

/** `become`, `scattered` and `rows` are literals. */
@inline function conv2d(
  become: i32, scattered: bool, rows: i32, x: usize, w: usize, groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize,
  y: usize, outs: i32, low: v128, shift: v128, high: v128, bias: usize,
): void {
  const panel = HEAD + <usize>groups * 32;
  // a panel stays in the first-level cache while all pixels pass
  for (let rest = outs; rest > 0; rest -= 8) {
    let p = pixels, o = results;
    for (let t = tiles; t > 0; t--) {
      const a0 = x + load<usize>(p), a1 = x + load<usize>(p, 4), a2 = x + load<usize>(p, 8), o0 = y + load<usize>(o);
      if (rows == 3) {
        const o1 = y + load<usize>(o, 4), o2 = y + load<usize>(o, 8);
        tile(become, scattered, 3, a0, a1, a2, a2, taps, groups, w, o0, o1, o2, o2, rest, low, shift, high, bias);
        p += 12;
        o += 12;
        continue;
      }
      const a3 = x + load<usize>(p, 12);
      p += 16;
      if (become == POOLED) {
        tile(become, scattered, 4, a0, a1, a2, a3, taps, groups, w, o0, o0, o0, o0, rest, low, shift, high, bias);
        o += 4;
      } else {
        const o1 = y + load<usize>(o, 4), o2 = y + load<usize>(o, 8), o3 = y + load<usize>(o, 12);
        tile(become, scattered, 4, a0, a1, a2, a3, taps, groups, w, o0, o1, o2, o3, rest, low, shift, high, bias);
        o += 16;
      }
    }
    w += panel;
    y += become == REALS ? 32 : 8 * STORED;
    bias += 32;
  }
}

/** Pixels in twos or threes (`rows`, like `scattered` a literal), panels in twos. */
@inline function wideConv2d(
  scattered: bool, rows: i32, x: usize, w: usize, groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize, y: usize, outs: i32,
  low: v128, shift: v128, high: v128,
): void {
  const panels: usize = 2 * (HEAD + <usize>groups * 32), step: usize = 4 * rows;
  for (; outs > 0; outs -= 16) {
    let p = pixels, o = results;
    for (let t = tiles; t > 0; t--) {
      const a0 = x + load<usize>(p), a1 = x + load<usize>(p, 4), o0 = y + load<usize>(o), o1 = y + load<usize>(o, 4);
      if (rows == 2) wideTile(scattered, 2, a0, a1, a1, taps, groups, w, o0, o1, o1, low, shift, high);
      else {
        const a2 = x + load<usize>(p, 8), o2 = y + load<usize>(o, 8);
        wideTile(scattered, 3, a0, a1, a2, taps, groups, w, o0, o1, o2, low, shift, high);
      }
      p += step;
      o += step;
    }
    w += panels;
    y += 16 * STORED;
  }
}

/** One image; `scattered` is a literal. */
@inline function quantized(
  scattered: bool, x: usize, w: usize, groups: i32, taps: usize, rows: i32, tiles: i32, pixels: usize, results: usize, y: usize, outs: i32,
  low: v128, shift: v128, high: v128,
): void {
  if (rows == 4) conv2d(QUANTIZED, scattered, 4, x, w, groups, taps, tiles, pixels, results, y, outs, low, shift, high, 0);
  else if (rows == 2) wideConv2d(scattered, 2, x, w, groups, taps, tiles, pixels, results, y, outs, low, shift, high);
  else if (RELAXED && (outs & 15) == 0) wideConv2d(scattered, 3, x, w, groups, taps, tiles, pixels, results, y, outs, low, shift, high);
  else conv2d(QUANTIZED, scattered, 3, x, w, groups, taps, tiles, pixels, results, y, outs, low, shift, high, 0);
}

export function i8_conv2d(
  n: i32, x: usize, xs: i32, w: usize, groups: i32, taps: usize, rows: i32, tiles: i32, pixels: usize, results: usize, y: usize, ys: i32, outs: i32,
  zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    if (taps) quantized(true, x, w, groups, taps, rows, tiles, pixels, results, y, outs, low, shift, high);
    else quantized(false, x, w, groups, taps, rows, tiles, pixels, results, y, outs, low, shift, high);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_conv2d_max_pool2d(
  n: i32, x: usize, xs: i32, w: usize, groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize, y: usize, ys: i32, outs: i32,
  zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    conv2d(POOLED, true, 4, x, w, groups, taps, tiles, pixels, results, y, outs, low, shift, high, 0);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_conv2d_dynamic(
  n: i32, x: usize, xs: i32, w: usize, groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize, y: usize, ys: i32, outs: i32,
  chosen: usize, cs: i32, bias: usize,
): void {
  for (; n > 0; n--) {
    const first = f32x4.splat(load<f32>(chosen)), zero = i32x4.splat(load<i32>(chosen, 8) + 128);
    conv2d(REALS, true, 4, x, w, groups, taps, tiles, pixels, results, y, outs, first, zero, zero, bias);
    x += <usize>xs;
    y += <usize>ys;
    chosen += <usize>cs;
  }
}
