/**
 * Checksums, and numbers of any width from the bits of a file: assembly/bits.ts, compiled synchronously when it is
 * first needed, which browsers allow below 4 kB. In JavaScript both cost a new process 2 to 3 ms, as nothing is
 * optimized by then.
 */
import { bits } from "../../build/boot-binaries.ts";
import { bytesOf } from "./boot.ts";

interface Bits {
  readonly memory: WebAssembly.Memory;
  crc32(crc: number, x: number, bytes: number): number;
  begin(): void;
  fields(x: number, y: number, elements: number, bytes: number, width: number, gap: number): number;
  begun(): number;
  beyond(): number;
}

/** Memory below holds the tables of `crc32`. */
const X = 4096;
/** Elements, and bytes of a checksum, per call. */
const PART = 65536;
/** The address of the elements: behind the bits of a whole call, and the eight bytes that are read behind those. */
const Y = X + 5 * PART + 64;
const PAGES = Math.ceil((Y + 4 * PART) / 65536);

let made: Bits | undefined;

function instance(): Bits {
  if (made) return made;
  const memory = new WebAssembly.Memory({ initial: PAGES });
  const module = new WebAssembly.Module(bytesOf(bits));
  made = { memory, ...new WebAssembly.Instance(module, { env: { memory } }).exports } as Bits;
  return made;
}

/** CRC-32 as in gzip and PNG. */
export function crc32(bytes: Uint8Array): number {
  const { memory, crc32 } = instance();
  const room = new Uint8Array(memory.buffer, X);
  let crc = 0;
  for (let at = 0; at < bytes.length; at += PART) {
    const part = bytes.subarray(at, at + PART);
    room.set(part);
    crc = crc32(crc, X, part.length);
  }
  return crc >>> 0;
}

/**
 * Fills `elements` with fields of `width` bits of `bytes`, in two's complement; where `gapBits` is not 0, the number of
 * zeros before each element precedes it, in codes of `gapBits` bits. Returns the number of bytes begun, which exceeds
 * `bytes.length` if the input is truncated. Works part by part, so that a large tensor takes no memory but its own.
 * Throws a RangeError if an element would be behind the end.
 */
export function readFields(
  bytes: Uint8Array,
  elements: Int8Array | Int32Array,
  width: number,
  gapBits: number,
): number {
  const { memory, begin, fields, begun, beyond } = instance();
  const room = new Uint8Array(memory.buffer);
  const size = elements.BYTES_PER_ELEMENT;
  const from = size === 1 ? new Int8Array(memory.buffer, Y, PART) : new Int32Array(memory.buffer, Y, PART);
  begin();
  let next = 0;
  for (let at = 0; at < elements.length; at += PART) {
    const count = Math.min(PART, elements.length - at);
    const part = bytes.subarray(next, next + Math.ceil((count * (width + gapBits)) / 8) + 1);
    room.set(part, X);
    room.fill(0, X + part.length, Y);
    next += fields(X, Y, count, size, width, gapBits) - X;
    elements.set(from.subarray(0, count), at);
  }
  if (beyond()) throw new RangeError("an element lies behind the end of its tensor");
  return next + (begun() ? 1 : 0);
}
