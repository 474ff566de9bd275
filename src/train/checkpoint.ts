/**
 * Where a training stands: everything that is needed to go on as if it had never stopped. As bytes, little-endian:
 *
 *     "PJCK" | version (u8) | step, epoch, batch (varints) | seed (f64) | learning rate (f64, NaN: not set)
 *     number of sums | name, f64 each | number of states | name, type (u8), elements (varint), bytes each | CRC-32 of all before it
 */
import { ByteWriter } from "../base/byte-writer.ts";
import { ByteReader } from "../base/bytes.ts";
import { BYTES, type DType, type TypedArray, view } from "../base/shape.ts";
import { crc32 } from "../kernels/boot.ts";

/** For `fit(..., { resume })`, and as bytes by `writeCheckpoint`. */
export interface Checkpoint {
  /** Steps the optimizer has made. */
  readonly step: number;
  /** Epochs done. */
  readonly epoch: number;
  /** Steps done of the epoch after them. */
  readonly batch: number;
  readonly seed: number;
  /** Sums of loss and metrics over the images of those steps. */
  readonly sums: Readonly<Record<string, number>>;
  /** Where a callback has set it. */
  readonly learningRate?: number;
  /** Weights, moving averages, masks and the optimizer's moments, in logical order. */
  readonly states: ReadonlyMap<string, TypedArray>;
}

const MAGIC = 0x4b434a50; // "PJCK"
const VERSION = 1;
/** Their places are the numbers written. */
const DTYPES: readonly DType[] = ["f32", "i8", "u8", "i32", "u32"];

const dtypeOf = (data: TypedArray): DType =>
  data instanceof Float32Array
    ? "f32"
    : data instanceof Int8Array
      ? "i8"
      : data instanceof Uint8Array
        ? "u8"
        : data instanceof Int32Array
          ? "i32"
          : "u32";

export function writeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.u32(MAGIC);
  out.u8(VERSION);
  out.varint(checkpoint.step);
  out.varint(checkpoint.epoch);
  out.varint(checkpoint.batch);
  out.f64(checkpoint.seed);
  out.f64(checkpoint.learningRate ?? NaN);
  const sums = Object.entries(checkpoint.sums);
  out.varint(sums.length);
  for (const [name, sum] of sums) {
    out.text(name);
    out.f64(sum);
  }
  out.varint(checkpoint.states.size);
  for (const [name, data] of checkpoint.states) {
    out.text(name);
    out.u8(DTYPES.indexOf(dtypeOf(data)));
    out.varint(data.length);
    out.raw(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  out.u32(crc32(out.bytes()));
  return out.bytes();
}

/** `path` is for messages. Throws a PenjingError with code "format", "version", "truncated" or "damaged" and the byte offset. */
export function readCheckpoint(bytes: Uint8Array, path?: string): Checkpoint {
  const end = Math.max(0, bytes.length - 4);
  const summed = bytes.subarray(0, end);
  const from = new ByteReader(summed, path);
  if (from.u32() !== MAGIC) throw from.error("format", "this is no checkpoint of a training");
  const version = from.u8();
  if (version !== VERSION) throw from.error("version", `checkpoints of version ${version} cannot be read`);
  if (new ByteReader(bytes.subarray(end)).u32() !== crc32(summed))
    throw from.error("damaged", "the checksum does not fit", end);

  const step = from.varint();
  const epoch = from.varint();
  const batch = from.varint();
  const seed = from.f64();
  const learningRate = from.f64();
  const sums: Record<string, number> = {};
  for (let left = from.varint(); left > 0; left--) {
    const name = from.text();
    sums[name] = from.f64();
  }
  const states = new Map<string, TypedArray>();
  for (let left = from.varint(); left > 0; left--) {
    const name = from.text();
    const dtype = DTYPES[from.u8()];
    if (!dtype) throw from.error("damaged", `"${name}" has an unknown type`);
    const length = from.varint();
    const copy = Uint8Array.from(from.raw(length * BYTES[dtype]));
    states.set(name, view(dtype, copy.buffer, 0, length));
  }
  return { step, epoch, batch, seed, sums, ...(!Number.isNaN(learningRate) && { learningRate }), states };
}
