import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Interrupted } from "../../src/cli/errors.ts";
import { penjing } from "./penjing.ts";

test("help names every command, on stdout", async () => {
  const { code, out, errors } = await penjing(["--help"]);
  expect(code).toBe(0);
  for (const verb of ["demo", "train", "evaluate", "prune", "quantize", "inspect", "predict", "bench"])
    expect(out).toMatch(new RegExp(`^ {2}${verb} `, "m"));
  expect(errors).toBe("");
});

test("version is the package's", async () => {
  const { code, out } = await penjing(["--version"]);
  expect(code).toBe(0);
  expect(out.trim()).toBe(JSON.parse(readFileSync("package.json", "utf8")).version);
});

test.each([
  [[], "expected a command"],
  [["grow"], "unknown command 'grow'"],
  [["bench", "--fast"], "unknown option '--fast'"],
  [["bench", "--variant", "avx"], "--variant <name>"],
  [["bench", "--filter", "no such row"], '"no such row"'],
  [["bench", "more"], "too many arguments"],
])("wrong usage %j is one line and exit code 2", async (argv, named) => {
  const { code, out, errors } = await penjing(argv);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(errors).toMatch(/^penjing[^\n]*\n$/);
  expect(errors).toContain(named);
});

test("Ctrl-C ends a command with one line and exit code 1", async () => {
  const { code, out, errors } = await penjing(["bench", "--filter", "1x1x1"], AbortSignal.abort(new Interrupted()));
  expect([code, out, errors]).toEqual([1, "", "penjing bench: interrupted\n"]);
});
