/**
 * Behaviour of a whole process: signals, pipes, streams that are not a terminal. Runs the built command (`npm run
 * build`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
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

test("penjing help, an unknown option, a missing file: exit codes 0, 2, 1, no colours in a pipe", async () => {
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

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s while training ends with exit code %i and a network that runs", async (signal, code) => {
  const path = join(folder, `${signal}.penjing`);
  const interrupted = async (milliseconds: number) => {
    const child = penjing("train", "--epochs", "10000", "--limit", "640", "--out", path);
    const end = ended(child);
    setTimeout(() => child.kill(signal), milliseconds);
    return end;
  };
  // an interrupt before the training has begun leaves no file: on a busy machine starting takes longer
  let end = await interrupted(1500);
  for (let wait = 5000; !existsSync(path) && wait < 30_000; wait *= 2) end = await interrupted(wait);
  const errors = `penjing train: interrupted; the network as it is so far is in ${path}\n`;
  expect(end).toEqual({ code, out: "", errors });
  expect((await load(path)).predict(new Uint8Array(784)).length).toBe(10);
});

test("penjing: a reader that closes the pipe early gives no message, exit code 141", async () => {
  const child = penjing("bench", "--json", "--short", "--filter", "gemm 1x1x");
  child.stdout!.destroy();
  const { code, errors } = await ended(child);
  expect([code, errors]).toEqual([141, ""]);
});

test.skipIf(process.platform === "win32")("penjing: a full disk under stdout is one line, exit code 1", async () => {
  const out = join(folder, "stdout");
  const script = 'ulimit -f 0 && exec "$0" "$@" > "$OUT"';
  const argv = ["-c", script, process.execPath, BUILT, "train", "--help"];
  const { code, errors } = await ended(spawn("sh", argv, { env: { ...process.env, OUT: out } }));
  expect([code, errors]).toEqual([1, expect.stringMatching(/^penjing: cannot write to stdout: [^\n]+\n$/)]);
});

test.skipIf(process.platform === "win32")(
  "penjing --out /dev/stdout: the network alone, the report on stderr",
  async () => {
    const tflite = "test/vectors/tflite/lenet5_int8.tflite";
    const pipe = penjing("convert", tflite, "/dev/stdout");
    const chunks: Buffer[] = [];
    pipe.stdout!.on("data", chunk => chunks.push(chunk));
    const { code, errors } = await ended(pipe);
    expect(code).toBe(0);
    expect(errors).toMatch(/^\d+ layers, 28x28x1 -> 10: \d+ bytes in \/dev\/stdout\n$/);
    const plain = join(folder, "plain.penjing");
    await ended(penjing("convert", tflite, plain));
    expect(Buffer.concat(chunks).equals(readFileSync(plain))).toBe(true);
    const [out, script] = [join(folder, "redirected.penjing"), 'exec "$0" "$@" > "$OUT"'];
    const argv = ["-c", script, process.execPath, BUILT, "convert", tflite, "/dev/stdout"];
    expect((await ended(spawn("sh", argv, { env: { ...process.env, OUT: out } }))).code).toBe(0);
    expect(readFileSync(out).equals(readFileSync(plain))).toBe(true);
  },
);
