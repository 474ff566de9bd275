/**
 * How a tensor's elements become bytes. Every element is the bits of its type, a float's too; of the two savings the writer takes what makes
 * the tensor smallest:
 *
 * - sparse: only elements that are not zero, each after its gap, the number of zeros before it, in codes of k bits. The greatest code,
 *   E = 2^k - 1, is an escape: E zeros and no element. Zeros after the last element are one more gap, as if an element stood behind the end;
 *   codes stop where the tensor is full.
 * - packed: elements in as many bits as the widest one needs, two's complement.
 *
 *     0 0 5 0 0 0 0 7 0     k = 2, E = 3: gaps 2, 4, 1     codes and elements 2 5 | 3 1 7 | 1
 */
import { ByteWriter } from "../base/byte-writer.ts";
import { BYTES, type DType, type TypedArray } from "../base/shape.ts";
import { MAX_GAP_BITS, STATE } from "./format.ts";

export interface Encoded {
  /** `STATE.sparse` and `STATE.packed`, as far as they are. */
  flags: number;
  bytes: Uint8Array;
}

/** The smallest encoding of a tensor. */
export function encode(data: TypedArray, dtype: DType): Encoded {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // -0 and every NaN are kept: a float tensor comes back bit for bit.
  const elements = BYTES[dtype] === 1 ? new Int8Array(bytes) : new Int32Array(bytes.slice().buffer);
  const widest = 8 * BYTES[dtype];
  const width = widthOf(elements);
  const gaps = gapsOf(elements);
  const { gapBits, bits: codes } = bestGapBits(gaps);

  const dense = { flags: 0, bits: elements.length * widest };
  const packed = { flags: STATE.packed, bits: 8 + elements.length * width };
  const sparse = { flags: STATE.sparse, bits: 8 + codes + gaps.values * widest };
  const both = { flags: STATE.sparse | STATE.packed, bits: 16 + codes + gaps.values * width };
  const bytesOf = ({ bits }: { bits: number }) => Math.ceil(bits / 8);
  const { flags } = [packed, sparse, both].reduce((best, c) => (bytesOf(c) < bytesOf(best) ? c : best), dense);
  if (!flags) return { flags, bytes: bytes.slice() };
  const to = new ByteWriter();
  if (flags & STATE.sparse) to.u8(gapBits);
  if (flags & STATE.packed) to.u8(width);
  to.raw(fields(elements, flags & STATE.sparse ? gapBits : 0, flags & STATE.packed ? width : widest));
  return { flags, bytes: to.bytes() };
}

/** The bits that hold every element in two's complement. */
function widthOf(elements: Int8Array | Int32Array): number {
  let seen = 0;
  // Of a negative number the bits below its sign: -1 has none.
  for (const v of elements) seen |= v < 0 ? ~v : v;
  return 33 - Math.clz32(seen);
}

interface Gaps {
  /** How often each gap occurs. */
  counts: Map<number, number>;
  values: number;
  /** Zeros after the last element. */
  rest: number;
}

function gapsOf(elements: Int8Array | Int32Array): Gaps {
  const counts = new Map<number, number>();
  let values = 0;
  let zeros = 0;
  for (const v of elements) {
    if (v === 0) zeros++;
    else {
      counts.set(zeros, (counts.get(zeros) ?? 0) + 1);
      values++;
      zeros = 0;
    }
  }
  return { counts, values, rest: zeros };
}

/** The k that makes all codes together shortest, by counting. */
function bestGapBits({ counts, values, rest }: Gaps): { gapBits: number; bits: number } {
  let best = { gapBits: 1, bits: Infinity };
  for (let gapBits = 1; gapBits <= MAX_GAP_BITS; gapBits++) {
    const escapeCode = (1 << gapBits) - 1;
    let codes = values + Math.ceil(rest / escapeCode);
    for (const [gap, times] of counts) codes += times * Math.floor(gap / escapeCode);
    if (codes * gapBits < best.bits) best = { gapBits, bits: codes * gapBits };
  }
  return best;
}

/** Codes (where gaps take bits) and elements in turn, each from its lowest bit, filling bytes from their lowest bit. */
function fields(elements: Int8Array | Int32Array, gapBits: number, width: number): Uint8Array {
  const writer = new BitWriter();
  const escapeCode = (1 << gapBits) - 1;
  let zeros = 0;
  for (const v of elements) {
    if (gapBits && v === 0) {
      zeros++;
      continue;
    }
    if (gapBits) {
      for (; zeros >= escapeCode; zeros -= escapeCode) writer.bits(escapeCode, gapBits);
      writer.bits(zeros, gapBits);
      zeros = 0;
    }
    writer.bits(v, width);
  }
  for (; zeros > 0; zeros -= escapeCode) writer.bits(Math.min(zeros, escapeCode), gapBits);
  return writer.bytes();
}

/** Fields of 1 .. 32 bits one after the other; the last byte is filled up with zeros. */
class BitWriter {
  readonly #out = new ByteWriter();
  #pending = 0;
  #held = 0;

  bits(value: number, count: number): void {
    let rest = value >>> 0;
    let left = count;
    while (left > 0) {
      const room = Math.min(8 - this.#held, left);
      this.#pending |= (rest & ((1 << room) - 1)) << this.#held;
      rest >>>= room;
      this.#held += room;
      left -= room;
      if (this.#held === 8) this.#flush();
    }
  }

  bytes(): Uint8Array {
    if (this.#held > 0) this.#flush();
    return this.#out.bytes();
  }

  #flush(): void {
    this.#out.u8(this.#pending);
    this.#pending = 0;
    this.#held = 0;
  }
}
