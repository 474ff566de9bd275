/**
 * IDX, the format of MNIST (Y. LeCun, "The MNIST database", section "File formats"), raw or gzipped:
 *
 *     0 0 type rank | size of each axis, 32-bit big-endian | elements, big-endian, last axis fastest
 *
 * Types: 8 unsigned byte, 9 signed byte, B short, C int, D float, E double. Shorts become int32, doubles float32.
 */
import { ByteReader } from "../base/bytes.ts";
import { knownOptions, number, PenjingError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { readSource, type Source } from "../base/source.ts";

/** The contents of an IDX file. */
export interface Idx {
  shape: Shape;
  data: Uint8Array | Int8Array | Int32Array | Float32Array;
}

export interface IdxOptions {
  signal?: AbortSignal | undefined;
  /**
   * Maximum size after decompression, in bytes. Default 2^29 = 512 MB, since 200 kB of gzip may hold 200 MB; Infinity:
   * no limit.
   */
  maxBytes?: number | undefined;
}

/**
 * Reads an IDX file, raw or gzipped; a gzipped one is inflated no further than its own header says. Errors: `missing`,
 * `unreadable`, `gzip`, `magic`, `truncated`, `size-mismatch`, `budget`, each with `path`.
 */
export async function readIdx(source: Source, options: IdxOptions = {}): Promise<Idx> {
  knownOptions("readIdx", options, ["signal", "maxBytes"]);
  const { signal, maxBytes = 2 ** 29 } = options;
  if (maxBytes !== Infinity) number("maxBytes", maxBytes, { above: 0 });
  const { bytes, path } = await readSource(source, signal);
  return parseIdx(isGzip(bytes) ? await gunzip(bytes, path, maxBytes, signal) : bytes, path);
}

/** Parses the bytes of a raw IDX file. Unsigned bytes are not copied: `data` is a view of them. */
export function parseIdx(bytes: Uint8Array, path?: string): Idx {
  const reader = new ByteReader(bytes, path);
  const { type, shape, expected } = readHeader(reader);
  if (reader.left < expected)
    throw reader.error(
      "truncated",
      `the file ends inside the elements of ${showShape(shape)}: ${expected} bytes expected, ${reader.left} left`,
      reader.offset,
    );
  if (reader.left > expected)
    throw reader.error(
      "size-mismatch",
      `${reader.left - expected} bytes too many after the elements of ${showShape(shape)}`,
      reader.offset + expected,
    );
  return { shape, data: type.read(reader.raw(expected)) };
}

interface Header {
  type: ElementType;
  shape: Shape;
  /** Bytes of the elements. */
  expected: number;
}

function readHeader(reader: ByteReader): Header {
  const magic = reader.raw(4);
  const type = TYPES[magic[2]!];
  const rank = magic[3]!;
  if (magic[0] !== 0 || magic[1] !== 0 || !type || rank === 0)
    throw reader.error(
      "magic",
      `not an IDX file: it starts with ${hex(magic)}, expected 00 00 <type 08 - 0e> <rank>`,
      0,
    );
  const shape = Array.from({ length: rank }, () => swap(reader.u32()));
  const expected = shape.reduce((product, n) => product * n, type.bytes);
  // with a size of 0 among others that are impossible the product depends on the order, and may be Infinity * 0
  const largest = shape.reduce((product, n) => product * (n || 1), type.bytes);
  if (shape.includes(0) && largest > Number.MAX_SAFE_INTEGER)
    throw reader.error(
      "size-mismatch",
      "the sizes are those of no file: one is 0, the others are beyond all bounds",
      4,
    );
  return { type, shape, expected };
}

interface ElementType {
  bytes: number;
  read(bytes: Uint8Array): Idx["data"];
}

const bigEndian = <A extends Int32Array | Float32Array>(
  array: new (length: number) => A,
  size: number,
  get: (view: DataView, at: number) => number,
): ElementType => ({
  bytes: size,
  read(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const data = new array(bytes.length / size);
    for (let i = 0; i < data.length; i++) data[i] = get(view, i * size);
    return data;
  },
});

const TYPES: Record<number, ElementType> = {
  8: { bytes: 1, read: bytes => bytes },
  9: { bytes: 1, read: bytes => new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) },
  11: bigEndian(Int32Array, 2, (view, at) => view.getInt16(at)),
  12: bigEndian(Int32Array, 4, (view, at) => view.getInt32(at)),
  13: bigEndian(Float32Array, 4, (view, at) => view.getFloat32(at)),
  14: bigEndian(Float32Array, 8, (view, at) => view.getFloat64(at)),
};

const swap = (word: number): number =>
  ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

const hex = (bytes: Uint8Array): string => [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join(" ");

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** A header: four bytes, then four for each of at most 255 axes. */
const HEADER = 4 + 4 * 255;

/** Maximum expansion of deflate: two bits encode a run of 258 equal bytes. */
const MOST_PER_BYTE = 1032;

/**
 * Inflates a gzipped IDX file, no further than its own header says, into memory of that size. Node and every browser
 * have DecompressionStream.
 */
async function gunzip(
  bytes: Uint8Array<ArrayBuffer>,
  path: string | undefined,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const failure = (code: string, what: string, cause?: unknown): PenjingError =>
    new PenjingError(code, path === undefined ? what : `${what} (${path})`, { path, cause });
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    let whole = Infinity;
    let room = new Uint8Array(HEADER);
    let length = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { value } = await inflated.read().catch(cause => {
        throw failure("gzip", "the gzip data is damaged or incomplete", cause);
      });
      const needed = length + (value?.length ?? 0);
      if (value && needed <= room.length) room.set(value, length);
      else if (value) room = joined(room.subarray(0, length), value);
      length = needed;
      if (whole === Infinity && (length >= HEADER || !value)) {
        const header = new ByteReader(room.subarray(0, length), path);
        const { shape, expected } = readHeader(header);
        whole = header.offset + expected;
        if (whole > maxBytes)
          throw failure("budget", `${showShape(shape)} elements are ${whole} bytes, "maxBytes" allows ${maxBytes}`);
        const all = new Uint8Array(Math.max(length, Math.min(whole, MOST_PER_BYTE * bytes.length)));
        all.set(room.subarray(0, length));
        room = all;
      }
      if (length > whole) throw failure("size-mismatch", "there are bytes after the elements that the header tells");
      if (!value) return room.subarray(0, length);
    }
  } finally {
    await inflated.cancel().catch(() => {});
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
