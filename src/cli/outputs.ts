/** The output file of a command: its default name, and the check that it does not replace the input. */
import { fstatSync, type Stats, statSync } from "node:fs";
import type { Command } from "commander";
import { show } from "../base/errors.ts";
import { saveFile, type WriteOptions } from "../container/index.ts";
import { WrongUsage } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

export interface OutOptions {
  out?: string;
  force?: boolean;
}

/** Adds the options. `what` is part of the default name, as in digits.pruned.penjing. */
export const outOptions = (command: Command, what: string): Command =>
  command
    .option("--out <file>", `the file to write (default: <file>.${what}.penjing)`)
    .option("--force", "let --out replace the file that is read");

/** The output path: `out`, or the default name in the folder of the input. Throws WrongUsage if that is the input. */
export function outputOf(file: string, { out, force }: OutOptions, what: string): string {
  const place = out ?? `${file.replace(/\.(penjing|tflite)$/, "")}.${what}.penjing`;
  if (!force) refuseSame(file, place, "; --force replaces it");
  return place;
}

/** Throws WrongUsage if both are one regular file, whatever names and links lead to it. */
export function refuseSame(file: string, out: string, advice = ""): void {
  const [read, written] = [statsOf(file), statsOf(out)];
  if (read?.isFile() && written && isSame(read, written))
    throw new WrongUsage(`expected another file to write than the one that is read, got ${show(out)}${advice}`);
}

interface Writable {
  toBytes(options?: WriteOptions): Uint8Array<ArrayBuffer>;
}

/** Saves a network; returns the bytes of the file. If the file is stdout, reports go to stderr. */
export async function save(
  network: Writable,
  out: string,
  terminal: Terminal,
  { signal, ...extras }: WriteOptions & { signal?: AbortSignal } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = network.toBytes(extras);
  if (isStdout(out)) terminal.reportOnErrors();
  await saveFile(out, bytes, signal);
  return bytes;
}

function isStdout(out: string): boolean {
  const written = statsOf(out);
  try {
    return !!written && !written.isCharacterDevice() && isSame(written, fstatSync(1));
  } catch {
    return false; // stdout is closed
  }
}

const statsOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

const isSame = (a: Stats, b: Stats): boolean => a.dev === b.dev && a.ino === b.ino;
