// Layer normalization (Ba, Kiros & Hinton 2016): every row of k floats by its own mean and variance.
// Sums over a row are in f64: lane i adds elements i, i + 4, i + 8 ..., then (0 + 2) + (1 + 3).

import { parameterGradient } from "./normalization";
import { keepLanes, zeroPadding } from "./row";
import { high, low, storeLanes, sumPairs } from "./simd";

function rowMean(x: usize, k: i32): f32 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  for (let j = 0; j < k; j += 4) {
    const v = keepLanes(v128.load(x + (<usize>j << 2)), k - j);
    a = f64x2.add(a, low(v));
    b = f64x2.add(b, high(v));
  }
  return <f32>(sumPairs(a, b) / <f64>k);
}

/** 1 / sqrt(variance + epsilon). */
function rowInverse(x: usize, k: i32, mean: f32, epsilon: f32): f32 {
  const center = f32x4.splat(mean);
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  for (let j = 0; j < k; j += 4) {
    const d = keepLanes(f32x4.sub(v128.load(x + (<usize>j << 2)), center), k - j);
    a = f64x2.add(a, f64x2.mul(low(d), low(d)));
    b = f64x2.add(b, f64x2.mul(high(d), high(d)));
  }
  return <f32>(1 / sqrt(sumPairs(a, b) / <f64>k + <f64>epsilon));
}

export function f32_layer_normalization(
  n: i32,
  x: usize,
  xs: i32,
  y: usize,
  ys: i32,
  repeat: i32,
  k: i32,
  gamma: usize,
  beta: usize,
  epsilon: f32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = <usize>(r * k) << 2;
      const mean = rowMean(x + row, k);
      const center = f32x4.splat(mean);
      const inverse = f32x4.splat(rowInverse(x + row, k, mean, epsilon));
      for (let j = 0; j < k; j += 4) {
        const at = <usize>j << 2;
        const z = f32x4.mul(f32x4.sub(v128.load(x + row + at), center), inverse);
        const v = f32x4.add(f32x4.mul(z, v128.load(gamma + at)), v128.load(beta + at));
        storeLanes(y + row + at, v, k - j);
      }
    }
    zeroPadding(y, repeat * k);
    x += <usize>xs;
    y += <usize>ys;
  }
}

export function f32_layer_normalization_statistics(
  n: i32,
  x: usize,
  xs: i32,
  repeat: i32,
  k: i32,
  mean: usize,
  means: i32,
  inverse: usize,
  inverses: i32,
  epsilon: f32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = x + (<usize>(r * k) << 2);
      const center = rowMean(row, k);
      store<f32>(mean + (<usize>r << 2), center);
      store<f32>(inverse + (<usize>r << 2), rowInverse(row, k, center, epsilon));
    }
    zeroPadding(mean, repeat);
    zeroPadding(inverse, repeat);
    x += <usize>xs;
    mean += <usize>means;
    inverse += <usize>inverses;
  }
}

export function f32_layer_normalization_parameter_gradient(
  n: i32,
  dy: usize,
  dys: i32,
  x: usize,
  xs: i32,
  repeat: i32,
  k: i32,
  mean: usize,
  means: i32,
  inverse: usize,
  inverses: i32,
  dgamma: usize,
  dbeta: usize,
): void {
  parameterGradient(true, n, dy, dys, x, xs, repeat, k, mean, means, inverse, inverses, 0, dgamma, dbeta);
}

export function f32_layer_normalization_gradient(
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
  means: i32,
  inverse: usize,
  inverses: i32,
  gamma: usize,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = <usize>(r * k) << 2;
      const center = v128.load32_splat(mean + (<usize>r << 2));
      const by = v128.load32_splat(inverse + (<usize>r << 2));
      let flowA = f64x2.splat(0);
      let flowB = f64x2.splat(0);
      let turnA = f64x2.splat(0);
      let turnB = f64x2.splat(0);
      for (let j = 0; j < k; j += 4) {
        const at = <usize>j << 2;
        const z = f32x4.mul(f32x4.sub(v128.load(x + row + at), center), by);
        const g = keepLanes(f32x4.mul(v128.load(dy + row + at), v128.load(gamma + at)), k - j);
        const product = keepLanes(f32x4.mul(g, z), k - j);
        flowA = f64x2.add(flowA, low(g));
        flowB = f64x2.add(flowB, high(g));
        turnA = f64x2.add(turnA, low(product));
        turnB = f64x2.add(turnB, high(product));
      }
      const flow = f32x4.splat(<f32>(sumPairs(flowA, flowB) / <f64>k));
      const turn = f32x4.splat(<f32>(sumPairs(turnA, turnB) / <f64>k));
      for (let j = 0; j < k; j += 4) {
        const at = <usize>j << 2;
        const z = f32x4.mul(f32x4.sub(v128.load(x + row + at), center), by);
        const g = f32x4.mul(v128.load(dy + row + at), v128.load(gamma + at));
        const d = f32x4.sub(f32x4.sub(g, flow), f32x4.mul(z, turn));
        storeLanes(dx + row + at, f32x4.mul(d, by), k - j);
      }
    }
    zeroPadding(dx, repeat * k);
    dy += <usize>dys;
    x += <usize>xs;
    dx += <usize>dxs;
    mean += <usize>means;
    inverse += <usize>inverses;
  }
}
