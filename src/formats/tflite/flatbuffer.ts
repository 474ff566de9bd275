/**
 * Reads tables of a FlatBuffer through the `flatbuffers` runtime. The runtime checks nothing, and a model file is
 * untrusted: every offset and every length is checked here against the file's size before it is used.
 */
import { ByteBuffer } from "flatbuffers";
import { PenjingError } from "../../base/errors.ts";

/**
 * Maximum list entries read per byte of the file: many offsets may lead to one list, and a small file could cause
 * unbounded work.
 */
const ENTRIES_PER_BYTE = 8;

export class FlatBuffer {
  readonly bytes: Uint8Array;
  readonly #buffer: ByteBuffer;
  readonly #path: string | undefined;
  #allowance: number;

  constructor(bytes: Uint8Array, path?: string) {
    this.bytes = bytes;
    this.#buffer = new ByteBuffer(bytes);
    this.#path = path;
    this.#allowance = 4096 + bytes.length * ENTRIES_PER_BYTE;
  }

  error(code: string, message: string, offset: number, cause?: unknown): PenjingError {
    return new PenjingError(code, message, {
      offset,
      ...(this.#path !== undefined && { path: this.#path }),
      ...(cause !== undefined && { cause }),
    });
  }

  /** Returns the root table. */
  root(identifier: string): Table {
    this.check(0, 8, "the header");
    if (!this.#buffer.__has_identifier(identifier)) throw this.error("magic", `not a file of kind ${identifier}`, 4);
    return new Table(this, this.follow(0, "the root table"));
  }

  /** Throws unless there are `length` bytes at `at`. */
  check(at: number, length: number, what: string): void {
    if (!(at >= 0 && length >= 0 && at + length <= this.bytes.length))
      throw this.error("truncated", `the file has ${this.bytes.length} bytes, ${what} would end at ${at + length}`, at);
  }

  /** Counts entries that are read, up to the limit. */
  spend(entries: number, at: number): void {
    this.#allowance -= entries;
    if (this.#allowance < 0) throw this.error("damaged", "the lists of the file overlap without end", at);
  }

  /** Follows the offset at `at`. */
  follow(at: number, what: string): number {
    this.check(at, 4, what);
    const to = at + this.#buffer.readUint32(at);
    this.check(to, 4, what);
    return to;
  }

  u8 = (at: number): number => this.#buffer.readUint8(at);
  i8 = (at: number): number => this.#buffer.readInt8(at);
  u16 = (at: number): number => this.#buffer.readUint16(at);
  i32 = (at: number): number => this.#buffer.readInt32(at);
  u32 = (at: number): number => this.#buffer.readUint32(at);
  f32 = (at: number): number => this.#buffer.readFloat32(at);
  /** Only integers that float64 represents exactly occur in valid files. */
  i64 = (at: number): number => Number(this.#buffer.readInt64(at));
  u64 = (at: number): number => Number(this.#buffer.readUint64(at));
}

/** One table; fields are identified by their number in the schema. */
export class Table {
  readonly #file: FlatBuffer;
  /** Its byte offset in the file. */
  readonly at: number;
  readonly #vtable: number;
  readonly #slots: number;

  constructor(file: FlatBuffer, at: number) {
    this.#file = file;
    this.at = at;
    file.check(at, 4, "a table");
    this.#vtable = at - file.i32(at);
    file.check(this.#vtable, 4, "a table of fields");
    const bytes = file.u16(this.#vtable);
    file.check(this.#vtable, bytes, "a table of fields");
    this.#slots = Math.max(0, (bytes - 4) >> 1);
  }

  error(code: string, message: string, cause?: unknown): PenjingError {
    return this.#file.error(code, message, this.at, cause);
  }

  /** The offset of field `n`, 0 if it is absent. */
  #place(n: number, bytes: number): number {
    if (n >= this.#slots) return 0;
    const offset = this.#file.u16(this.#vtable + 4 + 2 * n);
    if (offset === 0) return 0;
    this.#file.check(this.at + offset, bytes, `field ${n} of a table`);
    return this.at + offset;
  }

  #number(n: number, bytes: number, read: (at: number) => number, usual: number): number {
    const at = this.#place(n, bytes);
    return at ? read(at) : usual;
  }

  i8 = (n: number, usual = 0): number => this.#number(n, 1, this.#file.i8, usual);
  u8 = (n: number, usual = 0): number => this.#number(n, 1, this.#file.u8, usual);
  i32 = (n: number, usual = 0): number => this.#number(n, 4, this.#file.i32, usual);
  u32 = (n: number, usual = 0): number => this.#number(n, 4, this.#file.u32, usual);
  f32 = (n: number, usual = 0): number => this.#number(n, 4, this.#file.f32, usual);
  /** Exact up to 2^53, which exceeds any file size. */
  u64 = (n: number): number => this.#number(n, 8, this.#file.u64, 0);
  flag = (n: number): boolean => this.u8(n) !== 0;

  has(n: number): boolean {
    return this.#place(n, 1) !== 0;
  }

  table(n: number): Table | undefined {
    const at = this.#place(n, 4);
    return at ? new Table(this.#file, this.#file.follow(at, `field ${n} of a table`)) : undefined;
  }

  /** The first entry of a list and the number of entries. */
  #list(n: number, entry: number): { first: number; length: number } | undefined {
    const at = this.#place(n, 4);
    if (!at) return undefined;
    const list = this.#file.follow(at, `field ${n} of a table`);
    const length = this.#file.u32(list);
    this.#file.check(list + 4, length * entry, `a list of ${length}`);
    return { first: list + 4, length };
  }

  #numbers(n: number, entry: number, read: (at: number) => number): number[] {
    const list = this.#list(n, entry);
    if (!list) return [];
    this.#file.spend(list.length, list.first);
    return Array.from({ length: list.length }, (_, i) => read(list.first + i * entry));
  }

  i32s = (n: number): number[] => this.#numbers(n, 4, this.#file.i32);
  u16s = (n: number): number[] => this.#numbers(n, 2, this.#file.u16);
  i64s = (n: number): number[] => this.#numbers(n, 8, this.#file.i64);
  f32s = (n: number): number[] => this.#numbers(n, 4, this.#file.f32);

  /** Bytes of the file itself, not a copy. */
  bytes(n: number): Uint8Array {
    const list = this.#list(n, 1);
    return list ? this.#file.bytes.subarray(list.first, list.first + list.length) : new Uint8Array(0);
  }

  /** Bytes anywhere in the file. */
  outside(from: number, length: number): Uint8Array {
    this.#file.check(from, length, "contents behind the FlatBuffer");
    return this.#file.bytes.subarray(from, from + length);
  }

  text(n: number): string {
    const bytes = this.bytes(n);
    this.#file.spend(bytes.length, this.at);
    return new TextDecoder().decode(bytes);
  }

  tables(n: number): Table[] {
    const list = this.#list(n, 4);
    if (!list) return [];
    this.#file.spend(list.length, list.first);
    return Array.from(
      { length: list.length },
      (_, i) => new Table(this.#file, this.#file.follow(list.first + 4 * i, "an entry of a list")),
    );
  }
}
