// Pixels as bytes to floats.

import { zeroPadding } from "./row";
import { storeLanes } from "./simd";

export function u8_rescale(n: i32, x: usize, xs: i32, y: usize, ys: i32, k: i32, scale: f32, offset: f32): void {
  const factor = f32x4.splat(scale);
  const shift = f32x4.splat(offset);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < k; j += 4) {
      // b0 b1 b2 b3 -> four 16-bit -> four 32-bit
      const words = i16x8.extend_low_i8x16_u(v128.load32_zero(x + j));
      const v = f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(words));
      storeLanes(y + (<usize>j << 2), f32x4.add(f32x4.mul(v, factor), shift), k - j);
    }
    zeroPadding(y, k);
    x += <usize>xs;
    y += <usize>ys;
  }
}
