/** Twins of the elementwise kernels: one element in, one element out, each operation rounded to f32. */

import { erfcf, expf, expm1f, logf, sigmoidf, tanhf } from "../../base/math-f32.ts";

const f = Math.fround;

export const f32_relu = (x: number): number => Math.max(x, 0);
export const f32_clip = (x: number, low: number, high: number): number => Math.min(Math.max(x, f(low)), f(high));
export const f32_leaky_relu = (x: number, alpha: number): number => (x > 0 ? x : f(x * f(alpha)));
export const f32_elu = (x: number, alpha: number): number => (x > 0 ? x : f(expm1f(x) * f(alpha)));
export const f32_hard_sigmoid = (x: number, alpha: number, beta: number): number =>
  Math.min(Math.max(f(f(x * f(alpha)) + f(beta)), 0), 1);
export const f32_hard_swish = (x: number): number => f(f(x * Math.min(Math.max(f(x + 3), 0), 6)) / 6);
export const f32_sigmoid = sigmoidf;
export const f32_tanh = tanhf;
export const f32_exp = expf;
export const f32_log = logf;
export const f32_sqrt = (x: number): number => f(Math.sqrt(x));
export const f32_rsqrt = (x: number): number => f(1 / f(Math.sqrt(x)));
/** The share of the normal distribution below x. */
const normal = (x: number): number => f(erfcf(f(x * f(-Math.SQRT1_2))) * 0.5);
const normalTanh = (x: number): number => {
  const cube = f(f(f(x * x) * x) * f(0.044715));
  return tanhf(f(f(x + cube) * f(0.7978845608028654)));
};
export const f32_gelu = (x: number): number => f(x * normal(x));
export const f32_gelu_tanh = (x: number): number => f(f(x * 0.5) * f(normalTanh(x) + 1));
export const f32_silu = (x: number): number => f(x * sigmoidf(x));
export const f32_square = (x: number): number => f(x * x);
export const f32_sign = (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : 0);
export const f32_scale = (x: number, scale: number): number => f(x * f(scale));
export const f32_rescale = (x: number, scale: number, offset: number): number => f(f(x * f(scale)) + f(offset));

export const f32_relu_gradient = (dy: number, y: number): number => (y > 0 ? dy : 0);
export const f32_clip_gradient = (dy: number, y: number, low: number, high: number): number =>
  y > f(low) && y < f(high) ? dy : 0;
export const f32_leaky_relu_gradient = (dy: number, y: number, alpha: number): number =>
  y > 0 ? dy : f(dy * f(alpha));
export const f32_elu_gradient = (dy: number, y: number, alpha: number): number =>
  y > 0 ? dy : f(dy * f(y + f(alpha)));
export const f32_hard_sigmoid_gradient = (dy: number, y: number, alpha: number): number =>
  y > 0 && y < 1 ? f(dy * f(alpha)) : 0;
export const f32_hard_swish_gradient = (dy: number, x: number): number =>
  f(dy * (x >= 3 ? 1 : x > -3 ? f(f(x / 3) + 0.5) : 0));
export const f32_sigmoid_gradient = (dy: number, y: number): number => f(dy * f(y * f(1 - y)));
export const f32_tanh_gradient = (dy: number, y: number): number => f(dy * f(1 - f(y * y)));
export const f32_gelu_gradient = (dy: number, x: number): number => {
  const density = f(expf(f(f(x * x) * -0.5)) * f(0.3989422804014327));
  return f(dy * f(normal(x) + f(x * density)));
};
export const f32_gelu_tanh_gradient = (dy: number, x: number): number => {
  const t = normalTanh(x);
  const inner = f(f(f(x * x) * f(0.1070322244089)) + f(0.7978845608028654));
  const bend = f(f(x * f(1 - f(t * t))) * inner);
  return f(dy * f(f(f(t + 1) + bend) * 0.5));
};
export const f32_silu_gradient = (dy: number, x: number): number => {
  const s = sigmoidf(x);
  return f(dy * f(s * f(f(x * f(1 - s)) + 1)));
};
export const f32_exp_gradient = (dy: number, y: number): number => f(dy * y);
export const f32_log_gradient = (dy: number, x: number): number => f(dy / x);
export const f32_sqrt_gradient = (dy: number, y: number): number => f(dy / f(y + y));
export const f32_rsqrt_gradient = (dy: number, y: number): number => f(f(dy * -0.5) * f(f(y * y) * y));

export const f32_add = (a: number, b: number): number => f(a + b);
export const f32_sub = (a: number, b: number): number => f(a - b);
export const f32_mul = (a: number, b: number): number => f(a * b);
export const f32_div = (a: number, b: number): number => f(a / b);
export const f32_min = (a: number, b: number): number => Math.min(a, b);
export const f32_max = (a: number, b: number): number => Math.max(a, b);
export const f32_axpby = (a: number, b: number, alpha: number, beta: number): number =>
  f(f(a * f(alpha)) + f(b * f(beta)));
export const f32_where_greater_equal = (x: number, a: number, b: number): number => (a >= b ? x : 0);
export const f32_where_greater = (x: number, a: number, b: number): number => (a > b ? x : 0);

/** One element against its own alpha; the gradient of alpha is the sum over images and repeats, in order. */
export const f32_prelu = (x: number, alpha: number): number => (x > 0 ? x : f(x * alpha));
export const f32_prelu_gradient = (dy: number, x: number, alpha: number): number => (x > 0 ? dy : f(dy * alpha));
export const f32_prelu_alpha_gradient = (sum: number, dy: number, x: number): number => f(sum + f(dy * Math.min(x, 0)));

export const f32_pact = (x: number, alpha: number): number => Math.min(Math.max(x, 0), Math.max(alpha, 0));
export const f32_pact_gradient = (dy: number, x: number, alpha: number): number => (x > 0 && x < alpha ? dy : 0);

/** In f32: lane i adds elements i, i + 4, ...; then (0 + 2) + (1 + 3). */
function laneSum(length: number, of: (i: number) => number): number {
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < length; i++) lanes[i & 3] = f(lanes[i & 3]! + of(i));
  return f(f(lanes[0]! + lanes[2]!) + f(lanes[1]! + lanes[3]!));
}

/** Adds one more image to the sum. */
export const f32_pact_alpha_gradient = (sum: number, dy: ArrayLike<number>, x: ArrayLike<number>, alpha: number) =>
  f(sum + laneSum(x.length, i => (x[i]! >= alpha ? dy[i]! : 0)));

export const f32_gate = (x: number, g: number): number => f(x * g);

/** The gradient of the gate of one row. */
export const f32_gate_gradient = (dy: ArrayLike<number>, x: ArrayLike<number>): number =>
  laneSum(x.length, i => f(dy[i]! * x[i]!));

/**
 * The inputs of the random bits of one element of one dropout layer: the step's seed, the layer, the image's number.
 */
export interface DropoutKey {
  seed: number;
  salt: number;
  image: number;
}

/** 32 random bits. */
function dropoutBits({ seed, salt, image }: DropoutKey, element: number): number {
  const salted = seed + Math.imul(salt, 0x632be5ab);
  let h = Math.imul(salted, 0x9e3779b1) ^ Math.imul(image, 0x85ebca77) ^ Math.imul(element, 0xc2b2ae3d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = Math.imul(h, 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

/** True if dropout keeps the element. */
export const dropoutKeeps = (key: DropoutKey, element: number, rate: number): boolean =>
  dropoutBits(key, element) >= Math.floor(f(rate) * 4294967296);

export const f32_dropout = (x: number, key: DropoutKey, element: number, rate: number): number =>
  dropoutKeeps(key, element, rate) ? f(x * f(1 / f(1 - f(rate)))) : 0;
