// int8 convolutions on stored images (NHWC, q + 128, a halo that holds the zero point), driven by tables of pixel and
// tap offsets.
import { HEAD, multiplyPixels, multiplyScattered, POOLED, QUANTIZED, REALS, wideTile } from "./i8-tile";
import { highest, lowest, shiftOf, STORED } from "./stored";

/** Takes pixels and panels in twos; `scattered` is a literal. */
@inline function wideConv2d(
  scattered: bool, x: usize, weight: usize, k_groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize,
  y: usize, cout: i32,
  low: v128, shift: v128, high: v128,
): void {
  const panels: usize = 2 * (HEAD + <usize>k_groups * 32);
  for (; cout > 0; cout -= 16) {
    let p = pixels, o = results;
    for (let t = tiles; t > 0; t--) {
      const a0 = x + load<usize>(p), a1 = x + load<usize>(p, 4), o0 = y + load<usize>(o), o1 = y + load<usize>(o, 4);
      wideTile(scattered, a0, a1, taps, k_groups, weight, o0, o1, low, shift, high);
      p += 8;
      o += 8;
    }
    weight += panels;
    y += 16 * STORED;
  }
}

export function i8_conv2d(
  n: i32, x: usize, xs: i32, weight: usize, k_groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize,
  y: usize, ys: i32, cout: i32,
  rows: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    if (rows == 2) {
      if (taps) wideConv2d(true, x, weight, k_groups, taps, tiles, pixels, results, y, cout, low, shift, high);
      else wideConv2d(false, x, weight, k_groups, taps, tiles, pixels, results, y, cout, low, shift, high);
    } else if (taps) multiplyScattered(
      QUANTIZED, 4 * tiles, x, taps, k_groups, weight, pixels, results, y, cout, low, shift, high, 0,
    );
    else multiplyPixels(4 * tiles, x, k_groups, weight, pixels, results, y, cout, low, shift, high);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_conv2d_max_pool2d(
  n: i32, x: usize, xs: i32, weight: usize, k_groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize,
  y: usize, ys: i32, cout: i32,
  zero: i32, qmin: i32, qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  for (; n > 0; n--) {
    multiplyScattered(POOLED, 4 * tiles, x, taps, k_groups, weight, pixels, results, y, cout, low, shift, high, 0);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_conv2d_dynamic(
  n: i32, x: usize, xs: i32, weight: usize, k_groups: i32, taps: usize, tiles: i32, pixels: usize, results: usize,
  y: usize, ys: i32, cout: i32,
  chosen: usize, cs: i32, bias: usize,
): void {
  for (; n > 0; n--) {
    const first = f32x4.splat(load<f32>(chosen)), zero = i32x4.splat(load<i32>(chosen, 8) + 128);
    multiplyScattered(REALS, 4 * tiles, x, taps, k_groups, weight, pixels, results, y, cout, first, zero, zero, bias);
    x += <usize>xs;
    y += <usize>ys;
    chosen += <usize>cs;
  }
}
