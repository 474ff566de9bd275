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
import { readFields } from "../../kernels/bits.ts";
import { BitWriter } from "./bits.ts";
import { type Decoder, type Elements, type Encoder, zeros } from "./codec.ts";
import { demandGaps, fieldBytes, gapBitsOf, readGapBits, sparseFields } from "./sparse.ts";

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

/** Reads k - 1 and the values. */
function readValues(from: ByteReader, bytes: number): Elements {
  const k = from.u8() + 1;
  const { buffer } = new Uint8Array(from.raw(k * bytes));
  return bytes === 1 ? new Int8Array(buffer) : new Int32Array(buffer);
}

/** Replaces each place, which has `width` bits, by its value; 0 stands for itself where places count from 1. */
function lookUp(from: ByteReader, elements: Elements, values: Elements, width: number, first: number): Elements {
  const all = (1 << width) - 1;
  for (let i = 0; i < elements.length; i++) {
    const place = (elements[i]! & all) - first;
    if (place >= values.length) throw from.error("damaged", `value ${place} of ${values.length}`);
    elements[i] = place < 0 ? 0 : values[place]!;
  }
  return elements;
}

export const codebookDecoder: Decoder = {
  id: 4,
  decode(from, length, bytes) {
    const values = readValues(from, bytes);
    const width = bitsOf(values.length - 1);
    const fields = from.raw(Math.ceil((length * width) / 8));
    const elements = zeros(length, bytes);
    readFields(fields, elements, width, 0);
    return lookUp(from, elements, values, width, 0);
  },
};

export const sparseCodebookDecoder: Decoder = {
  id: 5,
  decode(from, length, bytes) {
    const gapBits = readGapBits(from);
    const values = readValues(from, bytes);
    const width = bitsOf(values.length);
    demandGaps(from, length, gapBits);
    const elements = zeros(length, bytes);
    from.raw(readFields(from.rest, elements, width, gapBits));
    return lookUp(from, elements, values, width, 1);
  },
};
