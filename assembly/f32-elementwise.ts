// Kernels of one element at a time, over whole vectors of stored floats.
// One loop per number of operands; a literal `kind` folds, so that each kernel is its own loop without a branch.

import { erfcf, expf, expm1f, logf, sigmoidf, tanhf } from "./math";
import { keepLanes, zeroPadding } from "./row";
import { storeLanes, sumLanes } from "./simd";

const RELU: i32 = 0;
const CLIP: i32 = 1;
const LEAKY_RELU: i32 = 2;
const ELU: i32 = 3;
const HARD_SIGMOID: i32 = 4;
const HARD_SWISH: i32 = 5;
const SIGMOID: i32 = 6;
const TANH: i32 = 7;
const EXP: i32 = 8;
const LOG: i32 = 9;
const SQRT: i32 = 10;
const SQUARE: i32 = 11;
const SIGN: i32 = 12;
const SCALE: i32 = 13;
const RSQRT: i32 = 14;
const RESCALE: i32 = 15;
const GELU: i32 = 16;
const GELU_TANH: i32 = 17;
const SILU: i32 = 18;

/** The share of the normal distribution below x: erfc(-x / sqrt(2)) / 2. */
@inline function normal(x: v128): v128 {
  return f32x4.mul(erfcf(f32x4.mul(x, f32x4.splat(-0.70710678118654752))), f32x4.splat(0.5));
}

/** tanh(sqrt(2 / pi) (x + 0.044715 x^3)), of the approximation of `normal` by (1 + this) / 2. */
@inline function normalTanh(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(f32x4.mul(x, x), x), f32x4.splat(0.044715));
  return tanhf(f32x4.mul(f32x4.add(x, cube), f32x4.splat(0.79788456080286536)));
}

/** y = kind(x), with up to two parameters. */
@inline function unary(kind: i32, n: i32, x: usize, y: usize, p: f32, q: f32): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const a = f32x4.splat(p);
  const b = f32x4.splat(q);
  for (let i = 0; i < n; i += 4) {
    let v = v128.load(x);
    if (kind == RELU) v = f32x4.max(v, zero);
    if (kind == CLIP) v = f32x4.min(f32x4.max(v, a), b);
    if (kind == LEAKY_RELU) v = v128.bitselect(v, f32x4.mul(v, a), f32x4.gt(v, zero));
    if (kind == ELU)
      v = v128.bitselect(v, f32x4.mul(expm1f(f32x4.min(v, zero)), a), f32x4.gt(v, zero));
    if (kind == HARD_SIGMOID) v = f32x4.min(f32x4.max(f32x4.add(f32x4.mul(v, a), b), zero), one);
    if (kind == HARD_SWISH) {
      const gate = f32x4.min(f32x4.max(f32x4.add(v, f32x4.splat(3)), zero), f32x4.splat(6));
      v = f32x4.div(f32x4.mul(v, gate), f32x4.splat(6));
    }
    if (kind == SIGMOID) v = sigmoidf(v);
    if (kind == TANH) v = tanhf(v);
    if (kind == EXP) v = expf(v);
    if (kind == LOG) v = logf(v);
    if (kind == SQRT) v = f32x4.sqrt(v);
    if (kind == RSQRT) v = f32x4.div(one, f32x4.sqrt(v));
    if (kind == GELU) v = f32x4.mul(v, normal(v));
    if (kind == GELU_TANH)
      v = f32x4.mul(f32x4.mul(v, f32x4.splat(0.5)), f32x4.add(normalTanh(v), one));
    if (kind == SILU) v = f32x4.mul(v, sigmoidf(v));
    if (kind == SQUARE) v = f32x4.mul(v, v);
    if (kind == SIGN) v = f32x4.sub(v128.and(f32x4.gt(v, zero), one), v128.and(f32x4.lt(v, zero), one));
    if (kind == SCALE) v = f32x4.mul(v, a);
    if (kind == RESCALE) v = f32x4.add(f32x4.mul(v, a), b);
    v128.store(y, v);
    x += 16;
    y += 16;
  }
}

export function f32_relu(n: i32, x: usize, y: usize): void {
  unary(RELU, n, x, y, 0, 0);
}
export function f32_clip(n: i32, x: usize, y: usize, low: f32, high: f32): void {
  unary(CLIP, n, x, y, low, high);
}
export function f32_leaky_relu(n: i32, x: usize, y: usize, alpha: f32): void {
  unary(LEAKY_RELU, n, x, y, alpha, 0);
}
export function f32_elu(n: i32, x: usize, y: usize, alpha: f32): void {
  unary(ELU, n, x, y, alpha, 0);
}
export function f32_hard_sigmoid(n: i32, x: usize, y: usize, alpha: f32, beta: f32): void {
  unary(HARD_SIGMOID, n, x, y, alpha, beta);
}
export function f32_hard_swish(n: i32, x: usize, y: usize): void {
  unary(HARD_SWISH, n, x, y, 0, 0);
}
export function f32_sigmoid(n: i32, x: usize, y: usize): void {
  unary(SIGMOID, n, x, y, 0, 0);
}
export function f32_tanh(n: i32, x: usize, y: usize): void {
  unary(TANH, n, x, y, 0, 0);
}
export function f32_exp(n: i32, x: usize, y: usize): void {
  unary(EXP, n, x, y, 0, 0);
}
export function f32_log(n: i32, x: usize, y: usize): void {
  unary(LOG, n, x, y, 0, 0);
}
export function f32_sqrt(n: i32, x: usize, y: usize): void {
  unary(SQRT, n, x, y, 0, 0);
}
export function f32_rsqrt(n: i32, x: usize, y: usize): void {
  unary(RSQRT, n, x, y, 0, 0);
}
export function f32_gelu(n: i32, x: usize, y: usize): void {
  unary(GELU, n, x, y, 0, 0);
}
export function f32_gelu_tanh(n: i32, x: usize, y: usize): void {
  unary(GELU_TANH, n, x, y, 0, 0);
}
export function f32_silu(n: i32, x: usize, y: usize): void {
  unary(SILU, n, x, y, 0, 0);
}
export function f32_square(n: i32, x: usize, y: usize): void {
  unary(SQUARE, n, x, y, 0, 0);
}
export function f32_sign(n: i32, x: usize, y: usize): void {
  unary(SIGN, n, x, y, 0, 0);
}
export function f32_scale(n: i32, x: usize, y: usize, scale: f32): void {
  unary(SCALE, n, x, y, scale, 0);
}
export function f32_rescale(n: i32, x: usize, y: usize, scale: f32, offset: f32): void {
  unary(RESCALE, n, x, y, scale, offset);
}

/**
 * dx = dy times the derivative of `kind`, from the forward's output z (its input for HARD_SWISH, LOG, GELU, GELU_TANH
 * and SILU).
 */
@inline function gradient(kind: i32, n: i32, dy: usize, z: usize, dx: usize, p: f32, q: f32): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const a = f32x4.splat(p);
  const b = f32x4.splat(q);
  for (let i = 0; i < n; i += 4) {
    let d = v128.load(dy);
    const v = v128.load(z);
    if (kind == RELU) d = v128.and(d, f32x4.gt(v, zero));
    if (kind == CLIP) d = v128.and(d, v128.and(f32x4.gt(v, a), f32x4.lt(v, b)));
    if (kind == LEAKY_RELU) d = v128.bitselect(d, f32x4.mul(d, a), f32x4.gt(v, zero));
    if (kind == ELU) d = v128.bitselect(d, f32x4.mul(d, f32x4.add(v, a)), f32x4.gt(v, zero));
    if (kind == HARD_SIGMOID) d = v128.and(f32x4.mul(d, a), v128.and(f32x4.gt(v, zero), f32x4.lt(v, one)));
    if (kind == HARD_SWISH) {
      let slope = f32x4.add(f32x4.div(v, f32x4.splat(3)), f32x4.splat(0.5));
      slope = v128.and(slope, f32x4.gt(v, f32x4.splat(-3)));
      slope = v128.bitselect(one, slope, f32x4.ge(v, f32x4.splat(3)));
      d = f32x4.mul(d, slope);
    }
    if (kind == SIGMOID) d = f32x4.mul(d, f32x4.mul(v, f32x4.sub(one, v)));
    if (kind == TANH) d = f32x4.mul(d, f32x4.sub(one, f32x4.mul(v, v)));
    if (kind == EXP) d = f32x4.mul(d, v);
    if (kind == GELU) {
      // Phi(x) + x phi(x)
      const density = f32x4.mul(expf(f32x4.mul(f32x4.mul(v, v), f32x4.splat(-0.5))), f32x4.splat(0.39894228040143268));
      d = f32x4.mul(d, f32x4.add(normal(v), f32x4.mul(v, density)));
    }
    if (kind == GELU_TANH) {
      // with t the hyperbolic tangent: (1 + t) / 2 + x (1 - t^2) / 2 * sqrt(2 / pi) (1 + 3 * 0.044715 x^2)
      const t = normalTanh(v);
      const inner = f32x4.add(
        f32x4.mul(f32x4.mul(v, v), f32x4.splat(0.1070322244089)), f32x4.splat(0.79788456080286536),
      );
      const bend = f32x4.mul(f32x4.mul(v, f32x4.sub(one, f32x4.mul(t, t))), inner);
      d = f32x4.mul(d, f32x4.mul(f32x4.add(f32x4.add(t, one), bend), f32x4.splat(0.5)));
    }
    if (kind == SILU) {
      const s = sigmoidf(v);
      d = f32x4.mul(d, f32x4.mul(s, f32x4.add(f32x4.mul(v, f32x4.sub(one, s)), one)));
    }
    if (kind == LOG) d = f32x4.div(d, v);
    if (kind == SQRT) d = f32x4.div(d, f32x4.add(v, v));
    if (kind == RSQRT) d = f32x4.mul(f32x4.mul(d, f32x4.splat(-0.5)), f32x4.mul(f32x4.mul(v, v), v));
    v128.store(dx, d);
    dy += 16;
    z += 16;
    dx += 16;
  }
}

export function f32_relu_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  gradient(RELU, n, dy, y, dx, 0, 0);
}
export function f32_clip_gradient(n: i32, dy: usize, y: usize, dx: usize, low: f32, high: f32): void {
  gradient(CLIP, n, dy, y, dx, low, high);
}
export function f32_leaky_relu_gradient(n: i32, dy: usize, y: usize, dx: usize, alpha: f32): void {
  gradient(LEAKY_RELU, n, dy, y, dx, alpha, 0);
}
export function f32_elu_gradient(n: i32, dy: usize, y: usize, dx: usize, alpha: f32): void {
  gradient(ELU, n, dy, y, dx, alpha, 0);
}
export function f32_hard_sigmoid_gradient(n: i32, dy: usize, y: usize, dx: usize, alpha: f32): void {
  gradient(HARD_SIGMOID, n, dy, y, dx, alpha, 0);
}
export function f32_hard_swish_gradient(n: i32, dy: usize, x: usize, dx: usize): void {
  gradient(HARD_SWISH, n, dy, x, dx, 0, 0);
}
export function f32_sigmoid_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  gradient(SIGMOID, n, dy, y, dx, 0, 0);
}
export function f32_tanh_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  gradient(TANH, n, dy, y, dx, 0, 0);
}
export function f32_gelu_gradient(n: i32, dy: usize, x: usize, dx: usize): void {
  gradient(GELU, n, dy, x, dx, 0, 0);
}
export function f32_gelu_tanh_gradient(n: i32, dy: usize, x: usize, dx: usize): void {
  gradient(GELU_TANH, n, dy, x, dx, 0, 0);
}
export function f32_silu_gradient(n: i32, dy: usize, x: usize, dx: usize): void {
  gradient(SILU, n, dy, x, dx, 0, 0);
}
export function f32_exp_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  gradient(EXP, n, dy, y, dx, 0, 0);
}
export function f32_log_gradient(n: i32, dy: usize, x: usize, dx: usize): void {
  gradient(LOG, n, dy, x, dx, 0, 0);
}
export function f32_sqrt_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  gradient(SQRT, n, dy, y, dx, 0, 0);
}
export function f32_rsqrt_gradient(n: i32, dy: usize, y: usize, dx: usize): void {
  gradient(RSQRT, n, dy, y, dx, 0, 0);
}

const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;
const DIV: i32 = 3;
const MIN: i32 = 4;
const MAX: i32 = 5;
const AXPBY: i32 = 6;

@inline function binary(kind: i32, n: i32, a: usize, b: usize, y: usize, alpha: f32, beta: f32): void {
  const scaleA = f32x4.splat(alpha);
  const scaleB = f32x4.splat(beta);
  for (let i = 0; i < n; i += 4) {
    let v = v128.load(a);
    const w = v128.load(b);
    if (kind == ADD) v = f32x4.add(v, w);
    if (kind == SUB) v = f32x4.sub(v, w);
    if (kind == MUL) v = f32x4.mul(v, w);
    if (kind == DIV) v = f32x4.div(v, w);
    if (kind == MIN) v = f32x4.min(v, w);
    if (kind == MAX) v = f32x4.max(v, w);
    if (kind == AXPBY) v = f32x4.add(f32x4.mul(v, scaleA), f32x4.mul(w, scaleB));
    v128.store(y, v);
    a += 16;
    b += 16;
    y += 16;
  }
}

export function f32_add(n: i32, a: usize, b: usize, y: usize): void {
  binary(ADD, n, a, b, y, 0, 0);
}
export function f32_sub(n: i32, a: usize, b: usize, y: usize): void {
  binary(SUB, n, a, b, y, 0, 0);
}
export function f32_mul(n: i32, a: usize, b: usize, y: usize): void {
  binary(MUL, n, a, b, y, 0, 0);
}
export function f32_div(n: i32, a: usize, b: usize, y: usize): void {
  binary(DIV, n, a, b, y, 0, 0);
}
export function f32_min(n: i32, a: usize, b: usize, y: usize): void {
  binary(MIN, n, a, b, y, 0, 0);
}
export function f32_max(n: i32, a: usize, b: usize, y: usize): void {
  binary(MAX, n, a, b, y, 0, 0);
}
export function f32_axpby(n: i32, a: usize, b: usize, y: usize, alpha: f32, beta: f32): void {
  binary(AXPBY, n, a, b, y, alpha, beta);
}

@inline function where(equal: bool, n: i32, x: usize, a: usize, b: usize, y: usize): void {
  for (let i = 0; i < n; i += 4) {
    const v = v128.load(a);
    const w = v128.load(b);
    v128.store(y, v128.and(v128.load(x), equal ? f32x4.ge(v, w) : f32x4.gt(v, w)));
    x += 16;
    a += 16;
    b += 16;
    y += 16;
  }
}

export function f32_where_greater_equal(n: i32, x: usize, a: usize, b: usize, y: usize): void {
  where(true, n, x, a, b, y);
}
export function f32_where_greater(n: i32, x: usize, a: usize, b: usize, y: usize): void {
  where(false, n, x, a, b, y);
}

export function f32_add_scalar(n: i32, x: usize, s: usize, y: usize): void {
  const term = v128.load32_splat(s);
  for (let i = 0; i < n; i += 4) {
    v128.store(y, f32x4.add(v128.load(x), term));
    x += 16;
    y += 16;
  }
}

export function f32_mul_scalar(n: i32, x: usize, s: usize, y: usize): void {
  unary(SCALE, n, x, y, load<f32>(s), 0);
}

export function f32_fill(n: i32, y: usize, value: f32): void {
  const v = f32x4.splat(value);
  for (let i = 0; i < n; i += 4) {
    v128.store(y, v);
    y += 16;
  }
}

/** y = x > 0 ? d : alpha d, where d is x itself or the upstream gradient. */
@inline function preluRow(d: usize, x: usize, alpha: usize, y: usize, k: i32): void {
  const zero = f32x4.splat(0);
  for (let j = 0; j < k; j += 4) {
    const at = <usize>j << 2;
    const v = v128.load(d + at);
    const scaled = f32x4.mul(v, v128.load(alpha + at));
    storeLanes(y + at, v128.bitselect(v, scaled, f32x4.gt(v128.load(x + at), zero)), k - j);
  }
}

export function f32_prelu(n: i32, x: usize, xs: i32, alpha: usize, y: usize, ys: i32, repeat: i32, k: i32): void {
  f32_prelu_gradient(n, x, xs, x, xs, alpha, y, ys, repeat, k);
}

export function f32_prelu_gradient(
  n: i32, dy: usize, dys: i32, x: usize, xs: i32, alpha: usize, dx: usize, dxs: i32, repeat: i32, k: i32,
): void {
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const at = <usize>(r * k) << 2;
      preluRow(dy + at, x + at, alpha, dx + at, k);
    }
    zeroPadding(dx, repeat * k);
    dy += <usize>dys;
    x += <usize>xs;
    dx += <usize>dxs;
  }
}

export function f32_prelu_alpha_gradient(
  n: i32, dy: usize, dys: i32, x: usize, xs: i32, dalpha: usize, repeat: i32, k: i32,
): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < n; i++) {
    for (let r = 0; r < repeat; r++) {
      const row = <usize>(r * k) << 2;
      for (let j = 0; j < k; j += 4) {
        const at = <usize>j << 2;
        const term = f32x4.mul(v128.load(dy + row + at), f32x4.min(v128.load(x + row + at), zero));
        storeLanes(dalpha + at, f32x4.add(v128.load(dalpha + at), term), k - j);
      }
    }
    dy += <usize>dys;
    x += <usize>xs;
  }
}

export function f32_pact(n: i32, x: usize, alpha: usize, y: usize): void {
  const zero = f32x4.splat(0);
  const bound = f32x4.max(v128.load32_splat(alpha), zero);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, f32x4.min(f32x4.max(v128.load(x + at), zero), bound));
  }
}

export function f32_pact_gradient(n: i32, dy: usize, x: usize, alpha: usize, dx: usize): void {
  const zero = f32x4.splat(0);
  const bound = v128.load32_splat(alpha);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const v = v128.load(x + at);
    v128.store(dx + at, v128.and(v128.load(dy + at), v128.and(f32x4.gt(v, zero), f32x4.lt(v, bound))));
  }
}

export function f32_pact_alpha_gradient(
  n: i32, dy: usize, dys: i32, x: usize, xs: i32, alpha: usize, dalpha: usize, length: i32,
): void {
  const bound = v128.load32_splat(alpha);
  let total = load<f32>(dalpha);
  for (let i = 0; i < n; i++) {
    let sum = f32x4.splat(0);
    for (let j = 0; j < length; j += 4) {
      const at = <usize>j << 2;
      const kept = v128.and(v128.load(dy + at), f32x4.ge(v128.load(x + at), bound));
      sum = f32x4.add(sum, keepLanes(kept, length - j));
    }
    total += sumLanes(sum);
    dy += <usize>dys;
    x += <usize>xs;
  }
  store<f32>(dalpha, total);
}

export function f32_gate(rows: i32, length: i32, x: usize, g: usize, y: usize): void {
  // the next row overwrites what is written past the end of a row
  for (let r = 0; r < rows; r++) {
    const factor = v128.load32_splat(g + (<usize>r << 2));
    for (let j = 0; j < length; j += 4) {
      const at = <usize>j << 2;
      v128.store(y + at, f32x4.mul(v128.load(x + at), factor));
    }
    x += <usize>length << 2;
    y += <usize>length << 2;
  }
}

export function f32_gate_gradient(rows: i32, length: i32, dy: usize, x: usize, dg: usize): void {
  for (let r = 0; r < rows; r++) {
    let sum = f32x4.splat(0);
    for (let j = 0; j < length; j += 4) {
      const at = <usize>j << 2;
      sum = f32x4.add(sum, keepLanes(f32x4.mul(v128.load(dy + at), v128.load(x + at)), length - j));
    }
    store<f32>(dg + (<usize>r << 2), sumLanes(sum));
    dy += <usize>length << 2;
    x += <usize>length << 2;
  }
}

/**
 * Mixes three words into 32 random bits (a xor of products, then the finisher of a multiply-shift hash), lane by lane.
 */
@inline function hash(mixed: v128, element: v128): v128 {
  let h = v128.xor(mixed, i32x4.mul(element, i32x4.splat(<i32>0xc2b2ae3d)));
  h = v128.xor(h, v128.shr<u32>(h, 15));
  h = i32x4.mul(h, i32x4.splat(0x2c1b3c6d));
  h = v128.xor(h, v128.shr<u32>(h, 12));
  h = i32x4.mul(h, i32x4.splat(0x297a2d39));
  return v128.xor(h, v128.shr<u32>(h, 15));
}

export function f32_dropout(
  n: i32, x: usize, xs: i32, y: usize, ys: i32, k: i32, image: usize, seed: usize, salt: i32, rate: f32,
): void {
  const cut = i32x4.splat(<i32>(<u32>(<f64>rate * 4294967296.0)));
  const up = f32x4.splat(1 / (1 - rate));
  const seeded = (load<u32>(seed) + <u32>salt * 0x632be5ab) * 0x9e3779b1;
  for (let i = 0; i < n; i++) {
    const mixed = i32x4.splat(seeded ^ (load<u32>(image) * 0x85ebca77));
    let element = i32x4(0, 1, 2, 3);
    for (let j = 0; j < k; j += 4) {
      const at = <usize>j << 2;
      const kept = i32x4.ge_u(hash(mixed, element), cut);
      storeLanes(y + at, v128.and(f32x4.mul(v128.load(x + at), up), kept), k - j);
      element = i32x4.add(element, i32x4.splat(4));
    }
    zeroPadding(y, k);
    image += 4;
    x += <usize>xs;
    y += <usize>ys;
  }
}
