/**
 * Seeded random numbers, the same on every engine: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2021), seeded by splitmix32. Integer arithmetic only, without `Math.log` or `Math.cos` of the
 * host.
 *
 * Not cryptographically secure: a few outputs determine the state.
 */
import { integer, wrongType, wrongValue } from "./errors.ts";

/** 2^32 divided by the golden ratio, made odd: splitmix's step. */
const GOLDEN = 0x9e3779b9;

/** Mixes all bits of a word into all others: the finaliser of MurmurHash3 with the constants of splitmix32. */
function scramble(word: number): number {
  let z = word;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}

const rotateLeft = (word: number, by: number): number => (word << by) | (word >>> (32 - by));

export class Random {
  /** The seed, in its low 32 bits and the rest. Forks are made from it, however many numbers were drawn. */
  readonly #low: number;
  readonly #high: number;
  readonly #state = new Uint32Array(4);

  /** `seed`: an integer in 0 .. 2^53 - 1. Equal seeds give equal numbers. */
  constructor(seed: number) {
    integer("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    this.#low = seed >>> 0;
    this.#high = Math.floor(seed / 2 ** 32);
    let low = this.#low;
    for (let i = 0; i < 4; i++) {
      low = (low + GOLDEN) >>> 0;
      this.#state[i] = scramble(low ^ scramble(this.#high + i));
    }
    // xoshiro's only forbidden state.
    if (this.#state.every(word => word === 0)) this.#state[0] = GOLDEN;
  }

  /** Continues a stream from the `state` of another. */
  static fromState(state: ArrayLike<number>): Random {
    if (state.length !== 4) throw wrongValue("state", "4 words", state);
    const random = new Random(0);
    random.#state.set(state);
    return random;
  }

  /** The current state (a copy), for `Random.fromState`. Forks are made from the seed, not from this. */
  get state(): Uint32Array {
    return this.#state.slice();
  }

  /**
   * Makes an independent stream for one purpose: the same for equal seeds and labels, however many numbers were drawn
   * before. So one more draw in one place (a new layer, another epoch) changes nothing elsewhere.
   */
  fork(label: string | number): Random {
    if (typeof label !== "string" && typeof label !== "number") throw wrongType("label", "a string or a number", label);
    let low = scramble(this.#low ^ 0x5bd1e995);
    let high = scramble(this.#high ^ low);
    for (const character of `${typeof label}:${label}`) {
      low = scramble((low ^ character.codePointAt(0)!) + GOLDEN);
      high = scramble(high + low);
    }
    // 21 high bits, as in a seed.
    return new Random((high >>> 11) * 2 ** 32 + low);
  }

  /** Draws 32 bits, as an integer in 0 .. 2^32 - 1. */
  next(): number {
    const s = this.#state;
    const result = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotateLeft(s[3]!, 11);
    return result;
  }

  /** Draws a number in [low, high), default [0, 1): a multiple of 2^-24, so that it is below 1 as a float32 too. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.next() >>> 8) / 0x1000000);
  }

  /** Draws an integer in 0 .. n - 1 without bias: draws from the incomplete last multiple of n are rejected. */
  integer(n: number): number {
    integer("n", n, 1, 2 ** 32);
    const whole = 2 ** 32 - (2 ** 32 % n);
    let word = this.next();
    while (word >= whole) word = this.next();
    return word % n;
  }

  /**
   * Draws a normally distributed number, mean 0 and standard deviation 1, by comparing uniform numbers alone (Karney,
   * "Sampling exactly from the normal distribution", 2016, algorithm N):
   *
   * 1. an integer k with probability proportional to exp(-k / 2), kept with probability exp(-k (k - 1) / 2);
   * 2. a fraction x in [0, 1), kept with probability exp(-x (2 k + x) / 2);
   * 3. k + x with a random sign.
   *
   * The two factors multiply to exp(-(k + x)^2 / 2). It takes 16 words per number on average (measured).
   */
  normal(): number {
    for (;;) {
      let k = 0;
      while (this.#happens(0.5)) k++;
      if (!this.#allHappen(k * (k - 1), 0.5)) continue;
      const x = this.next() / 0x100000000;
      if (!this.#allHappen(k, x) || !this.#happens((x * x) / 2)) continue;
      return this.next() & 1 ? -(k + x) : k + x;
    }
  }

  /** Shuffles in place (Fisher and Yates) and returns the array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }

  /** Returns 0 .. n - 1 in random order. */
  permutation(n: number): Int32Array {
    return this.shuffle(Int32Array.from({ length: n }, (_, i) => i));
  }

  /**
   * Returns true with probability exp(-x), 0 <= x <= 1 (von Neumann, 1951): by the length of the run x > u1 > u2 > ...
   */
  #happens(x: number): boolean {
    let last = x;
    for (let falls = 0; ; falls++) {
      const u = this.next() / 0x100000000;
      if (u >= last) return falls % 2 === 0;
      last = u;
    }
  }

  #allHappen(times: number, x: number): boolean {
    for (let i = 0; i < times; i++) if (!this.#happens(x)) return false;
    return true;
  }
}
