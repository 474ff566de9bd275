// int8 matrix products: y[n][outs] = x[n][k] w[outs][k], x stored (q + 128), w in panels of 8 outputs.
import { HEAD, INTEGERS, QUANTIZED, REALS, tile } from "./i8-tile";
import { biasOf, GROUP, highest, lowest, shiftOf, storeWeight, STORED, WEIGHT } from "./stored";

export function i8_gemm_pack(
  outs: i32, runs: i32, length: i32, w: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  const groups = runs * ((length + GROUP - 1) / GROUP);
  const k = runs * length;
  const panel = HEAD + <usize>groups * 32;
  for (let first = 0; first < outs; first += 8) {
    memory.fill(y, 0, panel);
    const here = min(8, outs - first);
    for (let o = 0; o < here; o++) {
      let from = w + <usize>((first + o) * k), sum = 0;
      let to = y + HEAD + <usize>o * 4;
      for (let r = runs; r > 0; r--) {
        for (let left = length; left > 0; left -= GROUP) {
          const some = min(left, GROUP);
          for (let i = 0; i < some; i++) {
            const v = <i32>load<i8>(from);
            storeWeight(to + <usize>i * WEIGHT, v);
            sum += v;
            from++;
          }
          to += 32;
        }
      }
      const at = <usize>(first + o) << 2, head = y + (<usize>o << 2);
      store<i32>(head, biasOf(bias, first + o) - (zero + 128) * sum);
      store<f32>(head, load<f32>(scale + at), 32);
    }
    y += panel;
  }
}

@inline function gemm(
  become: i32, n: i32, x: usize, xs: usize, groups: i32, w: usize, y: usize, ys: usize, outs: i32,
  low: v128, shift: v128, high: v128, bias: usize,
): void {
  const panel = HEAD + <usize>groups * 32;
  const width: usize = become == QUANTIZED ? 8 * STORED : 32;
  for (let rest = outs; rest > 0; rest -= 8) {
    // the rows of a tail are the last row again
    let a0 = x, o0 = y;
    for (let left = n; left > 0; left -= 4) {
      const more = left > 1, a1 = more ? a0 + xs : a0, o1 = more ? o0 + ys : o0;
      const third = left > 2, a2 = third ? a1 + xs : a1, o2 = third ? o1 + ys : o1;
      const fourth = left > 3, a3 = fourth ? a2 + xs : a2, o3 = fourth ? o2 + ys : o2;
      tile(become, false, 4, a0, a1, a2, a3, 0, groups, w, o0, o1, o2, o3, rest, low, shift, high, bias);
      a0 = a3 + xs;
      o0 = o3 + ys;
    }
    w += panel;
    y += width;
    bias += 32;
  }
}

export function i8_gemm(n: i32, x: usize, xs: i32, groups: i32, w: usize, y: usize, ys: i32, outs: i32): void {
  const none = i32x4.splat(0);
  gemm(INTEGERS, n, x, <usize>xs, groups, w, y, <usize>ys, outs, none, none, none, 0);
}

export function i8_gemm_requantize(
  n: i32, x: usize, xs: i32, groups: i32, w: usize, y: usize, ys: i32, outs: i32, zero: i32, qmin: i32, qmax: i32,
): void {
  gemm(QUANTIZED, n, x, <usize>xs, groups, w, y, <usize>ys, outs, lowest(qmin, zero), shiftOf(zero), highest(qmax), 0);
}

export function i8_gemm_dynamic(
  n: i32, x: usize, xs: i32, groups: i32, w: usize, y: usize, ys: i32, outs: i32, chosen: usize, cs: i32, bias: usize,
): void {
  // each row has a scale and a zero point of its own
  for (; n > 0; n--) {
    const first = f32x4.splat(load<f32>(chosen)), zero = i32x4.splat(load<i32>(chosen, 8) + 128);
    gemm(REALS, 1, x, <usize>xs, groups, w, y, <usize>ys, outs, first, zero, zero, bias);
    x += <usize>xs;
    y += <usize>ys;
    chosen += <usize>cs;
  }
}
