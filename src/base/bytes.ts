/**
 * Bytes written and read: fixed-size little-endian numbers, varints, single bits, and the CRC-32 of a range.
 * A reader trusts nothing: each read is checked against the bytes that are there, and says where the file ended.
 */
import { integer, PenjingError } from "./errors.ts";
import { nodeModule } from "./source.ts";

/** Grows as it is written; `bytes()` is what has been written so far. */
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

  u16(value: number): void {
    const at = this.#claim(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#claim(4);
    this.#view.setUint32(at, value, true);
  }

  i32(value: number): void {
    const at = this.#claim(4);
    this.#view.setInt32(at, value, true);
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

  /** An integer in 0 .. 2^32 - 1 as LEB128: seven bits a byte, lowest first, the top bit says that more follow. */
  varint(value: number): void {
    let rest = integer("varint", value, 0, 2 ** 32 - 1);
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  /** A signed 32-bit integer, zigzag (0, -1, 1, -2 ... become 0, 1, 2, 3 ...) and then a varint. */
  signed(value: number): void {
    integer("signed varint", value, -(2 ** 31), 2 ** 31 - 1);
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** UTF-8 after its length in bytes. */
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

/** Where the bytes come from, for messages. */
export interface ByteOrigin {
  path?: string | undefined;
  /** The file offset of the first byte. */
  offset?: number;
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #path: string | undefined;
  readonly #base: number;
  #at = 0;

  constructor(bytes: Uint8Array, { path, offset = 0 }: ByteOrigin = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#path = path;
    this.#base = offset;
  }

  /** The offset in the file of the next byte. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1, "a byte")]!;
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2, "a 16-bit integer"), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4, "a 32-bit integer"), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4, "a 32-bit integer"), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4, "a float"), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8, "a double"), true);
  }

  /** The next `count` bytes, not copied. */
  raw(count: number, what = "bytes"): Uint8Array {
    const at = this.#take(count, what);
    return this.#bytes.subarray(at, at + count);
  }

  /** A reader of the next `count` bytes alone, which knows their place in the file. */
  part(count: number, what = "a section"): ByteReader {
    const offset = this.offset;
    return new ByteReader(this.raw(count, what), { path: this.#path, offset });
  }

  varint(): number {
    const offset = this.offset;
    let value = 0;
    let unit = 1;
    for (let i = 0; i < 5; i++) {
      const byte = this.#bytes[this.#take(1, "a varint")]!;
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
      if (byte < 0x80) {
        if (value >= 2 ** 32) break;
        return value;
      }
    }
    throw this.error("damaged", "a varint is longer than 32 bits", offset);
  }

  signed(): number {
    const zigzag = this.varint();
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  text(): string {
    const length = this.varint();
    const offset = this.offset;
    const bytes = this.raw(length, "a text");
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw this.error("damaged", "a text is not UTF-8", offset, cause);
    }
  }

  /** A PenjingError about this file: `message (path, byte offset)`. */
  error(code: string, message: string, offset = this.offset, cause?: unknown): PenjingError {
    const where = `${this.#path === undefined ? "" : `${this.#path}, `}byte ${offset}`;
    return new PenjingError(code, `${message} (${where})`, {
      offset,
      ...(this.#path !== undefined && { path: this.#path }),
      ...(cause !== undefined && { cause }),
    });
  }

  #take(count: number, what: string): number {
    const at = this.#at;
    if (count > this.#bytes.length - at)
      throw this.error("truncated", `the file ends inside ${what}: ${count} bytes expected, ${this.left} left`);
    this.#at += count;
    return at;
  }
}

/** Fields of 1 .. 32 bits one after the other, lowest bit first, across byte borders; the last byte is filled up with zeros. */
export class BitWriter {
  readonly #out = new ByteWriter();
  #pending = 0;
  #held = 0;

  bits(value: number, count: number): void {
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

/** Reads what a BitWriter wrote, byte by byte from `from`. */
export class BitReader {
  readonly #from: ByteReader;
  #pending = 0;
  #held = 0;

  constructor(from: ByteReader) {
    this.#from = from;
  }

  bits(count: number): number {
    let value = 0;
    for (let done = 0; done < count; ) {
      if (this.#held === 0) {
        this.#pending = this.#from.u8();
        this.#held = 8;
      }
      const taken = Math.min(this.#held, count - done);
      value |= (this.#pending & ((1 << taken) - 1)) << done;
      this.#pending >>>= taken;
      this.#held -= taken;
      done += taken;
    }
    return value >>> 0;
  }

  /** The bits that fill up the last byte: zero in a sound file. */
  get padding(): number {
    return this.#pending;
  }
}

/** CRC-32 as in gzip and PNG (polynomial 0xEDB88320, reflected): by Node where there is one, since ours is slow until it has run for a while. */
export function crc32(bytes: Uint8Array): number {
  const zlib = nodeModule("node:zlib");
  return zlib?.crc32 ? zlib.crc32(bytes) : crc32ByTable(bytes);
}

let table: Uint32Array | undefined;

/** The same, eight bits a step. */
export function crc32ByTable(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
    return remainder;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
