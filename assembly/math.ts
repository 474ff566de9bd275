// Own exp, log, tanh ... on four lanes: the same bits on every engine. Never fused, so that the twins in
// src/base/math-f32.ts hold in every binary. Methods: argument reduction by Cody & Waite, polynomials with the
// coefficients of Moshier's Cephes (single precision).

/** 2^n for whole n in [-126, 127]. */
@inline function power2(n: v128): v128 {
  return v128.shl<i32>(i32x4.add(n, i32x4.splat(127)), 23);
}

@inline function poly(p: v128, x: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(p, x), f32x4.splat(c));
}

/** exp(r) - 1 for |r| <= ln(2) / 2. */
@inline function expm1Reduced(r: v128): v128 {
  let p = f32x4.splat(1.9875691500e-4);
  p = poly(p, r, 1.3981999507e-3);
  p = poly(p, r, 8.3334519073e-3);
  p = poly(p, r, 4.1665795894e-2);
  p = poly(p, r, 1.6666665459e-1);
  p = poly(p, r, 0.5);
  return f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r);
}

/** x - n ln(2), where n is whole and |n| < 2^9: ln(2) is split so that the first product is exact. */
@inline function reduce(x: v128, n: v128): v128 {
  const r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  return f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
}

/** exp(x); overflows to Infinity, underflows gradually to 0, NaN stays NaN. */
export function expf(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-104)), f32x4.splat(89));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  const p = f32x4.add(expm1Reduced(reduce(x, n)), f32x4.splat(1));
  // 2^n in two factors, since n reaches from -150 to 128
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = v128.shr<i32>(whole, 1);
  return f32x4.mul(f32x4.mul(p, power2(half)), power2(i32x4.sub(whole, half)));
}

/** exp(x) - 1 without cancellation, for x <= 88. */
export function expm1f(x: v128): v128 {
  x = f32x4.max(x, f32x4.splat(-80));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  const scale = power2(i32x4.trunc_sat_f32x4_s(n));
  return f32x4.add(f32x4.mul(scale, expm1Reduced(reduce(x, n))), f32x4.sub(scale, f32x4.splat(1)));
}

/** log(x): -Infinity at 0, NaN below. */
export function logf(x: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  // subnormals are brought into the normal range first
  const small = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, small);
  // x = m 2^e with m in [sqrt(1/2), sqrt(2))
  const shifted = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  let e = f32x4.convert_i32x4_s(v128.shr<i32>(shifted, 23));
  e = f32x4.sub(e, v128.and(small, f32x4.splat(23)));
  const m = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(m, one);
  const z = f32x4.mul(f, f);
  let p = f32x4.splat(7.0376836292e-2);
  p = poly(p, f, -1.1514610310e-1);
  p = poly(p, f, 1.1676998740e-1);
  p = poly(p, f, -1.2420140846e-1);
  p = poly(p, f, 1.4249322787e-1);
  p = poly(p, f, -1.6668057665e-1);
  p = poly(p, f, 2.0000714765e-1);
  p = poly(p, f, -2.4999993993e-1);
  p = poly(p, f, 3.3333331174e-1);
  let y = f32x4.mul(f32x4.mul(p, f), z);
  y = f32x4.sub(y, f32x4.mul(e, f32x4.splat(2.12194440e-4)));
  y = f32x4.sub(y, f32x4.mul(z, f32x4.splat(0.5)));
  y = f32x4.add(f32x4.add(f, y), f32x4.mul(e, f32x4.splat(0.693359375)));
  y = v128.bitselect(f32x4.splat(-Infinity), y, f32x4.eq(x, zero));
  // Infinity and NaN give themselves, negative numbers NaN
  const finite = f32x4.lt(x, f32x4.splat(Infinity));
  y = v128.bitselect(y, x, finite);
  return v128.bitselect(f32x4.splat(NaN), y, f32x4.lt(x, zero));
}

/** log(1 + x) without cancellation, for x >= 0 (the rounding of 1 + x is put back). */
export function log1pf(x: v128): v128 {
  const one = f32x4.splat(1);
  const u = f32x4.add(x, one);
  const lost = f32x4.sub(x, f32x4.sub(u, one));
  return f32x4.add(logf(u), f32x4.div(lost, u));
}

/** 1 / (1 + exp(-x)), by exp of -|x| alone: never overflows. */
export function sigmoidf(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = expf(f32x4.neg(f32x4.abs(x)));
  const top = v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0)));
  return f32x4.div(top, f32x4.add(one, e));
}

/** tanh |x| = -t / (t + 2) with t = exp(-2 |x|) - 1; the sign is put back, so that -0 stays -0. */
export function tanhf(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(<i32>0x80000000));
  const t = expm1f(f32x4.mul(f32x4.abs(x), f32x4.splat(-2)));
  const y = f32x4.div(t, f32x4.add(t, f32x4.splat(2)));
  return v128.or(f32x4.abs(y), sign);
}

/**
 * erfc(x) = 1 - erf(x), small values too: for x >= 0 t e^(-x^2 + P(t)) with t = 1 / (1 + x / 2), within 3e-6 of itself
 * down to 1e-12 (Press et al., Numerical Recipes, erfcc), and 2 - erfc(-x) below 0.
 */
export function erfcf(x: v128): v128 {
  const one = f32x4.splat(1);
  const z = f32x4.abs(x);
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(z, f32x4.splat(0.5))));
  let p = f32x4.splat(0.17087277);
  p = poly(p, t, -0.82215223);
  p = poly(p, t, 1.48851587);
  p = poly(p, t, -1.13520398);
  p = poly(p, t, 0.27886807);
  p = poly(p, t, -0.18628806);
  p = poly(p, t, 0.09678418);
  p = poly(p, t, 0.37409196);
  p = poly(p, t, 1.00002368);
  p = poly(p, t, -1.26551223);
  const y = f32x4.mul(t, expf(f32x4.sub(p, f32x4.mul(z, z))));
  return v128.bitselect(f32x4.sub(f32x4.splat(2), y), y, f32x4.lt(x, f32x4.splat(0)));
}
