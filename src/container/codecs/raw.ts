/** Codec 0, raw: the elements one after the other, little-endian. */
import type { Decoder, Encoder } from "./codec.ts";

export const rawEncoder: Encoder = {
  id: 0,
  cost: elements => elements.byteLength,
  encode: elements => new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength).slice(),
};

export const rawDecoder: Decoder = {
  id: 0,
  decode(from, length, bytes) {
    const { buffer } = new Uint8Array(from.raw(length * bytes));
    return bytes === 1 ? new Int8Array(buffer) : new Int32Array(buffer);
  },
};
