/** Bit fields of 1 .. 32 bits: packed without gaps, lowest bit first, into bytes from their lowest bit. */
import { ByteWriter } from "../../base/byte-writer.ts";
import type { ByteReader } from "../../base/bytes.ts";
import type { Elements } from "./codec.ts";

export class BitWriter {
  readonly #out = new ByteWriter();
  #pending = 0;
  #held = 0;

  write(value: number, count: number): void {
    let rest = value >>> 0;
    let left = count;
    while (left > 0) {
      const room = Math.min(8 - this.#held, left);
      this.#pending |= (rest & ((1 << room) - 1)) << this.#held;
      rest >>>= room;
      this.#held += room;
      left -= room;
      if (this.#held === 8) this.#flush();
    }
  }

  /** All that was written; the last byte is padded with zeros. */
  bytes(): Uint8Array {
    if (this.#held > 0) this.#flush();
    return this.#out.bytes();
  }

  #flush(): void {
    this.#out.u8(this.#pending);
    this.#pending = 0;
    this.#held = 0;
  }
}

/** The bits needed for every element in two's complement. */
export function widthOf(elements: Elements): number {
  let seen = 0;
  // a negative number has the same significant bits as its complement: -1 has none
  for (const v of elements) seen |= v < 0 ? ~v : v;
  return 33 - Math.clz32(seen);
}

/** Reads the byte w, the number of bits per element, for a type of `bytes` bytes. */
export function readWidth(from: ByteReader, bytes: number): number {
  const width = from.u8();
  if (width < 1 || width > 8 * bytes) throw from.error("damaged", `elements of ${width} bits in ${8 * bytes}`);
  return width;
}
