/**
 * Random numbers of TensorFlow's kernels with a seed, to draw as they do: Philox 4x32-10 (J. Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", 2011) as a stream of words.
 */

/** High and low word of a product of two words. */
function product(a: number, b: number): [high: number, low: number] {
  const [a1, a0] = [a >>> 16, a & 0xffff];
  const [b1, b0] = [b >>> 16, b & 0xffff];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const other = a0 * b1 + (middle % 65536);
  return [a1 * b1 + Math.floor(middle / 65536) + Math.floor(other / 65536), Math.imul(a, b) >>> 0];
}

export class Philox {
  readonly #key: readonly [number, number];
  /** Blocks of four words so far; a few thousand are drawn at most. */
  #blocks = 0;
  #words: number[] = [];

  constructor(seed: number) {
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  }

  /** The next 32 bits. */
  word(): number {
    if (!this.#words.length) this.#words = this.#block(this.#blocks++);
    return this.#words.shift()!;
  }

  /** A number in 0 .. 1 with 23 bits. */
  uniform(): number {
    return (this.word() & 0x7fffff) / 2 ** 23;
  }

  /** An integer in 0 .. n - 1, each as likely. */
  integer(n: number): number {
    const wide = () => BigInt(this.word()) | (BigInt(this.word()) << 32n);
    const size = BigInt(n);
    if ((size & (size - 1n)) === 0n) return Number(wide() & (size - 1n));
    const skewed = (0xffff_ffff_ffff_ffffn % size) + 1n;
    let drawn = wide();
    while (drawn < skewed) drawn = wide();
    return Number(drawn % size);
  }

  #block(counter: number): number[] {
    let [x0, x1, x2, x3] = [counter, 0, 0, 0];
    let [k0, k1] = this.#key;
    for (let round = 0; round < 10; round++) {
      const [high0, low0] = product(0xd2511f53, x0);
      const [high1, low1] = product(0xcd9e8d57, x2);
      [x0, x1, x2, x3] = [(high1 ^ x1 ^ k0) >>> 0, low1, (high0 ^ x3 ^ k1) >>> 0, low0];
      k0 = (k0 + 0x9e3779b9) >>> 0;
      k1 = (k1 + 0xbb67ae85) >>> 0;
    }
    return [x0, x1, x2, x3];
  }
}
