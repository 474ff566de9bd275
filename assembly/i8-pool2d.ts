// int8 pooling on stored images: windows are cut at the image's edge, so that no halo is read. 8 channels at a time.
import { load8, storeFirst, STORED } from "./stored";

export function i8_max_pool2d(
  n: i32, x: usize, xs: i32, x_row_stride: i32, h: i32, w: i32, c: i32,
  kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, y: usize, ys: i32, y_row_stride: i32,
  oh: i32, ow: i32,
): void {
  const pixel = <usize>c * STORED;
  for (; n > 0; n--) {
    let row = y;
    for (let r = 0; r < oh; r++) {
      const y0 = max(0, r * stride_h - pad_t), y1 = min(h, r * stride_h - pad_t + kh);
      let to = row;
      for (let column = 0; column < ow; column++) {
        const x0 = max(0, column * stride_w - pad_l), x1 = min(w, column * stride_w - pad_l + kw);
        const corner = x + <usize>(y0 * x_row_stride) + <usize>x0 * pixel;
        let at: usize = 0;
        for (let rest = c; rest > 0; rest -= 8) {
          let most = i16x8.splat(0), line = corner + at;
          for (let i = y0; i < y1; i++) {
            let p = line;
            for (let j = x0; j < x1; j++) {
              most = i16x8.max_s(most, load8(p));
              p += pixel;
            }
            line += <usize>x_row_stride;
          }
          storeFirst(to + at, most, rest);
          at += 8 * STORED;
        }
        to += pixel;
      }
      row += <usize>y_row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

/**
 * Integer division of four sums by `by`, halves away from zero. Exact for windows of up to 65 000 numbers: f32
 * quotients of integers below 2^24 never round up to a whole number. A larger window's result may differ by one.
 */
@inline function divided(sum: v128, half: v128, by: v128): v128 {
  const sign = i32x4.shr_s(sum, 31);
  // half with the sign of the sum
  const signed = i32x4.sub(v128.xor(half, sign), sign);
  return i32x4.trunc_sat_f32x4_s(f32x4.div(f32x4.convert_i32x4_s(i32x4.add(sum, signed)), by));
}

/** The number of taps of a window of k, beginning at `from`, that are before `end`. */
@inline function padded(from: i32, k: i32, end: i32): i32 {
  return min(from + k, end) - from;
}

export function i8_average_pool2d(
  n: i32, x: usize, xs: i32, x_row_stride: i32, h: i32, w: i32, c: i32,
  kh: i32, kw: i32, stride_h: i32, stride_w: i32, pad_t: i32, pad_l: i32, y: usize, ys: i32, y_row_stride: i32,
  oh: i32, ow: i32,
  pad_b: i32, pad_r: i32, include_pad: i32, zero: i32, middle: i32,
): void {
  const pixel = <usize>c * STORED;
  for (; n > 0; n--) {
    let row = y;
    for (let r = 0; r < oh; r++) {
      const y0 = max(0, r * stride_h - pad_t), y1 = min(h, r * stride_h - pad_t + kh);
      let to = row;
      for (let column = 0; column < ow; column++) {
        const x0 = max(0, column * stride_w - pad_l), x1 = min(w, column * stride_w - pad_l + kw);
        const inside = (y1 - y0) * (x1 - x0);
        const count = include_pad ? padded(r * stride_h - pad_t, kh, h + pad_b) * padded(
          column * stride_w - pad_l, kw, w + pad_r,
        ) : inside;
        // stored values are q + 128, sums are of q - middle; pads, where they count, are the zero point
        const start = i32x4.splat((count - inside) * (zero - middle) - (128 + middle) * inside);
        const half = i32x4.splat(count >> 1), by = f32x4.splat(<f32>count);
        const corner = x + <usize>(y0 * x_row_stride) + <usize>x0 * pixel;
        let at: usize = 0;
        for (let rest = c; rest > 0; rest -= 8) {
          let s0 = start, s1 = start, line = corner + at;
          for (let i = y0; i < y1; i++) {
            let p = line;
            for (let j = x0; j < x1; j++) {
              const v = load8(p);
              s0 = i32x4.add(s0, i32x4.extend_low_i16x8_s(v));
              s1 = i32x4.add(s1, i32x4.extend_high_i16x8_s(v));
              p += pixel;
            }
            line += <usize>x_row_stride;
          }
          const q = i16x8.narrow_i32x4_s(divided(s0, half, by), divided(s1, half, by));
          storeFirst(to + at, i16x8.add(q, i16x8.splat(<i16>(128 + middle))), rest);
          at += 8 * STORED;
        }
        to += pixel;
      }
      row += <usize>y_row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
