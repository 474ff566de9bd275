// Bilinear interpolation of stored int8 images in integers, as XNNPACK's qs8-ibilinear: shares in 1/2048, one rounding
// half up. The tables are those of f32-resize.ts, with shares as integers in 0..2048.
import { load8, STORED, storeFirst } from "./stored";

/** 2048 a + (b - a) share, four at a time. */
@inline function mixed(a: v128, difference: v128, share: v128): v128 {
  return i32x4.add(i32x4.shl(a, 11), i32x4.mul(difference, share));
}

@inline function whole(top: v128, bottom: v128, down: v128): v128 {
  return i32x4.shr_s(i32x4.add(mixed(top, i32x4.sub(bottom, top), down), i32x4.splat(1 << 21)), 22);
}

export function i8_resize_bilinear(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, oh: i32, ow: i32, c: i32, rows: usize, columns: usize,
): void {
  for (; n > 0; n--) {
    let o = y, row = rows;
    for (let r = oh; r > 0; r--) {
      const top = x + load<usize>(row), bottom = x + load<usize>(row, 4), down = i32x4.splat(load<i32>(row, 8));
      let column = columns;
      for (let k = ow; k > 0; k--) {
        const left = load<usize>(column), right = load<usize>(column, 4), share = i32x4.splat(load<i32>(column, 8));
        let p: usize = 0;
        for (let rest = c; rest > 0; rest -= 8) {
          const tl = load8(top + left + p), bl = load8(bottom + left + p);
          const td = i16x8.sub(load8(top + right + p), tl), bd = i16x8.sub(load8(bottom + right + p), bl);
          const t0 = mixed(i32x4.extend_low_i16x8_s(tl), i32x4.extend_low_i16x8_s(td), share);
          const t1 = mixed(i32x4.extend_high_i16x8_s(tl), i32x4.extend_high_i16x8_s(td), share);
          const b0 = mixed(i32x4.extend_low_i16x8_s(bl), i32x4.extend_low_i16x8_s(bd), share);
          const b1 = mixed(i32x4.extend_high_i16x8_s(bl), i32x4.extend_high_i16x8_s(bd), share);
          storeFirst(o + p, i16x8.narrow_i32x4_s(whole(t0, b0, down), whole(t1, b1, down)), rest);
          p += 8 * STORED;
        }
        o += <usize>c * STORED;
        column += 12;
      }
      row += 12;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
