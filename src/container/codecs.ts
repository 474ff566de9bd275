/**
 * How a tensor's elements become bytes. The writer tries every codec and takes the smallest; the reader checks every size
 * against the bytes that are there before it allocates: no byte stands for more than 255 elements (docs/container.md has the bounds).
 *
 *     raw     the elements, little-endian
 *     sparse  k | width (integers only) | gaps, k bits each | values
 *     packed  width | every element, width bits each (integers only)
 */
import { BitReader, BitWriter, type ByteReader, ByteWriter } from "../base/bytes.ts";
import { allocate, BYTES, type DType, type TypedArray } from "../base/shape.ts";

export const TENSOR_CODECS = ["raw", "sparse", "packed"] as const;
export type TensorCodec = (typeof TENSOR_CODECS)[number];

export interface Encoded {
  codec: TensorCodec;
  bytes: Uint8Array;
}

/** The smallest encoding of a tensor. */
export function encode(data: TypedArray, dtype: DType): Encoded {
  const raw: Encoded = { codec: "raw", bytes: bytesOf(data).slice() };
  const others: Encoded[] = [{ codec: "sparse", bytes: encodeSparse(data, dtype) }];
  if (dtype !== "f32") others.push({ codec: "packed", bytes: encodePacked(data, dtype) });
  return others.reduce((best, next) => (next.bytes.length < best.bytes.length ? next : best), raw);
}

/** `length` elements from where the reader stands. */
export function decode(codec: TensorCodec, dtype: DType, length: number, from: ByteReader): TypedArray {
  switch (codec) {
    case "raw":
      return decodeRaw(dtype, length, from);
    case "sparse":
      return decodeSparse(dtype, length, from);
    case "packed":
      return decodePacked(dtype, length, from);
  }
}

// ---------------------------------------------------------------- raw

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function decodeRaw(dtype: DType, length: number, from: ByteReader): TypedArray {
  const bytes = from.raw(length * BYTES[dtype], `a tensor of ${length} ${dtype}`);
  const data = allocate(dtype, length);
  bytesOf(data).set(bytes);
  return data;
}

// ---------------------------------------------------------------- sparse

/** Gaps of up to 8 bits: long ones pay for themselves by escapes, and a byte can never unpack to more than 255 elements. */
const MAX_GAP_BITS = 8;

/**
 * Each non-zero element is the number of zeros before it, in codes of k bits. The greatest code, E = 2^k - 1, is an escape:
 * E zeros and no element. Zeros after the last element are one more gap, as if an element stood behind the end; codes stop where the tensor is full.
 *
 *     0 0 5 0 0 0 0 7 0     k = 2, E = 3: gaps 2, 4, 1     codes 2 | 3 1 | 1     values 5 7
 */
function encodeSparse(data: TypedArray, dtype: DType): Uint8Array {
  const gaps: number[] = [];
  const values: number[] = [];
  let zeros = 0;
  for (const value of data) {
    // -0 is kept: a float tensor comes back bit for bit.
    if (Object.is(value, 0)) zeros++;
    else {
      gaps.push(zeros);
      values.push(value);
      zeros = 0;
    }
  }
  if (zeros > 0) gaps.push(zeros);
  const k = bestGapBits(gaps, zeros > 0);
  const to = new ByteWriter();
  to.u8(k);
  if (dtype !== "f32") to.u8(widthOf(values, dtype));
  const escapeCode = (1 << k) - 1;
  const codes = new BitWriter();
  gaps.forEach((gap, i) => {
    for (let e = 0; e < Math.floor(gap / escapeCode); e++) codes.bits(escapeCode, k);
    // A tensor that escapes have filled to its end needs no further code.
    if (gap % escapeCode !== 0 || i < values.length) codes.bits(gap % escapeCode, k);
  });
  to.raw(codes.bytes());
  to.raw(dtype === "f32" ? bytesOf(Float32Array.from(values)) : fields(values, widthOf(values, dtype)));
  return to.bytes();
}

/** The k that makes all codes together shortest, by counting. */
function bestGapBits(gaps: readonly number[], trailing: boolean): number {
  let best = 1;
  let least = Infinity;
  for (let k = 1; k <= MAX_GAP_BITS; k++) {
    const escapeCode = (1 << k) - 1;
    let codes = gaps.length;
    for (const gap of gaps) codes += Math.floor(gap / escapeCode);
    if (trailing && gaps.at(-1)! % escapeCode === 0) codes--;
    if (codes * k < least) {
      least = codes * k;
      best = k;
    }
  }
  return best;
}

function decodeSparse(dtype: DType, length: number, from: ByteReader): TypedArray {
  const start = from.offset;
  const k = from.u8();
  if (k < 1 || k > MAX_GAP_BITS) throw from.error("damaged", `gaps of ${k} bits, expected 1..${MAX_GAP_BITS}`, start);
  const width = dtype === "f32" ? 0 : readWidth(dtype, from);
  const escapeCode = (1 << k) - 1;
  if (length > Math.floor((from.left * 8) / k) * escapeCode)
    throw from.error("truncated", `the file ends inside the positions of a sparse tensor of ${length} ${dtype}`);

  const positions: number[] = [];
  const codes = new BitReader(from);
  for (let at = 0; at < length; ) {
    const code = codes.bits(k);
    at += code;
    if (at > length) throw from.error("damaged", `a position lies behind the end of a tensor of ${length} ${dtype}`);
    if (code !== escapeCode && at < length) positions.push(at++);
    else if (code !== escapeCode) break;
  }
  if (codes.padding !== 0) throw from.error("damaged", "the bits after the last position are not zero");

  const what = `the values of a sparse tensor of ${length} ${dtype}`;
  const values =
    dtype === "f32"
      ? decodeRaw("f32", positions.length, from)
      : unpack(dtype, width, positions.length, from.part(fieldBytes(positions.length, width), what));
  const data = allocate(dtype, length);
  positions.forEach((at, i) => {
    data[at] = values[i]!;
  });
  return data;
}

// ---------------------------------------------------------------- packed

const encodePacked = (data: TypedArray, dtype: DType): Uint8Array => {
  const width = widthOf(data, dtype);
  const packed = fields(data, width);
  const to = new ByteWriter();
  to.u8(width);
  to.raw(packed);
  return to.bytes();
};

function decodePacked(dtype: DType, length: number, from: ByteReader): TypedArray {
  if (dtype === "f32") throw from.error("damaged", "a packed tensor holds integers, this one says f32");
  const width = readWidth(dtype, from);
  return unpack(dtype, width, length, from.part(fieldBytes(length, width), `a packed tensor of ${length} ${dtype}`));
}

const isSigned = (dtype: DType): boolean => dtype === "i8" || dtype === "i32";

/** The bits that hold every value: two's complement for signed types. */
function widthOf(values: ArrayLike<number>, dtype: DType): number {
  let seen = 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    // Of a negative number the bits below its sign: -1 has none.
    seen |= v < 0 ? ~v : v;
  }
  return Math.max(1, 32 - Math.clz32(seen) + (isSigned(dtype) ? 1 : 0));
}

function readWidth(dtype: DType, from: ByteReader): number {
  const offset = from.offset;
  const width = from.u8();
  const most = 8 * BYTES[dtype];
  if (width < 1 || width > most)
    throw from.error("damaged", `elements of ${width} bits in a tensor of ${dtype}, expected 1..${most}`, offset);
  return width;
}

const fieldBytes = (count: number, width: number): number => Math.ceil((count * width) / 8);

function fields(values: ArrayLike<number>, width: number): Uint8Array {
  const writer = new BitWriter();
  for (let i = 0; i < values.length; i++) writer.bits(values[i]!, width);
  return writer.bytes();
}

function unpack(dtype: DType, width: number, count: number, from: ByteReader): TypedArray {
  const data = allocate(dtype, count);
  const reader = new BitReader(from);
  const unused = 32 - width;
  for (let i = 0; i < count; i++) {
    const field = reader.bits(width);
    data[i] = isSigned(dtype) ? (field << unused) >> unused : field;
  }
  if (reader.padding !== 0) throw from.error("damaged", "the bits after the last element are not zero");
  return data;
}
