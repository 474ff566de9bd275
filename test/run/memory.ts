/** The memory of a process after many loads of LeNet-5 in int8, or predictions with it. Needs the build. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { loadTflite } from "../../src/formats/tflite/index.ts";

interface Occupied {
  rss: number;
  heap: number;
  arena: number;
}

/**
 * The growth between the `first` and the `last` time. The nursery of V8 is kept small: it grows with the garbage of any
 * program, up to 16 to 32 MB per half, and is released when the process idles; that would hide a leak.
 */
const FLAGS = ["--expose-gc", "--max-semi-space-size=1"];

/** One heap of the C library for all threads of the engine: with one for each, memory varies by several MB. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: "1" };

export async function expectGrowth(
  what: "loads" | "predictions",
  first: number,
  last: number,
  most: number,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "penjing-memory-"));
  try {
    const file = join(folder, "lenet5.penjing");
    writeFileSync(file, (await loadTflite("test/vectors/tflite/lenet5_int8.tflite")).toBytes());
    const child = fileURLToPath(new URL("memory-child.mjs", import.meta.url));
    const args = [...FLAGS, child, file, what, String(first), String(last)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...ENVIRONMENT } });
    const { before, after, freed } = JSON.parse(stdout) as { before: Occupied; after: Occupied; freed: boolean };
    const told = `${what}, from ${JSON.stringify(before)} to ${JSON.stringify(after)}`;
    expect(after.rss - before.rss, told).toBeLessThan(most);
    expect(after.heap - before.heap, told).toBeLessThan(most);
    expect(after.arena, told).toBeLessThanOrEqual(before.arena);
    expect(freed, "a network nobody holds").toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const MB = 2 ** 20;
