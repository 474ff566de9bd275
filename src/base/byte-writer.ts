/** Writes the encodings that bytes.ts reads. */
import { integer } from "./errors.ts";

/** A growing byte buffer; `bytes()` copies what has been written so far. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A copy of what has been written. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#claim(1);
    this.#bytes[at] = value;
  }

  u32(value: number): void {
    const at = this.#claim(4);
    this.#view.setUint32(at, value, true);
  }

  f32(value: number): void {
    const at = this.#claim(4);
    this.#view.setFloat32(at, value, true);
  }

  f64(value: number): void {
    const at = this.#claim(8);
    this.#view.setFloat64(at, value, true);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#claim(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /**
   * Writes an integer in 0 .. 2^32 - 1 as LEB128: seven bits per byte, lowest first; the top bit is set if more follow.
   */
  varint(value: number): void {
    let rest = integer("varint", value, 0, 2 ** 32 - 1);
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  /** Writes a signed 32-bit integer in zigzag form (0, -1, 1, -2 ... become 0, 1, 2, 3 ...) as a varint. */
  signed(value: number): void {
    integer("signed varint", value, -(2 ** 31), 2 ** 31 - 1);
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** Writes UTF-8, preceded by its length in bytes. */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  #claim(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
