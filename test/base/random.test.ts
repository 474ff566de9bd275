import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";

test("Random: one seed, the same numbers on every engine", () => {
  const random = new Random(1);
  expect(Array.from({ length: 4 }, () => random.next())).toMatchInlineSnapshot(`
    [
      3941718762,
      1897315821,
      4227198370,
      898101193,
    ]
  `);
  expect(Array.from({ length: 4 }, () => random.normal())).toMatchInlineSnapshot(`
    [
      0.48558908654376864,
      -1.3520618896000087,
      -1.0096790282987058,
      -2.0047796829603612,
    ]
  `);
  expect([...new Random(2 ** 53 - 1).permutation(10)]).toMatchInlineSnapshot(`
    [
      8,
      1,
      3,
      0,
      6,
      7,
      9,
      5,
      4,
      2,
    ]
  `);
});

/** The published xoshiro128** (Blackman and Vigna) on the state 1, 2, 3, 4. */
test("Random is xoshiro128** as published", () => {
  const state = new Uint32Array([1, 2, 3, 4]);
  const rotl = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & 0xffffffffn;
  const reference = (s: bigint[]) => {
    const result = (rotl((s[1]! * 5n) & 0xffffffffn, 7n) * 9n) & 0xffffffffn;
    const t = (s[1]! << 9n) & 0xffffffffn;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotl(s[3]!, 11n);
    return Number(result);
  };
  const s = [...state].map(BigInt);
  const random = Random.fromState(state);
  for (let i = 0; i < 1000; i++) expect(random.next()).toBe(reference(s));
});

test("Random.fork: seeds and forks give independent streams", () => {
  const first = (random: Random) => random.next();
  const seen = new Set<number>();
  for (let seed = 0; seed < 2000; seed++) seen.add(first(new Random(seed))).add(first(new Random(7).fork(seed)));
  expect(seen.size).toBeGreaterThan(3995);
  const drawn = new Random(7);
  drawn.next();
  expect(first(drawn.fork("weights"))).toBe(first(new Random(7).fork("weights")));
  expect(first(new Random(7).fork("1"))).not.toBe(first(new Random(7).fork(1)));
  expect(first(new Random(7).fork("weights"))).not.toBe(first(new Random(2 ** 32 + 7).fork("weights")));
});

test("Random.uniform: mean, variance, range, and below 1 as a float32", () => {
  const random = new Random(3);
  const draws = Array.from({ length: 100_000 }, () => random.uniform());
  expect(Math.min(...draws.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
  expect(draws.every(u => Math.fround(u) === u && u < 1)).toBe(true);
  const mean = draws.reduce((a, b) => a + b) / draws.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.004);
  expect(Math.abs(draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length - 1 / 12)).toBeLessThan(0.002);
  expect(random.uniform(-2, -1)).toBeLessThan(-1);
});

test("Random.normal: moments and tails", () => {
  const random = new Random(4);
  const n = 200_000;
  const draws = Array.from({ length: n }, () => random.normal());
  const moment = (k: number) => draws.reduce((a, x) => a + x ** k, 0) / n;
  expect(Math.abs(moment(1))).toBeLessThan(0.01);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.015);
  expect(Math.abs(moment(3))).toBeLessThan(0.04);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  // P(|x| <= 1, 2, 3) of the normal distribution.
  for (const [bound, share] of [
    [1, 0.682689],
    [2, 0.9545],
    [3, 0.9973],
  ] as const)
    expect(Math.abs(draws.filter(x => Math.abs(x) <= bound).length / n - share)).toBeLessThan(0.004);
});

test("Random.integer is unbiased where 2^32 is far from a multiple", () => {
  const random = new Random(5);
  const n = 3 * 2 ** 30;
  let below = 0;
  // Taken modulo n without rejection, half of all draws would be in the first third.
  for (let i = 0; i < 30_000; i++) if (random.integer(n) < n / 3) below++;
  expect(Math.abs(below / 30_000 - 1 / 3)).toBeLessThan(0.015);
  const counts = new Int32Array(6);
  for (let i = 0; i < 60_000; i++) counts[random.integer(6)]!++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  expect(() => random.integer(0)).toThrow('"n" expected integer in 1..4294967296, got 0');
});

test("Random.shuffle is a permutation, each order as likely", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(), (values, seed) => {
      const shuffled = new Random(seed).shuffle([...values]);
      expect(shuffled.sort((a, b) => a - b)).toEqual([...values].sort((a, b) => a - b));
    }),
  );
  const orders = new Map<string, number>();
  const random = new Random(6);
  for (let i = 0; i < 24_000; i++) {
    const order = random.permutation(4).join("");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  expect(orders.size).toBe(24);
  for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test("Random names wrong seeds", () => {
  expect(() => new Random(-1)).toThrow(RangeError);
  expect(() => new Random(0.5)).toThrow('"seed"');
  expect(() => new Random("1" as never)).toThrow(TypeError);
});
