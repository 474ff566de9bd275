/** What only a process has: signals, pipes, streams that are no terminal. The command as it is built (`npm run build`). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { load } from "../../src/run/index.ts";

const BUILT = "build/cli.js";
const folder = mkdtempSync(join(tmpdir(), "penjing-process-"));

beforeAll(() => {
  if (!existsSync(BUILT)) throw new Error(`${BUILT} is missing: npm run build makes it`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; errors: string }> {
  let out = "";
  let errors = "";
  child.stdout!.on("data", chunk => (out += chunk));
  child.stderr!.on("data", chunk => (errors += chunk));
  const [code] = await once(child, "close");
  return { code, out, errors };
}

const penjing = (...argv: string[]): ChildProcess => spawn(process.execPath, [BUILT, ...argv]);

test("help, an unknown option, a missing file: exit codes 0, 2, 1, no colours in a pipe", async () => {
  const [help, option, file] = await Promise.all([
    ended(penjing("train", "--help")),
    ended(penjing("inspect", "x", "--all")),
    ended(penjing("inspect", "no-such-file")),
  ]);
  expect([help!.code, option!.code, file!.code]).toEqual([0, 2, 1]);
  expect(help!.out).toContain("--batch-size <n>");
  expect([option!.errors, option!.out]).toEqual(["penjing inspect: unknown option '--all'\n", ""]);
  expect(file!.errors).toBe('penjing inspect: cannot read "no-such-file": there is no such file\n');
});

test("SIGINT while training ends with exit code 1 and a network that runs", async () => {
  const path = join(folder, "interrupted.penjing");
  const interrupted = async (milliseconds: number) => {
    const child = penjing("train", "--epochs", "10000", "--limit", "640", "--out", path);
    const end = ended(child);
    setTimeout(() => child.kill("SIGINT"), milliseconds);
    return end;
  };
  // before the training has begun, an interrupt leaves no file: on a busy machine that takes longer
  let end = await interrupted(1500);
  for (let wait = 5000; !existsSync(path) && wait < 30_000; wait *= 2) end = await interrupted(wait);
  const errors = `penjing train: interrupted; the network as it is so far is in ${path}\n`;
  expect(end).toEqual({ code: 1, out: "", errors });
  expect((await load(path)).predict(new Uint8Array(784)).length).toBe(10);
});

test("a reader that closes the pipe early is no error", async () => {
  const child = penjing("bench", "--json", "--short", "--filter", "gemm 1x1x");
  child.stdout!.destroy();
  const { errors } = await ended(child);
  expect(errors).toBe("");
});
