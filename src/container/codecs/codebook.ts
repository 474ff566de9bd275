/**
 * Codecs 4 and 5: tensors of few distinct values, at most 256, as clustering leaves them.
 *
 * Codec 4, codebook: a byte k - 1; the k values, in all their bytes; then as bits, for each element, the place of its
 * value among them, from 0, in the bits of k - 1, at least one.
 *
 * Codec 5, sparse codebook: a byte g; a byte k - 1; the k values that are not zero; then as in codec 1, with gaps of g
 * bits, the places of elements that are not zero, from 1, in the bits of k.
 */
import { ByteWriter } from "../../base/byte-writer.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { BitWriter } from "./bits.ts";
import type { Decoder, Elements, Encoder } from "./codec.ts";
import { fieldBytes, gapBitsOf, readElements, readGapBits, sparseFields } from "./sparse.ts";

const MOST = 256;

/** Bits of the places 0 .. last. */
const bitsOf = (last: number): number => Math.max(1, 32 - Math.clz32(last));

/** The distinct elements, least first, of all or of those that are not zero; undefined: there are too many, or none. */
function valuesOf(elements: Elements, withZero: boolean): number[] | undefined {
  const values = new Set<number>();
  for (const v of elements) {
    if (v === 0 && !withZero) continue;
    values.add(v);
    if (values.size > MOST) return undefined;
  }
  return values.size ? [...values].sort((a, b) => a - b) : undefined;
}

/** Writes k - 1 and the values; returns the place of each, from `first`. */
function writeValues(to: ByteWriter, values: readonly number[], bytes: number, first: number): Map<number, number> {
  to.u8(values.length - 1);
  for (const v of values) {
    if (bytes === 1) to.u8(v & 255);
    else to.u32(v >>> 0);
  }
  return new Map(values.map((v, i) => [v, first + i]));
}

export const codebookEncoder: Encoder = {
  id: 4,
  cost(elements) {
    const k = valuesOf(elements, true)?.length;
    if (!k) return Infinity;
    return 1 + k * elements.BYTES_PER_ELEMENT + Math.ceil((elements.length * bitsOf(k - 1)) / 8);
  },
  encode(elements) {
    const values = valuesOf(elements, true)!;
    const to = new ByteWriter();
    const places = writeValues(to, values, elements.BYTES_PER_ELEMENT, 0);
    const bits = new BitWriter();
    const width = bitsOf(values.length - 1);
    for (const v of elements) bits.write(places.get(v)!, width);
    to.raw(bits.bytes());
    return to.bytes();
  },
};

export const sparseCodebookEncoder: Encoder = {
  id: 5,
  cost(elements) {
    const k = valuesOf(elements, false)?.length;
    return k ? 2 + k * elements.BYTES_PER_ELEMENT + fieldBytes(elements, bitsOf(k)) : Infinity;
  },
  encode(elements) {
    const values = valuesOf(elements, false)!;
    const gapBits = gapBitsOf(elements);
    const to = new ByteWriter();
    to.u8(gapBits);
    const places = writeValues(to, values, elements.BYTES_PER_ELEMENT, 1);
    to.raw(sparseFields(elements, gapBits, bitsOf(values.length), v => places.get(v)!));
    return to.bytes();
  },
};

/** Reads the values, and elements by their places from `first`; 0 stands for itself where places count from 1. */
function readPlaces(from: ByteReader, length: number, bytes: number, first: number, gapBits?: number): Elements {
  const k = from.u8() + 1;
  const { buffer } = new Uint8Array(from.raw(k * bytes));
  const values = bytes === 1 ? new Int8Array(buffer) : new Int32Array(buffer);
  const width = bitsOf(k - 1 + first);
  return readElements(from, length, bytes, width, gapBits).map(field => {
    const place = (field & ((1 << width) - 1)) - first;
    if (place >= k) throw from.error("damaged", `value ${place} of ${k}`);
    return place < 0 ? 0 : values[place]!;
  });
}

export const codebookDecoder: Decoder = {
  id: 4,
  decode: (from, length, bytes) => readPlaces(from, length, bytes, 0),
};

export const sparseCodebookDecoder: Decoder = {
  id: 5,
  decode: (from, length, bytes) => readPlaces(from, length, bytes, 1, readGapBits(from)),
};
