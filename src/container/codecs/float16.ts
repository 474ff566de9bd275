/**
 * Codecs 6 and 7: float32 tensors whose numbers float16 has too, so that nothing is lost; all are finite. The greatest
 * exponent is one like the others.
 *
 * Codec 6, float16: the elements as float16, one after the other, little-endian.
 *
 * Codec 7, sparse float16: a byte k, then as in codec 1, with elements of 16 bits.
 */
import { ByteWriter } from "../../base/byte-writer.ts";
import type { ByteReader } from "../../base/bytes.ts";
import { narrowFloat16 } from "../../base/float16.ts";
import type { Decoder, Elements, Encoder } from "./codec.ts";
import { fieldBytes, gapBitsOf, readElements, readGapBits, sparseFields } from "./sparse.ts";

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

/** Reads fields of 16 bits and makes floats of them. */
function readFloats(from: ByteReader, length: number, bytes: number, gapBits?: number): Elements {
  if (bytes !== 4) throw from.error("damaged", "float16 of elements of one byte");
  const elements = readElements(from, length, bytes, 16, gapBits);
  const reals = new Float32Array(elements.buffer);
  for (let i = 0; i < length; i++) {
    const bits = elements[i]!;
    // exponent and mantissa in their places; float32's exponents begin 112 lower, subnormal numbers too
    elements[i] = ((bits & 0x8000) << 16) | ((bits & 0x7fff) << 13);
    reals[i]! *= 2 ** 112;
  }
  return elements;
}

export const float16Decoder: Decoder = {
  id: 6,
  decode: (from, length, bytes) => readFloats(from, length, bytes),
};

export const sparseFloat16Decoder: Decoder = {
  id: 7,
  decode: (from, length, bytes) => readFloats(from, length, bytes, readGapBits(from)),
};
