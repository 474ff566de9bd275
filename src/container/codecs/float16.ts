/**
 * Codecs 6 and 7: float32 tensors whose numbers float16 has too, so that nothing is lost.
 *
 * Codec 6, float16: the elements as float16, one after the other, little-endian.
 *
 * Codec 7, sparse float16: a byte k, then as in codec 1, with elements of 16 bits.
 */
import { ByteWriter } from "../../base/byte-writer.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { narrowFloat16, widenFloat16 } from "../../base/float16.ts";
import { readFields } from "../../kernels/bits.ts";
import { type Decoder, type Elements, type Encoder, zeros } from "./codec.ts";
import { demandGaps, fieldBytes, gapBitsOf, readGapBits, sparseFields } from "./sparse.ts";

const fits = (elements: Elements): boolean =>
  elements.BYTES_PER_ELEMENT === 4 && elements.every(v => narrowFloat16(v) >= 0);

export const float16Encoder: Encoder = {
  id: 6,
  cost: elements => (fits(elements) ? 2 * elements.length : Infinity),
  encode: elements => new Uint8Array(Uint16Array.from(elements, narrowFloat16).buffer),
};

export const sparseFloat16Encoder: Encoder = {
  id: 7,
  cost: elements => (fits(elements) ? 1 + fieldBytes(elements, 16) : Infinity),
  encode(elements) {
    const gapBits = gapBitsOf(elements);
    const to = new ByteWriter();
    to.u8(gapBits);
    to.raw(sparseFields(elements, gapBits, 16, narrowFloat16));
    return to.bytes();
  },
};

/** Replaces fields of 16 bits by the bits of float32. */
function widen(elements: Elements): Elements {
  for (let i = 0; i < elements.length; i++) elements[i] = widenFloat16(elements[i]!);
  return elements;
}

function demandFloats(from: ByteReader, bytes: number): void {
  if (bytes !== 4) throw from.error("damaged", "float16 of elements of one byte");
}

export const float16Decoder: Decoder = {
  id: 6,
  decode(from, length, bytes) {
    demandFloats(from, bytes);
    const fields = from.raw(2 * length);
    const elements = zeros(length, bytes);
    readFields(fields, elements, 16, 0);
    return widen(elements);
  },
};

export const sparseFloat16Decoder: Decoder = {
  id: 7,
  decode(from, length, bytes) {
    demandFloats(from, bytes);
    const gapBits = readGapBits(from);
    demandGaps(from, length, gapBits);
    const elements = zeros(length, bytes);
    from.raw(readFields(from.rest, elements, 16, gapBits));
    return widen(elements);
  },
};
