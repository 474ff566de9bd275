// conv2d (valid, stride 1) + bias + ReLU + maxPool2d 2x2 in one pass, summed directly. An odd last row or column is
// dropped, as the pool does. x: NHWC, dense rows. weight: panels [cout/8][kh][kw * cin][8]. bias: padded to whole
// panels. y: NHWC.
import { pooled, splitColumns, splitHalf, storeWindows, winner } from "./pool-window";
import { madd, storeLanes } from "./simd";

/**
 * Any number of channels, any kernel. Tile: the 4 pixels of a window x 8 output channels, 8 accumulators. One step of k
 * per iteration: unrolled, the optimizing compiler hoists the loads and spills (measured: 15 against 28 GMAC/s).
 * argmax: NHWC, as y.
 */
export function f32_conv2d_relu_max_pool2d(
  n: i32, x: usize, xs: i32, weight: usize, bias: usize, y: usize, ys: i32, argmax: usize,
  oh: i32, ow: i32, cout: i32, kh: i32, run: i32, x_row_stride: i32, x_pixel_stride: i32,
): void {
  const panel = <usize>(kh * run) << 5;
  const next = <usize>cout << 2;
  const rows = i32x4.splat(x_row_stride), pixels = i32x4.splat(x_pixel_stride);
  for (; n > 0; n--) {
    let wp = weight;
    for (let channel = 0; channel < cout; channel += 8) {
      const bias0 = v128.load(bias + (<usize>channel << 2)), bias1 = v128.load(bias + (<usize>channel << 2), 16);
      const left = cout - channel;
      let to = <usize>channel << 2;
      for (let py = 0; py < oh; py++) {
        let origin = 2 * py * x_row_stride;
        for (let px = 0; px < ow; px++) {
          let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
          let d00 = f32x4.splat(0), d01 = f32x4.splat(0), d10 = f32x4.splat(0), d11 = f32x4.splat(0);
          let patch = x + <usize>origin;
          let k = wp;
          for (let ky = kh; ky > 0; ky--) {
            let p00 = patch, p10 = patch + <usize>x_row_stride;
            let p01 = p00 + <usize>x_pixel_stride, p11 = p10 + <usize>x_pixel_stride;
            let r = run;
            do {
              const w0 = v128.load(k), w1 = v128.load(k, 16);
              let a = v128.load32_splat(p00);
              c00 = madd(a, w0, c00);
              d00 = madd(a, w1, d00);
              a = v128.load32_splat(p01);
              c01 = madd(a, w0, c01);
              d01 = madd(a, w1, d01);
              a = v128.load32_splat(p10);
              c10 = madd(a, w0, c10);
              d10 = madd(a, w1, d10);
              a = v128.load32_splat(p11);
              c11 = madd(a, w0, c11);
              d11 = madd(a, w1, d11);
              k += 32;
              p00 += 4;
              p01 += 4;
              p10 += 4;
              p11 += 4;
            } while (--r > 0);
            patch += <usize>x_row_stride;
          }
          const at = i32x4.splat(origin);
          const c = pooled(c00, c01, c10, c11, bias0), d = pooled(d00, d01, d10, d11, bias1);
          storeLanes(y + to, c, left);
          storeLanes(y + to + 16, d, left - 4);
          if (WINNERS) {
            storeLanes(argmax + to, winner(c00, c01, c10, c11, c, rows, pixels, at), left);
            storeLanes(argmax + to + 16, winner(d00, d01, d10, d11, d, rows, pixels, at), left - 4);
          }
          to += next;
          origin += 2 * x_pixel_stride;
        }
      }
      wp += panel;
    }
    x += <usize>xs;
    y += <usize>ys;
    argmax += <usize>ys;
  }
}

/**
 * One input channel, h x w, at least 4 windows wide. Lanes are 4 neighbouring windows over split columns, two output
 * channels at a time. The last four windows of a row overlap those before, so that there is no tail. argmax: planar,
 * [cout][oh][ow]. scratch: the split plane, then 4 floats per output channel.
 */
export function f32_conv2d_relu_max_pool2d_plane(
  n: i32, x: usize, xs: i32, weight: usize, bias: usize, y: usize, ys: i32, argmax: usize,
  h: i32, w: i32, cout: i32, kh: i32, kw: i32, scratch: usize,
): void {
  const oh = (h - kh + 1) >> 1, ow = (w - kw + 1) >> 1;
  const half = splitHalf(w);
  const odd = <usize>half << 2, line = odd << 1;
  const windows = scratch + <usize>h * line;
  const panel = <usize>(kh * kw) << 5, plane = <usize>(oh * ow) << 2;
  const row = w << 2;
  const rows = i32x4.splat(row), pixels = i32x4.splat(4);
  memory.fill(scratch, 0, <usize>h * line);
  for (; n > 0; n--) {
    splitColumns(x, h, w, half, scratch);
    for (let py = 0; py < oh; py++) {
      for (let first = 0; first < ow; first += 4) {
        const px = min(first, ow - 4);
        const at = i32x4.add(i32x4.splat(2 * py * row + 8 * px), i32x4(0, 8, 16, 24));
        for (let channel = 0; channel < cout; channel += 2) {
          // panels and bias are padded: the neighbour of an odd last channel is computed, but not stored
          const both = channel + 1 < cout;
          let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
          let d00 = f32x4.splat(0), d01 = f32x4.splat(0), d10 = f32x4.splat(0), d11 = f32x4.splat(0);
          let patch = scratch + <usize>(2 * py) * line + (<usize>px << 2);
          let k = weight + <usize>(channel >> 3) * panel + (<usize>(channel & 7) << 2);
          let w0 = c00, w1 = c00, a = c00;
          for (let ky = kh; ky > 0; ky--) {
            // at an even kernel column, even pixels belong to c00 and odd ones to c01; at an odd one it is the reverse.
            // Both are written out: one step that swaps pointers costs 11 % more on V8 11 (measured)
            let even = patch, odds = patch + odd, evenBelow = patch + line, oddBelow = odds + line;
            let left = kw;
            do {
              w0 = v128.load32_splat(k);
              w1 = v128.load32_splat(k, 4);
              a = v128.load(even);
              c00 = madd(a, w0, c00);
              d00 = madd(a, w1, d00);
              a = v128.load(odds);
              c01 = madd(a, w0, c01);
              d01 = madd(a, w1, d01);
              a = v128.load(evenBelow);
              c10 = madd(a, w0, c10);
              d10 = madd(a, w1, d10);
              a = v128.load(oddBelow);
              c11 = madd(a, w0, c11);
              d11 = madd(a, w1, d11);
              k += 32;
              if (--left == 0) break;
              w0 = v128.load32_splat(k);
              w1 = v128.load32_splat(k, 4);
              a = v128.load(odds);
              c00 = madd(a, w0, c00);
              d00 = madd(a, w1, d00);
              a = v128.load(even, 4);
              c01 = madd(a, w0, c01);
              d01 = madd(a, w1, d01);
              a = v128.load(oddBelow);
              c10 = madd(a, w0, c10);
              d10 = madd(a, w1, d10);
              a = v128.load(evenBelow, 4);
              c11 = madd(a, w0, c11);
              d11 = madd(a, w1, d11);
              k += 32;
              even += 4;
              odds += 4;
              evenBelow += 4;
              oddBelow += 4;
            } while (--left > 0);
            patch += line;
          }
          const c = pooled(c00, c01, c10, c11, v128.load32_splat(bias + (<usize>channel << 2)));
          const d = pooled(d00, d01, d10, d11, v128.load32_splat(bias + (<usize>channel << 2), 4));
          const to = argmax + (<usize>(py * ow + px) << 2);
          if (WINNERS) v128.store(to + <usize>channel * plane, winner(c00, c01, c10, c11, c, rows, pixels, at));
          v128.store(windows + (<usize>channel << 4), c);
          if (both) {
            if (WINNERS) v128.store(to + <usize>(channel + 1) * plane, winner(d00, d01, d10, d11, d, rows, pixels, at));
            v128.store(windows + (<usize>channel << 4), d, 16);
          }
        }
        storeWindows(windows, cout, y + (<usize>((py * ow + px) * cout) << 2));
      }
    }
    x += <usize>xs;
    y += <usize>ys;
    argmax += <usize>ys;
  }
}
