/**
 * Bytes read: fixed-size little-endian numbers, varints, text.
 * A reader trusts nothing: each read is checked against the bytes that are there, and says where the file ended.
 */
import { PenjingError } from "./errors.ts";

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #path: string | undefined;
  /** Where the part ends that this reader may read. */
  readonly #end: number;
  #at = 0;
  /** The offset of what was read last, by this reader or by another of the same bytes. */
  readonly #last: { at: number };

  /** `path`: where the bytes come from, for messages. */
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

  /** Bytes not read yet. */
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

  /** The next `count` bytes, not copied. */
  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A reader of the next `count` bytes, which this one skips; its offsets count from the first byte of the file. */
  part(count: number): ByteReader {
    const at = this.#take(count);
    const part = new ByteReader(this.#bytes, this.#path, at + count, this.#last);
    part.#at = at;
    return part;
  }

  /** An integer in 0 .. 2^32 - 1 as LEB128: seven bits a byte, lowest first, the top bit says that more follow. */
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

  /** So many of what `read` reads, or as many as a varint before them says. */
  list<T>(read: (from: this) => T, length = this.varint()): T[] {
    // Each takes a byte at least: a length that no file can hold is refused before anything is made.
    if (length > this.left) this.#take(length);
    return Array.from({ length }, () => read(this));
  }

  /** UTF-8 of so many bytes, or of as many as a varint before it says. */
  text(length = this.varint()): string {
    const bytes = this.raw(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw this.error("damaged", "a text is not UTF-8", undefined, cause);
    }
  }

  /** A PenjingError about this file: `message (path, byte offset)`. Without an offset it is about what was read last. */
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
