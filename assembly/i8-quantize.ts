// Conversions at the borders of int8: entering and leaving the stored form, quantizing, dequantizing, changing the
// scale, finding ranges. Rounding is half to even everywhere (XNNPACK's f32-qs8-vcvt, qs8-f32-vcvt); the range is
// chosen as XNNPACK's qd8 does.
import { rangeOf } from "./row";
import {
  fill, highest, load8, loadOne, lowest, narrowed, RELAXED, requantized, rounded, shiftOf, STORED, storeFirst,
  storeOne, store8,
} from "./stored";

/** Converts a row of int8 to stored. */
@inline function enterRow(from: usize, to: usize, left: i32): void {
  const flip = i8x16.splat(-128);
  for (; left >= 16; left -= 16) {
    const bytes = v128.xor(v128.load(from), flip);
    if (RELAXED) v128.store(to, bytes);
    else {
      v128.store(to, i16x8.extend_low_i8x16_u(bytes));
      v128.store(to, i16x8.extend_high_i8x16_u(bytes), 16);
    }
    from += 16;
    to += 16 * STORED;
  }
  for (; left > 0; left--) {
    storeOne(to, <i32>load<i8>(from) + 128);
    from++;
    to += STORED;
  }
}

export function i8_enter(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, pad_t: i32, pad_b: i32, pad_l: i32, pad_r: i32,
  zero: i32,
): void {
  const row = (pad_l + w + pad_r) * c;
  // without pads at the sides an image is one row
  const narrow = pad_l + pad_r == 0, rows = narrow ? 1 : h, length = narrow ? h * row : w * c;
  for (; n > 0; n--) {
    if (pad_t + pad_b + pad_l + pad_r) i8_halo(1, y, 0, h, w, c, pad_t, pad_b, pad_l, pad_r, zero);
    let from = x, to = y + <usize>(pad_t * row + pad_l * c) * STORED;
    for (let r = rows; r > 0; r--) {
      enterRow(from, to, length);
      from += <usize>length;
      to += <usize>row * STORED;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_leave(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, first: i32, rows: i32, length: i32, row_stride: i32,
): void {
  const flip = i8x16.splat(-128);
  for (; n > 0; n--) {
    let row = x + <usize>first, to = y;
    for (let r = rows; r > 0; r--) {
      let from = row, left = length;
      for (; left >= 8; left -= 8) {
        const words = load8(from);
        v128.store64_lane(to, v128.xor(i8x16.narrow_i16x8_u(words, words), flip), 0);
        from += 8 * STORED;
        to += 8;
      }
      for (; left > 0; left--) {
        store<i8>(to, <i8>(loadOne(from) - 128));
        from += STORED;
        to++;
      }
      row += <usize>row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_halo(
  n: i32, y: usize, ys: i32, h: i32, w: i32, c: i32, pad_t: i32, pad_b: i32, pad_l: i32, pad_r: i32, zero: i32,
): void {
  const row = (pad_l + w + pad_r) * c;
  const value = zero + 128;
  for (; n > 0; n--) {
    let p = y;
    // the right pad of a row and the left pad of the next are contiguous
    fill(p, value, pad_t * row + pad_l * c);
    p += <usize>(pad_t * row + pad_l * c) * STORED;
    for (let r = h; r > 0; r--) {
      p += <usize>(w * c) * STORED;
      const side = r > 1 ? (pad_r + pad_l) * c : pad_r * c;
      fill(p, value, side);
      p += <usize>side * STORED;
    }
    fill(p, value, pad_b * row);
    y += <usize>ys;
  }
}

/** Converts a row of f32 to stored. */
@inline function quantizeRow(from: usize, to: usize, left: i32, scale: v128, low: v128, shift: v128, high: v128): void {
  for (; left >= 8; left -= 8) {
    const a = rounded(f32x4.mul(v128.load(from), scale), low, shift);
    const b = rounded(f32x4.mul(v128.load(from, 16), scale), low, shift);
    store8(to, narrowed(a, b, high));
    from += 32;
    to += 8 * STORED;
  }
  for (; left > 0; left--) {
    const a = rounded(f32x4.mul(v128.load32_splat(from), scale), low, shift);
    storeFirst(to, narrowed(a, a, high), 1);
    from += 4;
    to += STORED;
  }
}

export function i8_quantize(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, rows: i32, length: i32, row_stride: i32, inverse: f32, zero: i32,
): void {
  const low = lowest(-128, zero), shift = shiftOf(zero), high = highest(127), scale = f32x4.splat(inverse);
  for (; n > 0; n--) {
    for (let r = 0; r < rows; r++) quantizeRow(
      x + <usize>(r * length) * 4, y + <usize>(r * row_stride), length, scale, low, shift, high,
    );
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_dequantize(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, rows: i32, length: i32, row_stride: i32, scale: f32, zero: i32,
): void {
  const s = f32x4.splat(scale), z = i16x8.splat(<i16>(zero + 128));
  for (; n > 0; n--) {
    let row = x, to = y;
    for (let r = rows; r > 0; r--) {
      let from = row, left = length;
      for (; left >= 8; left -= 8) {
        const q = i16x8.sub(load8(from), z);
        v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q)), s));
        v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q)), s), 16);
        from += 8 * STORED;
        to += 32;
      }
      for (; left > 0; left--) {
        store<f32>(to, <f32>(loadOne(from) - 128 - zero) * scale);
        from += STORED;
        to += 4;
      }
      row += <usize>row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_requantize(
  n: i32, x: usize, xs: i32, x_row_stride: i32, y: usize, ys: i32, y_row_stride: i32, rows: i32, length: i32,
  scale: f32, from: i32, to: i32, qmin: i32, qmax: i32,
): void {
  const s = f32x4.splat(scale), z = i16x8.splat(<i16>(from + 128));
  const low = lowest(qmin, to), shift = shiftOf(to), high = highest(qmax);
  for (; n > 0; n--) {
    let xr = x, yr = y;
    for (let r = rows; r > 0; r--) {
      let p = xr, o = yr;
      for (let left = length; left > 0; left -= 8) {
        const q = i16x8.sub(load8(p), z);
        const a = requantized(i32x4.extend_low_i16x8_s(q), s, low, shift);
        const b = requantized(i32x4.extend_high_i16x8_s(q), s, low, shift);
        storeFirst(o, narrowed(a, b, high), left);
        p += 8 * STORED;
        o += 8 * STORED;
      }
      xr += <usize>x_row_stride;
      yr += <usize>y_row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_lookup(
  n: i32, x: usize, xs: i32, x_row_stride: i32, y: usize, ys: i32, y_row_stride: i32, rows: i32, length: i32,
  table: usize, period: i32, step: i32,
): void {
  for (; n > 0; n--) {
    let xr = x, yr = y;
    for (let r = rows; r > 0; r--) {
      for (let i: usize = 0; i < <usize>length * STORED; ) {
        let t = table;
        for (const end = i + <usize>period * STORED; i < end; i += STORED) {
          storeOne(yr + i, loadOne(t + <usize>loadOne(xr + i) * STORED));
          t += <usize>step;
        }
      }
      xr += <usize>x_row_stride;
      yr += <usize>y_row_stride;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_quantize_channels(rows: i32, length: i32, x: usize, y: usize, scale: usize): void {
  for (; rows > 0; rows--) {
    const s = load<f32>(scale);
    for (let left = length; left > 0; left--) {
      const q = nearest<f32>(load<f32>(x) / s);
      // 0 / 0 of a dead channel is NaN, which converts to 0
      store<i8>(y, <i8>(q > 127 ? 127 : q < -127 ? -127 : <i32>q));
      x += 4;
      y++;
    }
    scale += 4;
  }
}

export function i8_dequantize_channels(rows: i32, length: i32, x: usize, y: usize, scale: usize): void {
  for (; rows > 0; rows--) {
    const s = load<f32>(scale);
    for (let left = length; left > 0; left--) {
      store<f32>(y, <f32>load<i8>(x) * s);
      x++;
      y += 4;
    }
    scale += 4;
  }
}

export function i8_range(n: i32, x: usize, xs: i32, length: i32, y: usize, ys: i32): void {
  for (; n > 0; n--) {
    rangeOf(1, x, 0, length, f32x4.splat(Infinity), f32x4.splat(-Infinity), y);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_choose(n: i32, x: usize, xs: i32, y: usize, ys: i32): void {
  for (; n > 0; n--) {
    let lo = load<f32>(x), hi = load<f32>(x, 4);
    if (!(lo < 0)) lo = 0;
    if (!(hi > 0)) hi = 0;
    const inverse: f32 = lo == hi ? 1 : 255 / (hi - lo);
    const least = lo * inverse, most = hi * inverse;
    // zero from that end of the range where its error is smaller
    const qmin: f32 = -128, qmax: f32 = 127;
    const zero: f32 = qmin + least + (qmax + most) > 0 ? qmin - least : qmax - most;
    store<f32>(y, 1 / inverse);
    store<f32>(y, inverse, 4);
    store<i32>(y, <i32>nearest<f32>(min(qmax, max(qmin, zero))), 8);
    store<i32>(y, 0, 12);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function i8_quantize_dynamic(
  n: i32, x: usize, xs: i32, chosen: usize, cs: i32, y: usize, ys: i32, rows: i32, length: i32, row_stride: i32,
  first: i32, bytes: i32,
): void {
  const high = highest(127);
  for (; n > 0; n--) {
    const zero = load<i32>(chosen, 8);
    const low = lowest(-128, zero), shift = shiftOf(zero), scale = f32x4.splat(load<f32>(chosen, 4));
    fill(y, zero + 128, bytes / <i32>STORED);
    const inside = y + <usize>first;
    for (let r = 0; r < rows; r++) quantizeRow(
      x + <usize>(r * length) * 4, inside + <usize>(r * row_stride), length, scale, low, shift, high,
    );
    x += <usize>xs;
    y += <usize>ys;
    chosen += <usize>cs;
  }
}
