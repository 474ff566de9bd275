/** A tensor's elements from its bytes; encode.ts makes them. No byte stands for more than 255 elements: that is checked before anything is allocated. */
import type { ByteReader } from "../base/bytes.ts";
import { BYTES, type DType, type TypedArray, view } from "../base/shape.ts";
import { expand } from "../kernels/boot.ts";
import { MAX_GAP_BITS, STATE } from "./format.ts";

/** `length` elements as they are, little-endian. */
export const rawTensor = (dtype: DType, length: number, from: ByteReader): TypedArray =>
  view(dtype, new Uint8Array(from.raw(length * BYTES[dtype])).buffer, 0, length);

/** `length` elements, stored as the state's first number says. */
export function decode(head: number, dtype: DType, length: number, from: ByteReader): TypedArray {
  if (!(head & (STATE.sparse | STATE.packed))) return rawTensor(dtype, length, from);
  const bytes = BYTES[dtype];
  const gapBits = head & STATE.sparse ? from.u8() : 0;
  const width = head & STATE.packed ? from.u8() : 8 * bytes;
  if (gapBits > MAX_GAP_BITS || (head & STATE.sparse && !gapBits) || !width || width > 8 * bytes)
    throw new RangeError(`elements of ${width} bits after gaps of ${gapBits}`);
  // A code stands for at most 2^k - 1 elements without a value.
  const most = ((8 * from.left) / (gapBits || width)) * (gapBits ? (1 << gapBits) - 1 : 1);
  if (length > most) throw from.error("truncated", `the file ends inside a tensor of ${length} ${dtype}`);
  const { data, taken } = expand(from.rest, length, bytes, width, gapBits);
  from.raw(taken);
  return view(dtype, data, 0, length);
}
