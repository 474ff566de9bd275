/**
 * exp, log, tanh ... in single precision, each step rounded by `Math.fround`: bit for bit the results of
 * assembly/math.ts. Argument reduction by Cody & Waite, polynomials with the coefficients of Moshier's Cephes.
 */

const f = Math.fround;
const bits = new DataView(new ArrayBuffer(8));

const toBits = (x: number): number => {
  bits.setFloat32(0, x);
  return bits.getInt32(0);
};
const fromBits = (i: number): number => {
  bits.setInt32(0, i);
  return bits.getFloat32(0);
};

/** 2^n in single precision, for integer n in [-126, 127]. */
const power2f = (n: number): number => fromBits((n + 127) << 23);

/** Rounds to the nearest integer, half to even, for |x| < 2^22. */
const nearest = (x: number): number => f(f(x + 12582912) - 12582912);

/** Evaluates a polynomial by Horner's rule, rounding after each product and each sum. */
function horner(x: number, coefficients: readonly number[]): number {
  let p = coefficients[0]!;
  for (let i = 1; i < coefficients.length; i++) p = f(f(p * x) + coefficients[i]!);
  return p;
}

const EXP = [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5].map(f);
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f);
const LOG2_E = f(Math.LOG2E);
const LN2_LOW = f(2.1219444e-4); // ln(2) = 0.693359375 - this

/** exp(r) - 1 for |r| <= ln(2) / 2. */
const expm1Reduced = (r: number): number => f(f(horner(r, EXP) * f(r * r)) + r);

/** x - n ln(2). */
const reduce = (x: number, n: number): number => f(f(x - f(n * 0.693359375)) + f(n * LN2_LOW));

/** exp(x); overflows to Infinity, underflows gradually to 0. */
export function expf(x: number): number {
  x = Math.min(Math.max(f(x), -104), 89);
  const n = nearest(f(x * LOG2_E));
  const p = f(expm1Reduced(reduce(x, n)) + 1);
  const half = n >> 1;
  return f(f(p * power2f(half)) * power2f((n | 0) - half));
}

/** exp(x) - 1 without cancellation, for x <= 88. */
export function expm1f(x: number): number {
  x = Math.max(f(x), -80);
  const n = nearest(f(x * LOG2_E));
  const scale = power2f(n);
  return f(f(scale * expm1Reduced(reduce(x, n))) + f(scale - 1));
}

/** log(x): -Infinity at 0, NaN below. */
export function logf(x: number): number {
  x = f(x);
  if (!(x > 0) || x === Infinity) return x === 0 ? -Infinity : x < 0 ? NaN : x;
  const small = x < f(1.17549435e-38);
  const shifted = toBits(small ? f(x * 8388608) : x) - 0x3f3504f3;
  const e = (shifted >> 23) - (small ? 23 : 0);
  const y = f(fromBits((shifted & 0x007fffff) + 0x3f3504f3) - 1);
  const z = f(y * y);
  let r = f(f(horner(y, LOG) * y) * z);
  r = f(r - f(e * LN2_LOW));
  r = f(r - f(z * 0.5));
  return f(f(y + r) + f(e * 0.693359375));
}

/** log(1 + x) without cancellation, for x >= 0. */
export function log1pf(x: number): number {
  x = f(x);
  const u = f(x + 1);
  const lost = f(x - f(u - 1));
  return f(logf(u) + f(lost / u));
}

/** 1 / (1 + exp(-x)). */
export function sigmoidf(x: number): number {
  const e = expf(-Math.abs(f(x)));
  return f((f(x) < 0 ? e : 1) / f(1 + e));
}

/** The hyperbolic tangent. */
export function tanhf(x: number): number {
  x = f(x);
  const t = expm1f(f(Math.abs(x) * -2));
  const y = Math.abs(f(t / f(t + 2)));
  return x < 0 || Object.is(x, -0) ? -y : y;
}

const ERFC = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223,
].map(f);

/** 1 - erf(x), accurate for small results too. */
export function erfcf(x: number): number {
  const z = Math.abs(f(x));
  const t = f(1 / f(1 + f(z * 0.5)));
  const y = f(t * expf(f(horner(t, ERFC) - f(z * z))));
  return f(x) < 0 ? f(2 - y) : y;
}
