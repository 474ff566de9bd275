/**
 * exp, log, tanh ... in double precision, for schedules, initializers and evaluation. They give the same bits on every
 * engine, which the host's `Math` does not guarantee. Bundlers keep only those that are used.
 */

const bits = new DataView(new ArrayBuffer(8));

/** Splits normal positive x into e and m in [1, 2) with x = m 2^e. */
function split(x: number): { m: number; e: number } {
  bits.setFloat64(0, x);
  const top = bits.getInt32(0);
  bits.setInt32(0, (top & 0x000fffff) | 0x3ff00000);
  return { m: bits.getFloat64(0), e: (top >> 20) - 1023 };
}

/** 2^n, for integer n in [-1022, 1023]. */
function power2(n: number): number {
  bits.setInt32(0, (n + 1023) << 20);
  bits.setInt32(4, 0);
  return bits.getFloat64(0);
}

/** x 2^n with one rounding, for integer n in [-2044, 2046]. */
const scale = (x: number, n: number): number => {
  const half = n >> 1;
  return x * power2(half) * power2(n - half);
};

/** c[0] + x (c[1] + x (c[2] + ...)). */
function series(x: number, c: readonly number[]): number {
  let p = c[c.length - 1]!;
  for (let i = c.length - 2; i >= 0; i--) p = p * x + c[i]!;
  return p;
}

/** Taylor coefficients 1 / n! for n = from, from + step, ..., optionally with alternating signs. */
function reciprocalFactorials(from: number, step: number, count: number, alternate: boolean): number[] {
  let factorial = 1;
  for (let n = 2; n <= from; n++) factorial *= n;
  return Array.from({ length: count }, (_, i) => {
    const c = (alternate && i % 2 ? -1 : 1) / factorial;
    for (let n = from + i * step + 1; n <= from + (i + 1) * step; n++) factorial *= n;
    return c;
  });
}

// ln(2) in two parts: the first has 33 bits, so that its product with an exponent is exact
const LN2_HIGH = 0.6931471803691238;
const LN2_REST = 1.9082149292705877e-10;

const EXP_SERIES = /* @__PURE__ */ reciprocalFactorials(2, 1, 13, false);
const SIN_SERIES = /* @__PURE__ */ reciprocalFactorials(3, 2, 9, true);
const COS_SERIES = /* @__PURE__ */ reciprocalFactorials(4, 2, 8, true);

/** exp(high + low) for |low| far below |high|. */
function expSum(high: number, low: number): number {
  if (!(high < 710)) return high >= 710 ? Infinity : NaN;
  if (high < -746) return 0;
  const n = Math.floor(high * Math.LOG2E + 0.5);
  const r = high - n * LN2_HIGH - (n * LN2_REST - low);
  // |r| <= ln(2) / 2: the first omitted term is below 1e-18
  return scale(1 + (r + r * r * series(r, EXP_SERIES)), n);
}

/** e^x. */
export const exp = (x: number): number => expSum(x, 0);

/** e^x - 1 without cancellation. */
export function expm1(x: number): number {
  if (x > -0.35 && x < 0.35) return x + x * x * series(x, EXP_SERIES);
  return exp(x) - 1;
}

/** a b = high + low exactly (Dekker's product, |a|, |b| < 2^996). */
function product(a: number, b: number): { high: number; low: number } {
  const halves = (v: number): [number, number] => {
    const t = v * 134217729; // 2^27 + 1
    const top = t - (t - v);
    return [top, v - top];
  };
  const [a1, a0] = halves(a);
  const [b1, b0] = halves(b);
  const high = a * b;
  return { high, low: a0 * b0 - (high - a1 * b1 - a0 * b1 - a1 * b0) };
}

// 2 s^3 (1/3 + s^2/5 + ...): the rest of log((1 + s) / (1 - s)) = 2 s + ...
const LOG_SERIES = /* @__PURE__ */ Array.from({ length: 11 }, (_, i) => 2 / (2 * i + 3));

/** log(x) as a sum of two numbers, with about 10 more bits than one number has; x > 0 and finite. */
function logParts(x: number): { high: number; low: number } {
  const subnormal = x < 2.2250738585072014e-308;
  let { m, e } = split(subnormal ? x * 18014398509481984 : x); // 2^54
  if (subnormal) e -= 54;
  if (m > Math.SQRT2) {
    m /= 2;
    e++;
  }
  // s = (m - 1) / (m + 1) in two parts; m - 1 is exact, m + 1 may lose its last bit
  const f = m - 1;
  const d = m + 1;
  const lost = m - (d - 1);
  const s = f / d;
  const back = product(s, d);
  const sRest = (f - back.high - back.low - s * lost) / d;
  const s2 = s * s;
  const rest = s * s2 * series(s2, LOG_SERIES) + 2 * sRest + e * LN2_REST;
  // e LN2_HIGH is exact, and larger than 2 s unless e is 0: the rounding error of their sum can be recovered
  const first = e * LN2_HIGH;
  const sum = first + 2 * s;
  const sumRest = e === 0 ? 0 : 2 * s - (sum - first);
  const high = sum + (rest + sumRest);
  return { high, low: sum - high + (rest + sumRest) };
}

/** The natural logarithm: -Infinity at 0, NaN below. */
export function log(x: number): number {
  if (!(x > 0) || x === Infinity) return x === 0 ? -Infinity : x < 0 ? NaN : x;
  return logParts(x).high;
}

/** log(1 + x) without cancellation. */
export function log1p(x: number): number {
  const u = 1 + x;
  if (!(u > 0) || u === Infinity) return log(u);
  return log(u) + (x - (u - 1)) / u;
}

/** x^y, with the special cases of Math.pow. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  const whole = Number.isInteger(y) || Math.abs(y) === Infinity;
  // numbers from 2^53 on are all even
  const odd = whole && Math.abs(y) < 9007199254740992 && y % 2 !== 0;
  const sign = odd && (x < 0 || Object.is(x, -0)) ? -1 : 1;
  const a = Math.abs(x);
  if (a === 1) return Math.abs(y) === Infinity ? NaN : x < 0 && !whole ? NaN : sign;
  if (a === 0 || a === Infinity) return sign * ((a === 0) === y < 0 ? Infinity : 0);
  if (Math.abs(y) === Infinity) return a > 1 === y > 0 ? Infinity : 0;
  if (x < 0 && !whole) return NaN;
  const l = logParts(a);
  if (Math.abs(l.high * y) > 800) return sign * (l.high > 0 === y > 0 ? Infinity : 0);
  const p = product(l.high, y);
  return sign * expSum(p.high, p.low + l.low * y);
}

/** sin and cos of x by x = n pi/2 + r, pi/2 in three parts; for |x| up to 1e6 or so (beyond that r loses digits). */
function quadrant(x: number): { n: number; r: number } {
  const n = Math.floor(x * 0.6366197723675814 + 0.5);
  // 33 + 33 + 53 bits of pi/2
  const r = x - n * 1.5707963267341256 - n * 6.077100506303966e-11 - n * 2.0222662487959506e-21;
  return { n: n & 3, r };
}

const sinReduced = (r: number): number => r - r * r * r * series(r * r, SIN_SERIES);
const cosReduced = (r: number): number => {
  const half = 0.5 * r * r;
  const w = 1 - half;
  return w + (1 - w - half + r * r * r * r * series(r * r, COS_SERIES));
};

/** The sine of x radians. */
export function sin(x: number): number {
  const { n, r } = quadrant(x);
  const y = n & 1 ? cosReduced(r) : sinReduced(r);
  return n & 2 ? -y : y;
}

/** The cosine of x radians. */
export function cos(x: number): number {
  const { n, r } = quadrant(x);
  const y = n & 1 ? -sinReduced(r) : cosReduced(r);
  return n & 2 ? -y : y;
}

/** The hyperbolic tangent. */
export function tanh(x: number): number {
  const t = expm1(-2 * Math.abs(x));
  const y = Math.abs(t / (t + 2));
  return x < 0 || Object.is(x, -0) ? -y : y;
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
  const e = exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

/**
 * The error function: 2 / sqrt(pi) e^(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ...), all terms of one sign; +-1 for |x| >=
 * 6.
 */
export function erf(x: number): number {
  if (Math.abs(x) >= 6) return x < 0 ? -1 : 1;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return 1.1283791670955126 * exp(-x * x) * sum;
}
