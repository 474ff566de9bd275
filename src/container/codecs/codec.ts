/**
 * A codec is one way to store the elements of a tensor. Its number in files never changes. Encoder and decoder are
 * exported separately, so that a page that only runs networks includes no encoder.
 */
import type { ByteReader } from "../../base/bytes.ts";

/**
 * Elements as signed integers of the same size, whatever their type: a float is its bits. So -0 and every NaN are
 * preserved.
 */
export type Elements = Int8Array | Int32Array;

export interface Encoder {
  /** The number in files. It is a literal: bundlers treat `CODEC.raw` as a side effect and would keep the encoder. */
  readonly id: number;
  /** The length of what `encode` writes, in bytes; Infinity: it cannot store these. */
  cost(elements: Elements): number;
  encode(elements: Elements): Uint8Array;
}

export interface Decoder {
  readonly id: number;
  /**
   * Reads `length` elements of `bytes` (1 or 4) bytes. It reads exactly what `encode` wrote, checks before it allocates
   * that the remaining bytes can hold that many elements, and throws a PenjingError or RangeError if they cannot.
   */
  decode(from: ByteReader, length: number, bytes: number): Elements;
}

/** Makes `length` zeros of `bytes` bytes each. */
export const zeros = (length: number, bytes: number): Elements =>
  bytes === 1 ? new Int8Array(length) : new Int32Array(length);
