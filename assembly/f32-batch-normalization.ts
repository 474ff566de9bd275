// Batch normalization (Ioffe & Szegedy 2015) over the last axis. Four channels at a time: lanes are channels, so that
// sums need no horizontal step and their order is that of images and rows.

import { inverseDeviation, parameterGradient } from "./normalization";
import { zeroPadding } from "./row";
import { high, joined, low, storeLanes } from "./simd";

export function f32_batch_normalization_statistics(
  n: i32,
  x: usize,
  xs: i32,
  repeat: i32,
  k: i32,
  mean: usize,
  variance: usize,
): void {
  const count = f64x2.splat(<f64>n * <f64>repeat);
  const step = <usize>k << 2;
  for (let j = 0; j < k; j += 4) {
    const channel = <usize>j << 2;
    let a = f64x2.splat(0);
    let b = f64x2.splat(0);
    let image = x + channel;
    for (let i = 0; i < n; i++) {
      let pixel = image;
      for (let r = 0; r < repeat; r++) {
        const v = v128.load(pixel);
        a = f64x2.add(a, low(v));
        b = f64x2.add(b, high(v));
        pixel += step;
      }
      image += <usize>xs;
    }
    const meanA = f64x2.div(a, count);
    const meanB = f64x2.div(b, count);
    a = f64x2.splat(0);
    b = f64x2.splat(0);
    image = x + channel;
    for (let i = 0; i < n; i++) {
      let pixel = image;
      for (let r = 0; r < repeat; r++) {
        const v = v128.load(pixel);
        const da = f64x2.sub(low(v), meanA);
        const db = f64x2.sub(high(v), meanB);
        a = f64x2.add(a, f64x2.mul(da, da));
        b = f64x2.add(b, f64x2.mul(db, db));
        pixel += step;
      }
      image += <usize>xs;
    }
    storeLanes(mean + channel, joined(meanA, meanB), k - j);
    storeLanes(variance + channel, joined(f64x2.div(a, count), f64x2.div(b, count)), k - j);
  }
}

export function f32_batch_normalization(
  n: i32,
  x: usize,
  xs: i32,
  y: usize,
  ys: i32,
  repeat: i32,
  k: i32,
  mean: usize,
  variance: usize,
  gamma: usize,
  beta: usize,
  epsilon: f32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const pixel = <usize>(r * k) << 2;
      for (let j = 0; j < k; j += 4) {
        const channel = <usize>j << 2;
        const scale = f32x4.mul(v128.load(gamma + channel), inverseDeviation(v128.load(variance + channel), epsilon));
        const shift = f32x4.sub(v128.load(beta + channel), f32x4.mul(v128.load(mean + channel), scale));
        const at = pixel + channel;
        storeLanes(y + at, f32x4.add(f32x4.mul(v128.load(x + at), scale), shift), k - j);
      }
    }
    zeroPadding(y, repeat * k);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function f32_batch_normalization_parameter_gradient(
  n: i32,
  dy: usize,
  dys: i32,
  x: usize,
  xs: i32,
  repeat: i32,
  k: i32,
  mean: usize,
  variance: usize,
  dgamma: usize,
  dbeta: usize,
  epsilon: f32,
): void {
  parameterGradient(false, n, dy, dys, x, xs, repeat, k, mean, 0, variance, 0, epsilon, dgamma, dbeta);
}

export function f32_batch_normalization_gradient(
  n: i32,
  dy: usize,
  dys: i32,
  x: usize,
  xs: i32,
  dx: usize,
  dxs: i32,
  repeat: i32,
  k: i32,
  mean: usize,
  variance: usize,
  gamma: usize,
  dgamma: usize,
  dbeta: usize,
  epsilon: f32,
  total: i32,
): void {
  const share = f32x4.splat(1 / <f32>total);
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const pixel = <usize>(r * k) << 2;
      for (let j = 0; j < k; j += 4) {
        const channel = <usize>j << 2;
        const at = pixel + channel;
        const inverse = inverseDeviation(v128.load(variance + channel), epsilon);
        const scale = f32x4.mul(v128.load(gamma + channel), inverse);
        const z = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(mean + channel)), inverse);
        const moved = f32x4.add(v128.load(dbeta + channel), f32x4.mul(z, v128.load(dgamma + channel)));
        const d = f32x4.sub(v128.load(dy + at), f32x4.mul(moved, share));
        storeLanes(dx + at, f32x4.mul(d, scale), k - j);
      }
    }
    zeroPadding(dx, repeat * k);
    dy += <usize>dys;
    x += <usize>xs;
    dx += <usize>dxs;
  }
}

export function f32_batch_normalization_frozen_gradient(
  n: i32,
  dy: usize,
  dys: i32,
  dx: usize,
  dxs: i32,
  repeat: i32,
  k: i32,
  variance: usize,
  gamma: usize,
  epsilon: f32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const pixel = <usize>(r * k) << 2;
      for (let j = 0; j < k; j += 4) {
        const channel = <usize>j << 2;
        const scale = f32x4.mul(v128.load(gamma + channel), inverseDeviation(v128.load(variance + channel), epsilon));
        storeLanes(dx + pixel + channel, f32x4.mul(v128.load(dy + pixel + channel), scale), k - j);
      }
    }
    zeroPadding(dx, repeat * k);
    dy += <usize>dys;
    dx += <usize>dxs;
  }
}

export function f32_moving_average(n: i32, y: usize, x: usize, momentum: f32): void {
  const keep = f32x4.splat(momentum);
  const take = f32x4.splat(1 - momentum);
  for (let i = 0; i < n; i += 4) {
    v128.store(y, f32x4.add(f32x4.mul(v128.load(y), keep), f32x4.mul(v128.load(x), take)));
    y += 16;
    x += 16;
  }
}

export function f32_moving_average_unless(n: i32, flag: usize, y: usize, x: usize, momentum: f32): void {
  if (load<f32>(flag) == 0) f32_moving_average(n, y, x, momentum);
}

export function f32_choose(n: i32, flag: usize, a: usize, b: usize, y: usize): void {
  const from = load<f32>(flag) == 0 ? b : a;
  for (let i = 0; i < n; i += 4) v128.store(y + (<usize>i << 2), v128.load(from + (<usize>i << 2)));
}
