// int8 matrix products: y[n][cout] = x[n][k] weight[cout][k], x stored (q + 128), weight in panels of 8 outputs.
import { HEAD, INTEGERS, multiplyRows, QUANTIZED, REALS } from "./i8-tile";
import { biasOf, GROUP, highest, lowest, shiftOf, storeWeight, STORED, WEIGHT } from "./stored";

export function i8_gemm_pack(
  cout: i32, runs: i32, length: i32, weight: usize, bias: usize, scale: usize, zero: i32, y: usize,
): void {
  const run = (length + GROUP - 1) / GROUP, k_groups = runs * run;
  const k = runs * length;
  const panel = HEAD + <usize>k_groups * 32;
  for (let first = 0; first < cout; first += 8) {
    memory.fill(y, 0, panel);
    const here = min(8, cout - first);
    for (let o = 0; o < here; o++) {
      let from = weight + <usize>((first + o) * k), sum = 0;
      let to = y + HEAD + <usize>o * 4;
      for (let r = runs; r > 0; r--) {
        for (let i: usize = 0; i < <usize>length; i++) {
          const v = <i32>load<i8>(from++);
          storeWeight(to + (i / GROUP) * 32 + (i % GROUP) * WEIGHT, v);
          sum += v;
        }
        to += <usize>run * 32;
      }
      const at = <usize>(first + o) << 2, head = y + (<usize>o << 2);
      store<i32>(head, biasOf(bias, first + o) - (zero + 128) * sum);
      store<f32>(head, load<f32>(scale + at), 32);
    }
    y += panel;
  }
}

export function i8_gemm(n: i32, x: usize, xs: i32, k_groups: i32, weight: usize, y: usize, ys: i32, cout: i32): void {
  const none = i32x4.splat(0);
  multiplyRows(INTEGERS, n, x, <usize>xs, k_groups, weight, y, <usize>ys, cout, none, none, none, 0);
}

export function i8_gemm_requantize(
  n: i32, x: usize, xs: i32, k_groups: i32, weight: usize, y: usize, ys: i32, cout: i32, zero: i32, qmin: i32,
  qmax: i32,
): void {
  const low = lowest(qmin, zero), shift = shiftOf(zero), high = highest(qmax);
  multiplyRows(QUANTIZED, n, x, <usize>xs, k_groups, weight, y, <usize>ys, cout, low, shift, high, 0);
}

export function i8_gemm_dynamic(
  n: i32, x: usize, xs: i32, k_groups: i32, weight: usize, y: usize, ys: i32, cout: i32, chosen: usize, cs: i32,
  bias: usize,
): void {
  // each row has a scale and a zero point of its own
  for (; n > 0; n--) {
    const first = f32x4.splat(load<f32>(chosen)), zero = i32x4.splat(load<i32>(chosen, 8) + 128);
    multiplyRows(REALS, 1, x, <usize>xs, k_groups, weight, y, <usize>ys, cout, first, zero, zero, bias);
    x += <usize>xs;
    y += <usize>ys;
    chosen += <usize>cs;
  }
}
