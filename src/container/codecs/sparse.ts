/**
 * Codec 1, sparse: only non-zero elements, each after its gap, the number of zeros before it. A byte k; then, as bits,
 * for each element a code of k bits and the element in all its bits.
 *
 * The greatest code, E = 2^k - 1, is an escape: E zeros and no element; the gap continues. Zeros after the last element
 * are one more gap, as if an element followed the end; there is no code once the tensor is full.
 *
 *     0 0 5 0 0 0 0 7 0     k = 2, E = 3: gaps 2, 4, 1     codes and elements 2 5 | 3 1 7 | 1
 *
 * Codec 3, sparse and packed: bytes k and w, then the same with elements of w bits, as in codec 2.
 */
import { ByteWriter } from "../../base/byte-writer.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { readFields } from "../../kernels/bits.ts";
import { BitWriter, readWidth, widthOf } from "./bits.ts";
import { type Decoder, type Elements, type Encoder, zeros } from "./codec.ts";

/** With more bits escapes would always be cheaper; and a byte never stands for more than 255 elements. */
const MAX_GAP_BITS = 8;

const allBits = (elements: Elements): number => 8 * elements.BYTES_PER_ELEMENT;

/** Bytes of the bit fields: codes, and `width` bits of each element. */
export function fieldBytes(elements: Elements, width: number): number {
  const gaps = gapsOf(elements);
  return Math.ceil((bestGapBits(gaps).bits + gaps.values * width) / 8);
}

export const sparseEncoder: Encoder = {
  id: 1,
  cost: elements => 1 + fieldBytes(elements, allBits(elements)),
  encode(elements) {
    const gapBits = gapBitsOf(elements);
    const to = new ByteWriter();
    to.u8(gapBits);
    to.raw(sparseFields(elements, gapBits, allBits(elements)));
    return to.bytes();
  },
};

export const sparsePackedEncoder: Encoder = {
  id: 3,
  cost: elements => 2 + fieldBytes(elements, widthOf(elements)),
  encode(elements) {
    const gapBits = gapBitsOf(elements);
    const width = widthOf(elements);
    const to = new ByteWriter();
    to.u8(gapBits);
    to.u8(width);
    to.raw(sparseFields(elements, gapBits, width));
    return to.bytes();
  },
};

interface Gaps {
  /** Gap -> number of occurrences. */
  counts: Map<number, number>;
  values: number;
  /** Zeros after the last element. */
  rest: number;
}

function gapsOf(elements: Elements): Gaps {
  const counts = new Map<number, number>();
  let values = 0;
  let gap = 0;
  for (const v of elements) {
    if (v === 0) gap++;
    else {
      counts.set(gap, (counts.get(gap) ?? 0) + 1);
      values++;
      gap = 0;
    }
  }
  return { counts, values, rest: gap };
}

/** Finds the k with the shortest total code, by counting. */
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

/** The number of bits of gaps that makes the tensor smallest. */
export const gapBitsOf = (elements: Elements): number => bestGapBits(gapsOf(elements)).gapBits;

/** Codes of gaps, each with the `width` lowest bits of what stands for the element behind it. */
export function sparseFields(
  elements: Elements,
  gapBits: number,
  width: number,
  codeOf: (element: number) => number = v => v,
): Uint8Array {
  const to = new BitWriter();
  const escapeCode = (1 << gapBits) - 1;
  let gap = 0;
  for (const v of elements) {
    if (v === 0) {
      gap++;
      continue;
    }
    for (; gap >= escapeCode; gap -= escapeCode) to.write(escapeCode, gapBits);
    to.write(gap, gapBits);
    to.write(codeOf(v), width);
    gap = 0;
  }
  for (; gap > 0; gap -= escapeCode) to.write(Math.min(gap, escapeCode), gapBits);
  return to.bytes();
}

export const sparseDecoder: Decoder = {
  id: 1,
  decode: (from, length, bytes) => readElements(from, length, bytes, 8 * bytes, readGapBits(from)),
};

export const sparsePackedDecoder: Decoder = {
  id: 3,
  decode(from, length, bytes) {
    const gapBits = readGapBits(from);
    return readElements(from, length, bytes, readWidth(from, bytes), gapBits);
  },
};

/** Reads the byte k. */
export function readGapBits(from: ByteReader): number {
  const gapBits = from.u8();
  if (gapBits < 1 || gapBits > MAX_GAP_BITS) throw from.error("damaged", `gaps of ${gapBits} bits`);
  return gapBits;
}

/**
 * Throws if the remaining bytes cannot hold the gaps of `length` elements: a code stands for at most 2^k - 1 of them.
 */
export function demandGaps(from: ByteReader, length: number, gapBits: number): void {
  if (length > ((8 * from.left) / gapBits) * ((1 << gapBits) - 1))
    throw from.error("truncated", `the file ends inside a tensor of ${length} elements`);
}

/** Reads elements of `width` bits, one after the other (`gapBits` 0), or each behind its gap. */
export function readElements(from: ByteReader, length: number, bytes: number, width: number, gapBits = 0): Elements {
  if (gapBits) demandGaps(from, length, gapBits);
  const fields = gapBits ? from.rest : from.raw(Math.ceil((length * width) / 8));
  const elements = zeros(length, bytes);
  const read = readFields(fields, elements, width, gapBits);
  if (gapBits) from.raw(read);
  return elements;
}
