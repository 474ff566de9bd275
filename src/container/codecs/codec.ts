/**
 * A codec is one way to store the elements of a tensor. Its number in a file is for ever. It has two halves, exported apart so that a page
 * that only runs networks carries no encoder.
 */
import type { ByteReader } from "../../base/bytes.ts";

/** Elements as signed integers of their size, whatever their type: a float is its bits. Thus -0 and every NaN are kept. */
export type Elements = Int8Array | Int32Array;

export interface Encoder {
  /** The number in files. A literal, since a bundler takes `CODEC.raw` for an effect and would keep the encoder. */
  readonly id: number;
  /** Bytes that `encode` gives. */
  cost(elements: Elements): number;
  encode(elements: Elements): Uint8Array;
}

export interface Decoder {
  readonly id: number;
  /**
   * The next `length` elements of `bytes` (1 or 4) bytes. It reads exactly what `encode` wrote, checks that the bytes that are there
   * can hold so many elements before it allocates them, and throws a PenjingError or RangeError where they do not.
   */
  decode(from: ByteReader, length: number, bytes: number): Elements;
}

/** `length` zeros of `bytes` bytes. */
export const zeros = (length: number, bytes: number): Elements =>
  bytes === 1 ? new Int8Array(length) : new Int32Array(length);
