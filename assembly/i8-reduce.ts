// int8 sums over an axis, on stored activations: lanes are the elements inside that axis.
import { highest, load8, lowest, narrowed, requantized, shiftOf, STORED, storeFirst } from "./stored";

export function i8_mean(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, outer: i32, length: i32, inner: i32, scale: f32, from: i32, to: i32,
): void {
  const row = <usize>inner * STORED, s = f32x4.splat(scale), low = lowest(-128, to), shift = shiftOf(to), high = highest(127);
  // all zero points at once: every element is stored as q + 128
  const start = i32x4.splat(-length * (from + 128));
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
        storeFirst(o + at, narrowed(requantized(a, s, low, shift), requantized(b, s, low, shift), high), rest);
        at += 8 * STORED;
      }
      block += <usize>length * row;
      o += row;
    }
    x += <usize>xs;
    y += <usize>ys;
  }
}
