/**
 * Reads bytes: fixed-size little-endian numbers, varints, text. The input is untrusted: each read is checked against
 * the end of the bytes, and an error names the offset at which they ended.
 */
import { PenjingError } from "./errors.ts";

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #path: string | undefined;
  /** The end of the range that this reader may read. */
  readonly #end: number;
  #at = 0;
  /** The offset of the last read, by this reader or by another of the same bytes. */
  readonly #last: { at: number };

  /** `path`: the origin of the bytes, for messages. */
  constructor(bytes: Uint8Array, path?: string, end = bytes.length, last = { at: 0 }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
    this.#end = end;
    this.#last = last;
  }

  /** The offset of the next byte. */
  get offset(): number {
    return this.#at;
  }

  /** The number of bytes not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** The bytes not read yet. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#at, this.#end);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** Reads `count` bytes without copying them. */
  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /**
   * Returns a reader of the next `count` bytes and skips them here; its offsets count from the first byte of the file.
   */
  part(count: number): ByteReader {
    const at = this.#take(count);
    const part = new ByteReader(this.#bytes, this.#path, at + count, this.#last);
    part.#at = at;
    return part;
  }

  /**
   * Reads an integer in 0 .. 2^32 - 1 as LEB128: seven bits per byte, lowest first; the top bit is set if more follow.
   */
  varint(): number {
    const began = this.#at;
    let value = 0;
    for (let unit = 1; unit < 2 ** 35; unit *= 128) {
      const byte = this.u8();
      value += (byte & 127) * unit;
      this.#last.at = began;
      if (byte < 128 && value < 2 ** 32) return value;
    }
    throw this.error("damaged", "a number is longer than 32 bits");
  }

  /** Reads a list of `length` elements by `read`. Default length: the varint in front of the list. */
  list<T>(read: (from: this) => T, length = this.varint()): T[] {
    // Each element takes at least one byte, so a length beyond the end is refused before anything is allocated.
    if (length > this.left) this.#take(length);
    return Array.from({ length }, () => read(this));
  }

  /** Reads `length` bytes of UTF-8. Default length: the varint in front of the text. */
  text(length = this.varint()): string {
    const bytes = this.raw(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw this.error("damaged", "a text is not UTF-8", undefined, cause);
    }
  }

  /** Makes a PenjingError about this file: `message (path, byte offset)`. Default offset: that of the last read. */
  error(code: string, message: string, offset = this.#last.at, cause?: unknown): PenjingError {
    const path = this.#path;
    const where = path === undefined ? "" : `${path}, `;
    return new PenjingError(code, `${message} (${where}byte ${offset})`, { offset, path, cause });
  }

  #take(count: number): number {
    const at = this.#at;
    this.#last.at = at;
    if (count > this.left)
      throw this.error("truncated", `the file ends too early: ${count} bytes expected, ${this.left} left`);
    this.#at += count;
    return at;
  }
}
