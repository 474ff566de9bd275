/**
 * Checkpoints: the full state of a training, from which it continues as if it had never stopped. As bytes,
 * little-endian:
 *
 *     "PJCK" | version (u8) | step, epoch, batch, from version 2 on batch size, 0: unknown (varints) | seed (f64)
 *     learning rate (f64, NaN: not set) | number of sums | name, f64 each
 *     number of states | name, type (u8), elements (varint), bytes each | CRC-32 of all before it
 *
 * As JSON: `{ "checkpoint": "<these bytes in base64>" }`, since JSON has no typed arrays and would not preserve every
 * float.
 */
import { ByteWriter } from "../base/byte-writer.ts";
import { ByteReader } from "../base/bytes.ts";
import { wrongType } from "../base/errors.ts";
import { BYTES, type DType, type TypedArray, view } from "../base/shape.ts";
import { readSource, type Source } from "../base/source.ts";
import { crc32 } from "../kernels/bits.ts";

/** A checkpoint that went through `JSON.stringify` and `JSON.parse`. */
export interface CheckpointJson {
  /** The bytes of `writeCheckpoint` in base64. */
  readonly checkpoint: string;
}

/** The state of a training, for `fit(..., { resume })`; as bytes by `writeCheckpoint`, and as JSON. */
export interface Checkpoint {
  /** Steps the optimizer has made. */
  readonly step: number;
  /** Epochs done. */
  readonly epoch: number;
  /** Steps done in the current epoch. */
  readonly batch: number;
  /** Rows per step. Checkpoints of early versions lack it. */
  readonly batchSize?: number;
  readonly seed: number;
  /** Sums of loss and metrics over the images of those steps. */
  readonly sums: Readonly<Record<string, number>>;
  /** Set if a callback has set it. */
  readonly learningRate?: number;
  /** Weights, moving averages, masks and the optimizer's moments, in logical order. */
  readonly states: ReadonlyMap<string, TypedArray>;
  /** For `JSON.stringify`; `structuredClone` drops it. */
  toJSON?(): CheckpointJson;
}

/** A checkpoint with `toJSON` on the prototype: structured clone fails for objects with functions as own properties. */
class Standing implements Checkpoint {
  declare readonly step: number;
  declare readonly epoch: number;
  declare readonly batch: number;
  declare readonly batchSize?: number;
  declare readonly seed: number;
  declare readonly sums: Readonly<Record<string, number>>;
  declare readonly learningRate?: number;
  declare readonly states: ReadonlyMap<string, TypedArray>;

  constructor(parts: Checkpoint) {
    Object.assign(this, parts);
  }

  toJSON(): CheckpointJson {
    return { checkpoint: base64(writeCheckpoint(this)) };
  }
}

export const checkpointOf = (parts: Checkpoint): Checkpoint => new Standing(parts);

/**
 * Resolves `resume`: a checkpoint, its JSON, or a source of its bytes. Throws a TypeError if its states were lost;
 * errors of files are those of `readSource` and `readCheckpoint`.
 */
export async function resumedFrom(resume: Checkpoint | CheckpointJson | Source): Promise<Checkpoint> {
  const expected = "a checkpoint: that of a model or history, its JSON, or a file of saveCheckpoint";
  if (isSource(resume)) {
    const { bytes, path } = await readSource(resume);
    return readCheckpoint(bytes, path);
  }
  if (resume === null || typeof resume !== "object") throw wrongType("resume", expected, resume);
  if ("checkpoint" in resume && typeof resume.checkpoint === "string")
    return readCheckpoint(unbase64(resume.checkpoint));
  if (!("states" in resume)) throw wrongType("resume", expected, resume);
  if (!(resume.states instanceof Map))
    throw wrongType("resume.states", "a Map of typed arrays, which JSON loses", resume.states);
  return resume;
}

function isSource(resume: Checkpoint | CheckpointJson | Source): resume is Source {
  if (typeof resume === "string" || resume instanceof URL || ArrayBuffer.isView(resume)) return true;
  return resume !== null && typeof resume === "object" && ("byteLength" in resume || "arrayBuffer" in resume);
}

/** Characters per call: engines limit the number of arguments. */
const CHUNK = 8192;

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

function unbase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), c => c.charCodeAt(0));
  } catch {
    throw wrongType("resume.checkpoint", "the base64 of a checkpoint", text);
  }
}

const MAGIC = 0x4b434a50; // "PJCK"
const VERSION = 2;
/** Numbers in the file are indices into this list. */
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
  out.varint(checkpoint.batchSize ?? 0);
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

/**
 * Parses a checkpoint. `path` is for messages. Throws a PenjingError with code "format", "version", "truncated" or
 * "damaged" and the byte offset.
 */
export function readCheckpoint(bytes: Uint8Array, path?: string): Checkpoint {
  const end = Math.max(0, bytes.length - 4);
  const summed = bytes.subarray(0, end);
  const from = new ByteReader(summed, path);
  if (from.u32() !== MAGIC)
    throw from.error("format", "this is no checkpoint of a training, as saveCheckpoint writes them");
  const version = from.u8();
  if (version !== VERSION && version !== 1)
    throw from.error("version", `checkpoints of version ${version} cannot be read`);
  if (new ByteReader(bytes.subarray(end)).u32() !== crc32(summed))
    throw from.error("damaged", "the checksum does not fit", end);

  const step = from.varint();
  const epoch = from.varint();
  const batch = from.varint();
  const batchSize = version > 1 ? from.varint() : 0;
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
  return checkpointOf({
    step,
    epoch,
    batch,
    ...(batchSize > 0 && { batchSize }),
    seed,
    sums,
    ...(!Number.isNaN(learningRate) && { learningRate }),
    states,
  });
}
