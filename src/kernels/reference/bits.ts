/** The twin of `fields` in assembly/bits.ts. */

/**
 * Fills `elements`, which are zeros, with fields of `width` bits in two's complement; where `gapBits` is not 0, each
 * follows codes of `gapBits` bits, as in codecs/sparse.ts. Returns the number of bytes begun, which exceeds the input
 * if it is truncated.
 */
export function readFields(
  bytes: Uint8Array,
  elements: Int8Array | Int32Array,
  width: number,
  gapBits: number,
): number {
  const { length } = elements;
  const escapeCode = (1 << gapBits) - 1;
  const unused = 32 - width;
  let next = 0;
  /** The `held` unread bits of the last byte, fewer than 8. */
  let pending = 0;
  let held = 0;
  let at = 0;
  while (at < length) {
    if (gapBits) {
      let code = pending;
      if (held < gapBits) {
        const byte = bytes[next++]!;
        code |= byte << held;
        pending = byte >>> (gapBits - held);
        held += 8 - gapBits;
      } else {
        pending >>>= gapBits;
        held -= gapBits;
      }
      code &= escapeCode;
      at += code;
      if (code === escapeCode) continue;
      if (at >= length) break;
    }
    let value = pending;
    if (held < width) {
      let byte = 0;
      for (; held < width; held += 8) {
        byte = bytes[next++]!;
        value |= byte << held;
      }
      held -= width;
      pending = byte >>> (8 - held);
    } else {
      pending >>>= width;
      held -= width;
    }
    elements[at++] = (value << unused) >> unused;
  }
  if (at > length) throw new RangeError("an element lies behind the end of its tensor");
  return next;
}
