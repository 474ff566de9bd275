// int8 sums over an axis, on stored activations: lanes are the elements inside that axis.
import { highest, load8, lowest, narrowed, rounded, shiftOf, STORED, storeFirst } from "./stored";

/** round(sum * scale + offset) of four sums. */
@inline function moved(sum: v128, scale: v128, offset: v128, low: v128, shift: v128): v128 {
  return rounded(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sum), scale), offset), low, shift);
}

export function i8_mean(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, outer: i32, length: i32, inner: i32, scale: f32, offset: f32,
): void {
  const row = <usize>inner * STORED, s = f32x4.splat(scale), add = f32x4.splat(offset), low = lowest(-128, 0);
  const shift = shiftOf(0), high = highest(127);
  // every element is stored as q + 128
  const start = i32x4.splat(-length * 128);
  for (; n > 0; n--) {
    let block = x, o = y;
    for (let r = outer; r > 0; r--) {
      for (let rest = inner, at: usize = 0; rest > 0; rest -= 8) {
        let a = start, b = start, p = block + at;
        for (let i = length; i > 0; i--) {
          const v = load8(p);
          a = i32x4.add(a, i32x4.extend_low_i16x8_s(v));
          b = i32x4.add(b, i32x4.extend_high_i16x8_s(v));
          p += row;
        }
        storeFirst(o + at, narrowed(moved(a, s, add, low, shift), moved(b, s, add, low, shift), high), rest);
        at += 8 * STORED;
      }
      block += <usize>length * row;
      o += row;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
