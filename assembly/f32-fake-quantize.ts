// Fake quantization: numbers rounded to those that few bits hold, still as floats. Weights are panels of 8 outputs, so
// that each lane has a scale of its own.

import { rangeOf } from "./row";
import { maxLanes } from "./simd";

/** 2^-126: no scale is less, so that no weight is divided by 0. */
const LEAST: f32 = 1.1754943508222875e-38;

/** The least learned step, as a share of its unit. */
const LEAST_STEP: f32 = 0.0009765625;

/** Outputs in whole panels. */
@inline function padded(outputs: i32): i32 {
  return (outputs + 7) & ~7;
}

/** y = scale for all outputs. */
function fill(outputs: i32, scale: f32, y: usize): void {
  for (let o = padded(outputs); o > 0; o--) {
    store<f32>(y, scale);
    y += 4;
  }
}

export function f32_weight_scales(outputs: i32, length: i32, x: usize, y: usize, levels: f32, single: i32): void {
  const least = f32x4.splat(LEAST), steps = f32x4.splat(levels);
  let all = f32x4.splat(0), to = y;
  for (let o = 0; o < outputs; o += 8) {
    let a = f32x4.splat(0), b = f32x4.splat(0);
    for (let i = 0; i < length; i++) {
      a = f32x4.max(a, f32x4.abs(v128.load(x)));
      b = f32x4.max(b, f32x4.abs(v128.load(x, 16)));
      x += 32;
    }
    all = f32x4.max(all, f32x4.max(a, b));
    v128.store(to, f32x4.max(f32x4.div(a, steps), least));
    v128.store(to, f32x4.max(f32x4.div(b, steps), least), 16);
    to += 32;
  }
  if (single) fill(outputs, max<f32>(maxLanes(all) / levels, LEAST), y);
}

export function f32_ternary_scales(outputs: i32, length: i32, x: usize, y: usize, single: i32): void {
  const least = f32x4.splat(LEAST), rows = f32x4.splat(<f32>length);
  const share = f32x4.splat(0.7), one = f32x4.splat(1), zero = f32x4.splat(0);
  let common = zero;
  if (single) {
    let sum: f64 = 0, from = x;
    for (let o = 0; o < outputs; o += 8) {
      let a = zero, b = zero;
      for (let i = 0; i < length; i++) {
        a = f32x4.add(a, f32x4.abs(v128.load(from)));
        b = f32x4.add(b, f32x4.abs(v128.load(from, 16)));
        from += 32;
      }
      sum += total(a, b);
    }
    common = f32x4.splat(<f32>(0.7 * (sum / (<f64>outputs * <f64>length))));
  }
  let greater: f64 = 0, count: f64 = 0, to = y;
  for (let o = 0; o < outputs; o += 8) {
    let limitA = common, limitB = common, from = x;
    if (!single) {
      let a = zero, b = zero;
      for (let i = 0; i < length; i++) {
        a = f32x4.add(a, f32x4.abs(v128.load(from)));
        b = f32x4.add(b, f32x4.abs(v128.load(from, 16)));
        from += 32;
      }
      limitA = f32x4.mul(f32x4.div(a, rows), share);
      limitB = f32x4.mul(f32x4.div(b, rows), share);
      from = x;
    }
    let a = zero, b = zero, countA = zero, countB = zero;
    for (let i = 0; i < length; i++) {
      const u = f32x4.abs(v128.load(from)), v = f32x4.abs(v128.load(from, 16));
      const isA = f32x4.gt(u, limitA), isB = f32x4.gt(v, limitB);
      a = f32x4.add(a, v128.and(u, isA));
      b = f32x4.add(b, v128.and(v, isB));
      countA = f32x4.add(countA, v128.and(one, isA));
      countB = f32x4.add(countB, v128.and(one, isB));
      from += 32;
    }
    x = from;
    if (single) {
      greater += total(a, b);
      count += total(countA, countB);
    } else {
      v128.store(to, f32x4.max(f32x4.div(a, f32x4.max(countA, one)), least));
      v128.store(to, f32x4.max(f32x4.div(b, f32x4.max(countB, one)), least), 16);
      to += 32;
    }
  }
  if (single) fill(outputs, max<f32>(<f32>(greater / max<f64>(count, 1)), LEAST), y);
}

/** The sum of eight lanes in their order, in f64. */
function total(a: v128, b: v128): f64 {
  let sum = <f64>f32x4.extract_lane(a, 0) + <f64>f32x4.extract_lane(a, 1);
  sum += <f64>f32x4.extract_lane(a, 2);
  sum += <f64>f32x4.extract_lane(a, 3);
  sum += <f64>f32x4.extract_lane(b, 0);
  sum += <f64>f32x4.extract_lane(b, 1);
  sum += <f64>f32x4.extract_lane(b, 2);
  return sum + <f64>f32x4.extract_lane(b, 3);
}

export function f32_learned_scales(outputs: i32, step: usize, unit: usize, y: usize, single: i32): void {
  for (let o = 0, all = padded(outputs); o < all; o++) {
    const from: usize = single ? 0 : <usize>o << 2;
    let scale: f32 = 1;
    if (o < outputs) scale = max<f32>(max<f32>(load<f32>(step + from), LEAST_STEP) * load<f32>(unit + from), LEAST);
    store<f32>(y + (<usize>o << 2), scale);
  }
}

/** scale clamp(round(x / scale)); adding 0 makes +0 of -0. */
@inline function rounded(x: v128, scale: v128, low: v128, high: v128): v128 {
  const q = f32x4.min(f32x4.max(f32x4.nearest(f32x4.div(x, scale)), low), high);
  return f32x4.add(f32x4.mul(q, scale), f32x4.splat(0));
}

export function f32_fake_quantize(outputs: i32, length: i32, x: usize, scale: usize, y: usize, levels: f32): void {
  const low = f32x4.splat(-levels), high = f32x4.splat(levels);
  for (let o = 0; o < outputs; o += 8) {
    const a = v128.load(scale), b = v128.load(scale, 16);
    for (let i = 0; i < length; i++) {
      v128.store(y, rounded(v128.load(x), a, low, high));
      v128.store(y, rounded(v128.load(x, 16), b, low, high), 16);
      x += 32;
      y += 32;
    }
    scale += 32;
  }
}

@inline function inside(x: v128, scale: v128, levels: v128): v128 {
  return f32x4.lt(f32x4.abs(f32x4.div(x, scale)), levels);
}

export function f32_fake_quantize_gradient(
  outputs: i32, length: i32, dy: usize, x: usize, scale: usize, dx: usize, levels: f32,
): void {
  const steps = f32x4.splat(levels);
  for (let o = 0; o < outputs; o += 8) {
    const a = v128.load(scale), b = v128.load(scale, 16);
    for (let i = 0; i < length; i++) {
      v128.store(dx, v128.and(v128.load(dy), inside(v128.load(x), a, steps)));
      v128.store(dx, v128.and(v128.load(dy, 16), inside(v128.load(x, 16), b, steps)), 16);
      dy += 32;
      x += 32;
      dx += 32;
    }
    scale += 32;
  }
}

/** dy (q - x / scale) where x is inside of the levels, dy q elsewhere. */
@inline function stepTerm(dy: v128, x: v128, scale: v128, low: v128, high: v128): v128 {
  const r = f32x4.div(x, scale);
  const q = f32x4.min(f32x4.max(f32x4.nearest(r), low), high);
  const isInside = f32x4.lt(f32x4.abs(r), high);
  return f32x4.mul(dy, f32x4.sub(q, v128.and(r, isInside)));
}

export function f32_fake_quantize_step_gradient(
  outputs: i32, length: i32, dy: usize, x: usize, scale: usize, unit: usize, y: usize, levels: f32, gain: f32,
  single: i32,
): void {
  const low = f32x4.splat(-levels), high = f32x4.splat(levels);
  let all: f64 = 0;
  for (let o = 0; o < outputs; o += 8) {
    const scaleA = v128.load(scale), scaleB = v128.load(scale, 16);
    let a = f32x4.splat(0), b = f32x4.splat(0);
    for (let i = 0; i < length; i++) {
      a = f32x4.add(a, stepTerm(v128.load(dy), v128.load(x), scaleA, low, high));
      b = f32x4.add(b, stepTerm(v128.load(dy, 16), v128.load(x, 16), scaleB, low, high));
      dy += 32;
      x += 32;
    }
    scale += 32;
    if (single) all += total(a, b);
    else for (let j = o; j < outputs && j < o + 8; j++) {
      let sum = f32x4.extract_lane(a, 0);
      store<f32>(y, sum * gain / load<f32>(unit));
      // the next output moves to lane 0
      a = v128.shuffle<f32>(a, b, 1, 2, 3, 4);
      b = v128.shuffle<f32>(b, b, 1, 2, 3, 3);
      y += 4;
      unit += 4;
    }
  }
  if (single) store<f32>(y, <f32>all * gain / load<f32>(unit));
}

// ---------------------------------------------------------------- activations

/** The step of a range: 255 of them from low to high, in f64. */
@inline function stepOf(low: f64, high: f64): f64 {
  const span = high - low;
  return span == 0 ? 1 : max<f64>(span / 255, LEAST);
}

/** The number that stands for 0: -128 - low / step, halves upwards. */
@inline function zeroOf(low: f64, step: f64): f32 {
  const real = -128 - low / step;
  const below = floor(real);
  return <f32>max<f64>(-128, min<f64>(127, real - below >= 0.5 ? below + 1 : below));
}

export function f32_fake_quantize_activation(n: i32, x: usize, range: usize, y: usize): void {
  if (load<f32>(range, 8) == 0) {
    for (let i = 0; i < n; i += 4) {
      const at = <usize>i << 2;
      v128.store(y + at, v128.load(x + at));
    }
    return;
  }
  const bottom = min<f64>(0, <f64>load<f32>(range)), top = max<f64>(0, <f64>load<f32>(range, 4));
  const step = stepOf(bottom, top), zero = zeroOf(bottom, step);
  const scale = f32x4.splat(<f32>step), inverse = f32x4.splat(<f32>1 / <f32>step);
  const low = f32x4.splat(-128 - zero), high = f32x4.splat(127 - zero), none = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const q = f32x4.min(f32x4.max(f32x4.nearest(f32x4.mul(v128.load(x + at), inverse)), low), high);
    v128.store(y + at, f32x4.add(f32x4.mul(q, scale), none));
  }
}

export function f32_fake_quantize_activation_gradient(n: i32, dy: usize, x: usize, range: usize, dx: usize): void {
  let low = f32x4.splat(-Infinity), high = f32x4.splat(Infinity);
  if (load<f32>(range, 8) != 0) {
    const bottom = min<f64>(0, <f64>load<f32>(range)), top = max<f64>(0, <f64>load<f32>(range, 4));
    const step = stepOf(bottom, top), zero = zeroOf(bottom, step);
    low = f32x4.splat((-128 - zero) * <f32>step);
    high = f32x4.splat((127 - zero) * <f32>step);
  }
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const v = v128.load(x + at);
    v128.store(dx + at, v128.and(v128.load(dy + at), v128.and(f32x4.ge(v, low), f32x4.le(v, high))));
  }
}

export function f32_no_range(y: usize): void {
  store<f32>(y, Infinity);
  store<f32>(y, -Infinity, 4);
}

export function f32_observe_range(n: i32, x: usize, xs: i32, length: i32, range: usize, y: usize): void {
  if (load<f32>(range, 12) == 0) return;
  rangeOf(n, x, <usize>xs, length, v128.load32_splat(y), v128.load32_splat(y, 4), y);
}

export function f32_move_range(x: usize, range: usize): void {
  const rate = load<f32>(range, 12);
  if (rate == 0) return;
  const before = load<f32>(range, 8);
  const weight = before + rate * (<f32>1 - before);
  const share = rate / weight;
  const low = load<f32>(range), high = load<f32>(range, 4);
  store<f32>(range, low + (load<f32>(x) - low) * share);
  store<f32>(range, high + (load<f32>(x, 4) - high) * share, 4);
  store<f32>(range, weight, 8);
}
