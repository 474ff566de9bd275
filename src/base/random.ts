/**
 * Seeded random numbers, the same on every engine: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2021), its state filled by splitmix32. Integer arithmetic only; no host `Math.log` or `Math.cos` takes part.
 *
 * Not for secrets: the state can be found from a few outputs.
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
  /** What the stream is made from, whatever has been drawn: forks start here. */
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
    // xoshiro's one forbidden state.
    if (this.#state.every(word => word === 0)) this.#state[0] = GOLDEN;
  }

  /** A stream that goes on where another one stood. */
  static fromState(state: ArrayLike<number>): Random {
    if (state.length !== 4) throw wrongValue("state", "4 words", state);
    const random = new Random(0);
    random.#state.set(state);
    return random;
  }

  /** Where the stream stands (a copy): `Random.fromState` goes on from there. Forks are made from the seed, not from this. */
  get state(): Uint32Array {
    return this.#state.slice();
  }

  /**
   * An independent stream for one purpose: the same for equal seeds and labels, however many numbers were drawn before.
   * So one more draw in one place (a new layer, another epoch) changes nothing elsewhere.
   */
  fork(label: string | number): Random {
    if (typeof label !== "string" && typeof label !== "number") throw wrongType("label", "a string or a number", label);
    let low = scramble(this.#low ^ 0x5bd1e995);
    let high = scramble(this.#high ^ low);
    for (const character of `${typeof label}:${label}`) {
      low = scramble((low ^ character.codePointAt(0)!) + GOLDEN);
      high = scramble(high + low);
    }
    // 21 high bits: as many as a seed has.
    return new Random((high >>> 11) * 2 ** 32 + low);
  }

  /** The next 32 bits, as an integer in 0 .. 2^32 - 1. */
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

  /** A number in [low, high), by default [0, 1): a multiple of 2^-24, so that it is below 1 as a float32 too. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.next() >>> 8) / 0x1000000);
  }

  /** An integer in 0 .. n - 1, each exactly as likely: draws from the incomplete last round of n are thrown away. */
  integer(n: number): number {
    integer("n", n, 1, 2 ** 32);
    const whole = 2 ** 32 - (2 ** 32 % n);
    let word = this.next();
    while (word >= whole) word = this.next();
    return word % n;
  }

  /**
   * A normally distributed number, mean 0 and standard deviation 1, by comparing uniform numbers alone
   * (Karney, "Sampling exactly from the normal distribution", 2016, algorithm N):
   *
   * 1. an integer k with probability proportional to exp(-k / 2), kept with probability exp(-k (k - 1) / 2);
   * 2. a fraction x in [0, 1), kept with probability exp(-x (2 k + x) / 2);
   * 3. k + x with a random sign.
   *
   * The two factors multiply to exp(-(k + x)^2 / 2). 16 words a number on average (measured).
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

  /** Puts the elements into a random order, in place (Fisher and Yates), and gives the array back. */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }

  /** 0 .. n - 1 in a random order. */
  permutation(n: number): Int32Array {
    return this.shuffle(Int32Array.from({ length: n }, (_, i) => i));
  }

  /** True with probability exp(-x), 0 <= x <= 1 (von Neumann, 1951): how long does x > u1 > u2 > ... go on falling? */
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
