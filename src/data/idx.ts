/**
 * IDX, the format of MNIST (Y. LeCun, "The MNIST database", section "File formats"), raw or gzipped:
 *
 *     0 0 type rank | size of each axis, 32-bit big-endian | elements, big-endian, last axis fastest
 *
 * Types: 8 unsigned byte, 9 signed byte, B short, C int, D float, E double. Shorts become int32, doubles float32.
 */
import { ByteReader } from "../base/bytes.ts";
import { PenjingError } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import { readSource, type Source } from "../base/source.ts";

/** What an IDX file holds. */
export interface Idx {
  shape: Shape;
  data: Uint8Array | Int8Array | Int32Array | Float32Array;
}

/** Reads an IDX file, raw or gzipped. Errors: `missing`, `unreadable`, `gzip`, `magic`, `truncated`, `size-mismatch`, each with `path`. */
export async function readIdx(source: Source, signal?: AbortSignal): Promise<Idx> {
  const { bytes, path } = await readSource(source, signal);
  return parseIdx(isGzip(bytes) ? await gunzip(bytes, path) : bytes, path);
}

/** The tensor in the bytes of a raw IDX file. Unsigned bytes are not copied: `data` is a view of them. */
export function parseIdx(bytes: Uint8Array, path?: string): Idx {
  const reader = new ByteReader(bytes, path);
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

/** Node and every browser have DecompressionStream. */
async function gunzip(bytes: Uint8Array<ArrayBuffer>, path: string | undefined): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    const message = `the gzip data is damaged or incomplete${path === undefined ? "" : ` (${path})`}`;
    throw new PenjingError("gzip", message, { cause, ...(path !== undefined && { path }) });
  }
}
