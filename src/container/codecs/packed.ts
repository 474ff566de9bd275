/**
 * Codec 2, packed: a byte w, then the lowest w bits of every element, in two's complement. w is the width of the widest
 * element.
 */
import { ByteWriter } from "../../base/byte-writer.ts";
import { BitWriter, readWidth, widthOf } from "./bits.ts";
import type { Decoder, Encoder } from "./codec.ts";
import { readElements } from "./sparse.ts";

export const packedEncoder: Encoder = {
  id: 2,
  cost: elements => 1 + Math.ceil((elements.length * widthOf(elements)) / 8),
  encode(elements) {
    const width = widthOf(elements);
    const bits = new BitWriter();
    for (const v of elements) bits.write(v, width);
    const to = new ByteWriter();
    to.u8(width);
    to.raw(bits.bytes());
    return to.bytes();
  },
};

export const packedDecoder: Decoder = {
  id: 2,
  decode: (from, length, bytes) => readElements(from, length, bytes, readWidth(from, bytes)),
};
