// f32 matrix products on weights in panels of 8 columns, [n/8][k][8].
import { madd } from "./simd";

/** The modes of table/f32-gemm.ts. */
export const BIAS_RELU = 1;
export const MASK = 2;

/** `mode` applied to a sum: `aux` is bias (odd modes) or what masks. */
@inline export function finish(sum: v128, mode: i32, aux: v128): v128 {
  if (mode == 0) return sum;
  if (mode == MASK) return v128.and(sum, f32x4.gt(aux, f32x4.splat(0)));
  sum = f32x4.add(sum, aux);
  return mode == BIAS_RELU ? f32x4.pmax(sum, f32x4.splat(0)) : sum;
}

/** The first `count` of the eight floats low, high. */
@inline export function storeFirst(p: usize, low: v128, high: v128, count: i32): void {
  if (count >= 8) {
    v128.store(p, low);
    v128.store(p, high, 16);
    return;
  }
  if (count & 4) {
    v128.store(p, low);
    low = high;
    p += 16;
  }
  if (count & 2) {
    v128.store64_lane(p, low, 0);
    // lanes 2 3 -> 0 1
    low = v128.shuffle<f32>(low, low, 2, 3, 2, 3);
    p += 8;
  }
  if (count & 1) v128.store32_lane(p, low, 0);
}

export function f32_gemm(m: i32, n: i32, k: i32, a: usize, lda: i32, w: usize, c: usize, ldc: i32, mode: i32, aux: usize): void {
  for (let row = 0; row < m; row++) {
    for (let column = 0; column < n; column += 8) {
      let panel = w + (<usize>column * <usize>k << 2);
      let low = f32x4.splat(0), high = f32x4.splat(0);
      for (let i = 0; i < k; i++) {
        const x = v128.load32_splat(a + (<usize>i << 2));
        low = madd(x, v128.load(panel), low);
        high = madd(x, v128.load(panel, 16), high);
        panel += 32;
      }
      const at = <usize>column << 2;
      const extra = mode == MASK ? aux + at + <usize>row * <usize>ldc : aux + at;
      if (mode) {
        low = finish(low, mode, v128.load(extra));
        high = finish(high, mode, v128.load(extra, 16));
      }
      storeFirst(c + at, low, high, n - column);
    }
    a += <usize>lda;
    c += <usize>ldc;
  }
}

export function f32_gemm_weight_gradient(m: i32, n: i32, k: i32, x: usize, ldx: i32, gy: usize, ldgy: i32, gw: usize, gb: usize, accumulate: i32): void {
  for (let column = 0; column < n; column += 8) {
    for (let lane = 0; lane < 8; lane++) {
      const there = column + lane < n;
      for (let i = 0; i < k; i++) {
        const to = gw + (<usize>(column * k + i * 8 + lane) << 2);
        let sum: f32 = accumulate ? load<f32>(to) : 0;
        if (there)
          for (let row = 0; row < m; row++)
            sum += load<f32>(x + <usize>row * <usize>ldx + (<usize>i << 2)) * load<f32>(gy + <usize>row * <usize>ldgy + (<usize>(column + lane) << 2));
        store<f32>(to, sum);
      }
      const to = gb + (<usize>(column + lane) << 2);
      let sum: f32 = accumulate ? load<f32>(to) : 0;
      if (there) for (let row = 0; row < m; row++) sum += load<f32>(gy + <usize>row * <usize>ldgy + (<usize>(column + lane) << 2));
      store<f32>(to, sum);
    }
  }
}

export function f32_transpose_panels(n: i32, k: i32, x: usize, y: usize): void {
  for (let i = 0; i < (k + 7 & -8); i++)
    for (let o = 0; o < n; o++)
      store<f32>(y + (<usize>((i >> 3) * n * 8 + o * 8 + (i & 7)) << 2), i < k ? load<f32>(x + (<usize>((o >> 3) * k * 8 + i * 8 + (o & 7)) << 2)) : 0);
}

export function f32_pack_panels(n: i32, k: i32, x: usize, xn: i32, xk: i32, y: usize): void {
  for (let o = 0; o < (n + 7 & -8); o++)
    for (let i = 0; i < k; i++)
      store<f32>(y + (<usize>((o >> 3) * k * 8 + i * 8 + (o & 7)) << 2), o < n ? load<f32>(x + <usize>(o * xn) + <usize>(i * xk)) : 0);
}
