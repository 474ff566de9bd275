import { describe, expect, test } from "vitest";
import * as own from "../../src/base/math.ts";
import * as single from "../../src/base/math-f32.ts";

// The host's Math is the oracle here, and only here.

/** Deterministic numbers in [low, high). */
function* between(low: number, high: number, count = 4000): Generator<number> {
  let s = 0x12345678;
  for (let i = 0; i < count; i++) {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    yield low + ((s >>> 0) / 2 ** 32) * (high - low);
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

describe("math.ts, double precision", () => {
  const worst = (f: (x: number) => number, oracle: (x: number) => number, low: number, high: number): number => {
    let most = 0;
    for (const x of between(low, high)) {
      const wanted = oracle(x);
      const error = Math.abs(f(x) - wanted) / Math.max(Math.abs(wanted), 2e-308);
      if (!(error <= most)) most = error;
    }
    return most;
  };

  test.each([
    ["exp", own.exp, Math.exp, -700, 709],
    ["exp", own.exp, Math.exp, -1, 1],
    ["expm1", own.expm1, Math.expm1, -1e-3, 1e-3],
    ["expm1", own.expm1, Math.expm1, -2, 2],
    ["log", own.log, Math.log, 0, 3],
    ["log", own.log, Math.log, 0.99, 1.01],
    ["log", own.log, Math.log, 0, 1e300],
    ["log", own.log, Math.log, 0, 1e-307],
    ["log1p", own.log1p, Math.log1p, -0.5, 1],
    ["log1p", own.log1p, Math.log1p, -1e-9, 1e-9],
    ["tanh", own.tanh, Math.tanh, -4, 4],
    ["tanh", own.tanh, Math.tanh, -1e-5, 1e-5],
    ["sigmoid", own.sigmoid, sigmoid, -30, 30],
  ] as const)("%s is right to 1e-15", (_, f, oracle, low, high) => {
    expect(worst(f, oracle, low, high)).toBeLessThan(1e-15);
  });

  test.each([
    ["sin", own.sin, Math.sin],
    ["cos", own.cos, Math.cos],
  ] as const)("%s is right to 3e-16 of 1", (_, f, oracle) => {
    for (const range of [1, 10, 1e5])
      for (const x of between(-range, range)) expect(Math.abs(f(x) - oracle(x))).toBeLessThan(3e-16);
  });

  test("pow is right to 1e-15, large exponents too", () => {
    for (const [low, high, y] of [
      [0.5, 2, 3.7],
      [0.9, 1.1, 2000],
      [0.998, 1, 100_000],
      [0, 100, -2.5],
      [0, 1e-300, 0.25],
    ] as const)
      for (const x of between(low, high, 500)) {
        const wanted = x ** y;
        if (wanted > 1e-300 && wanted < Infinity) expect(Math.abs(own.pow(x, y) / wanted - 1)).toBeLessThan(1e-15);
      }
  });

  test("pow has the special cases of Math.pow", () => {
    const special = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e300, -1e300, Infinity, -Infinity, NaN];
    for (const x of special)
      for (const y of special) {
        const [got, wanted] = [own.pow(x, y), x ** y];
        const same = Object.is(got, wanted) || Math.abs(got - wanted) <= 1e-15 * Math.abs(wanted);
        expect(same, `pow(${x}, ${y}) = ${got}, not ${wanted}`).toBe(true);
      }
  });

  test("the ends of the range", () => {
    expect([own.exp(710), own.exp(Infinity), own.exp(-746), own.exp(-Infinity), own.exp(0)]).toEqual([
      Infinity,
      Infinity,
      0,
      0,
      1,
    ]);
    expect(own.exp(-745)).toBe(5e-324);
    expect([own.log(0), own.log(Infinity), own.log(1)]).toEqual([-Infinity, Infinity, 0]);
    expect(own.log(5e-324)).toBeCloseTo(-744.4400719213812, 12);
    expect(own.tanh(-0)).toBe(-0);
    expect([own.tanh(1000), own.tanh(-1000), own.sigmoid(1000), own.sigmoid(-1000)]).toEqual([1, -1, 1, 0]);
    for (const f of [own.exp, own.log, own.tanh, own.sigmoid, own.sin, own.cos]) expect(f(NaN)).toBe(NaN);
    expect(own.log(-1)).toBe(NaN);
  });
});

/** The integral of e^(-t^2) from 0 to x by Simpson's rule. */
function integral(x: number): number {
  const n = 2000;
  let sum = 1 + Math.exp(-x * x);
  for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * Math.exp(-(((x * i) / n) ** 2));
  return (sum * x) / (3 * n);
}

test("erf of math.ts is the integral of the normal curve, erfcf of math-f32.ts within 1e-5 of its complement", () => {
  for (const x of [...between(-6.5, 6.5, 300), 0, 1e-300, 4, 6, -6, 7]) {
    expect(Math.abs(own.erf(x) - (2 / Math.sqrt(Math.PI)) * integral(x)), `${x}`).toBeLessThan(2e-13);
    const rest = 1 - own.erf(Math.fround(x));
    if (rest > 1e-9) expect(Math.abs(single.erfcf(x) / rest - 1), `${x}`).toBeLessThan(1e-5);
  }
  expect(own.erf(0.5)).toBeCloseTo(0.5204998778130465, 15);
  expect([own.erf(-0), own.erf(Infinity), own.erf(-Infinity), own.erf(NaN)]).toEqual([-0, 1, -1, NaN]);
  expect([single.erfcf(Infinity), single.erfcf(-Infinity), single.erfcf(NaN)]).toEqual([0, 2, NaN]);
});

describe("single precision", () => {
  /** Largest error in units of the last place of the rounded answer. */
  const worst = (f: (x: number) => number, oracle: (x: number) => number, low: number, high: number): number => {
    let most = 0;
    for (const v of between(low, high, 20_000)) {
      const x = Math.fround(v);
      const wanted = oracle(x);
      const got = f(x);
      if (got === Math.fround(wanted)) continue;
      const unit = 2 ** Math.max(Math.floor(Math.log2(Math.abs(wanted))) - 23, -149);
      const error = Math.abs(got - wanted) / unit;
      if (!(error <= most)) most = error;
    }
    return most;
  };

  test.each([
    ["expf", single.expf, Math.exp, -104, 89, 1],
    ["expf", single.expf, Math.exp, -1, 1, 1],
    ["logf", single.logf, Math.log, 0, 4, 1],
    ["logf", single.logf, Math.log, 0.9, 1.1, 1],
    ["logf", single.logf, Math.log, 0, 1e-38, 1],
    ["log1pf", single.log1pf, Math.log1p, 0, 1, 1.5],
    ["expm1f", single.expm1f, Math.expm1, -90, 0, 2],
    ["expm1f", single.expm1f, Math.expm1, -1e-3, 1e-3, 2],
    ["tanhf", single.tanhf, Math.tanh, -10, 10, 3],
    ["tanhf", single.tanhf, Math.tanh, -1e-3, 1e-3, 3],
    ["sigmoidf", single.sigmoidf, sigmoid, -100, 100, 3],
  ] as const)("%s, case %#", (_, f, oracle, low, high, units) => {
    expect(worst(f, oracle, low, high)).toBeLessThan(units);
  });

  test("the ends of the range", () => {
    expect([single.expf(89), single.expf(Infinity), single.expf(-104), single.expf(-Infinity)]).toEqual([
      Infinity,
      Infinity,
      0,
      0,
    ]);
    expect([single.logf(0), single.logf(Infinity), single.logf(1)]).toEqual([-Infinity, Infinity, 0]);
    expect([single.tanhf(100), single.tanhf(-100), single.tanhf(-0)]).toEqual([1, -1, -0]);
    expect([single.sigmoidf(200), single.sigmoidf(-200)]).toEqual([1, 0]);
    for (const f of [single.expf, single.logf, single.tanhf, single.sigmoidf, single.expm1f, single.log1pf])
      expect(f(NaN)).toBe(NaN);
    expect(single.logf(-1)).toBe(NaN);
  });
});
