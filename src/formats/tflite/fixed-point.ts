/**
 * TensorFlow Lite's fixed-point arithmetic, for the operators that LiteRT does not delegate to XNNPACK: a positive
 * factor is 31 bits times a power of two; a product keeps its upper half, rounded half away from zero, and is then
 * shifted right with another rounding. After gemmlowp (fixedpoint/fixedpoint.h), in integers that may exceed 2^53.
 */

export interface Multiplier {
  /** In [2^30, 2^31), or 0. */
  readonly significand: number;
  /** The exponent for a significand in [1/2, 1). */
  readonly exponent: number;
}

/** 2^n, n >= 0. */
export const powerOf2 = (n: number): number => Number(1n << BigInt(n));

/** The multiplier nearest to a factor >= 0. */
export function multiplierOf(factor: number): Multiplier {
  if (!(factor > 0 && factor < Infinity)) return { significand: 0, exponent: 0 };
  let exponent = 0;
  let fraction = factor;
  for (; fraction >= 1; exponent++) fraction /= 2;
  for (; fraction < 0.5; exponent--) fraction *= 2;
  const significand = Math.floor(fraction * 2 ** 31 + 0.5);
  const [whole, power] = significand === 2 ** 31 ? [2 ** 30, exponent + 1] : [significand, exponent];
  return power < -31 ? { significand: 0, exponent: 0 } : { significand: whole, exponent: power };
}

/** round(a b / 2^bits), half away from zero: the upper half of twice the product. */
export function highProduct(a: number, b: number, bits: 31 | 15): number {
  const product = BigInt(a) * BigInt(b);
  const half = 1n << BigInt(bits - 1);
  const nudged = product >= 0n ? product + half : product + 1n - half;
  // division of BigInts truncates
  return Math.min(Number(nudged / (1n << BigInt(bits))), powerOf2(bits) - 1);
}

/** round(x / 2^bits), half away from zero. */
export function shiftedDown(x: number, bits: number): number {
  const unit = powerOf2(bits);
  const rest = Math.abs(x) % unit;
  const whole = (Math.abs(x) - rest) / unit + (bits > 0 && 2 * rest >= unit ? 1 : 0);
  return x < 0 ? -whole : whole;
}

const product = (x: number, { significand, exponent }: Multiplier): number =>
  highProduct(x * powerOf2(Math.max(exponent, 0)), significand, 31);

/** x times the multiplier, rounded twice. */
export const multiplied = (x: number, by: Multiplier): number => shiftedDown(product(x, by), Math.max(-by.exponent, 0));

/** The same, but the second rounding is half up, as in LiteRT's vectorized kernels. */
export function multipliedUp(x: number, by: Multiplier): number {
  const unit = powerOf2(Math.max(-by.exponent, 0));
  return Math.floor((product(x, by) + Math.floor(unit / 2)) / unit);
}
