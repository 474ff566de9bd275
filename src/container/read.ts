/**
 * Reads a `.penjing` file into a graph. The file is untrusted: every size is checked against the remaining bytes and
 * the budget before anything is allocated, every number before it is used, and any fault is one PenjingError with the
 * offset at which it was found.
 */
import { Budget, type BudgetOptions } from "../base/budget.ts";
import { ByteReader } from "../base/bytes.ts";
import { PenjingError } from "../base/errors.ts";
import { readSource, type Source } from "../base/source.ts";
import type { Graph } from "../graph/graph.ts";
import { crc32 } from "../kernels/bits.ts";
import { describe } from "./description.ts";
import type { Extras } from "./extras.ts";
import { butForeign } from "./foreign.ts";
import { MAGIC, VERSION } from "./format.ts";
import { readGraph } from "./graph-reader.ts";
import { STORED } from "./op-numbers.ts";
import type { OpNumbers } from "./stored.ts";
import { readVersion1 } from "./version-1.ts";

export interface Contents extends Extras {
  graph: Graph;
  /** The file's `layouts`, not checked: only training and showing weights need them (`src/model/layouts.ts`). */
  layouts?: unknown;
}

export interface ReadOptions extends BudgetOptions {
  /** The file's name, for messages. */
  path?: string | undefined;
  ops?: OpNumbers;
  /** Replaces `maxBytes` and `maxMacs` if the caller counts more than the file. */
  budget?: Budget;
}

export interface ReadFromOptions extends BudgetOptions {
  /** Aborts the download. */
  signal?: AbortSignal;
  budget?: Budget;
}

/**
 * Reads a file from a path, URL, File, Blob, Buffer, ArrayBuffer or typed array. Errors: as `read`, and `missing`,
 * `unreadable`.
 */
export async function readFrom(source: Source, { signal, ...limits }: ReadFromOptions = {}): Promise<Contents> {
  const budget = limits.budget ?? new Budget(limits);
  const { bytes, path } = await readSource(source, signal);
  return read(bytes, { path, budget });
}

/**
 * Reads the contents of a file. Errors, each with `offset` (and `path` if known): `magic`, `version`, `truncated`,
 * `checksum`, `op` and `codec` (unknown number), `damaged` (inconsistent contents); and `budget`: it asks for more
 * memory or work than `maxBytes` and `maxMacs` allow.
 */
export function read(bytes: Uint8Array, { path, ops = STORED, budget, ...limits }: ReadOptions = {}): Contents {
  const counted = budget ?? new Budget(limits);
  const from = new ByteReader(bytes, path);
  try {
    if (!MAGIC.every(byte => from.u8() === byte))
      throw from.error("magic", `not a .penjing file${butForeign(bytes)}`, 0);
    const version = from.u8();
    // version 1 has its number in the lower half of this byte, the number of sections in the upper half
    if ((version & 15) === 1) return readVersion1(from, bytes, version, ops, counted);
    if (version !== 2 && version !== VERSION)
      throw from.error("version", `format version ${version} is unknown, this library reads 1 to ${VERSION}`);
    readFrame(from, bytes);
    const length = from.varint();
    const { names, layouts, extras } = describe(length ? JSON.parse(from.text(length)) : {});
    const inside = version === VERSION ? from.part(from.varint()) : from;
    const tensors = version === VERSION ? { tensors: from } : {};
    const graph = readGraph({ from: inside, ...tensors, renamed: names, ops, budget: counted });
    return { ...extras, graph, ...(layouts !== undefined && { layouts }) };
  } catch (cause) {
    // Any other error, including one from shape inference, means a corrupt file: no built graph looks like this.
    if (cause instanceof PenjingError) throw cause;
    throw from.error("damaged", `what the file says cannot be: ${(cause as Error).message}`, undefined, cause);
  }
}

/** Reads the length and checksum of the bytes that follow. */
function readFrame(from: ByteReader, bytes: Uint8Array): void {
  const length = from.varint();
  const checksum = from.u32();
  const excess = from.left - length;
  if (excess > 0) throw from.error("damaged", `${excess} bytes after the end of the file`, bytes.length - excess);
  if (excess < 0) throw from.error("truncated", `the file ends ${-excess} bytes too early`, bytes.length);
  if (crc32(bytes.subarray(from.offset)) !== checksum)
    throw from.error("checksum", "the checksum does not match: the file has been altered");
}
