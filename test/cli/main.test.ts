import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Interrupted } from "../../src/cli/errors.ts";
import { penjing } from "./penjing.ts";

test("penjing help names every command, on stdout", async () => {
  const { code, out, errors } = await penjing(["--help"]);
  expect(code).toBe(0);
  for (const verb of [
    "demo",
    "train",
    "evaluate",
    "prune",
    "slim",
    "cluster",
    "quantize",
    "sensitivity",
    "compare",
    "inspect",
    "predict",
    "bench",
  ])
    expect(out).toMatch(new RegExp(`^ {2}${verb} `, "m"));
  expect(errors).toBe("");
});

test("penjing help with and without a command equals --help", async () => {
  const said = async (...argv: string[]) => {
    const { code, out, errors } = await penjing(argv);
    expect([code, errors]).toEqual([0, ""]);
    return out;
  };
  expect(await said("help")).toBe(await said("--help"));
  expect(await said("help", "train")).toBe(await said("train", "--help"));
  expect(await said("help", "train")).toContain("--batch-size <n>");
  expect(await said("help")).toMatch(/^ {2}help \[command\] /m);
});

test("penjing --version is the package's", async () => {
  const { code, out } = await penjing(["--version"]);
  expect(code).toBe(0);
  expect(out.trim()).toBe(JSON.parse(readFileSync("package.json", "utf8")).version);
});

test.each([
  [[], "expected a command"],
  [["grow"], "unknown command 'grow'"],
  [["help", "grow"], 'unknown command "grow"'],
  [["help", "train", "more"], "too many arguments"],
  [["bench", "--fast"], "unknown option '--fast'"],
  [["bench", "--variant", "avx"], "--variant <name>"],
  [["bench", "--filter", "lstm"], 'got "lstm"; the rows: '],
  [["bench", "--filter", "no such row"], "i8_gemm (344 rows); f32_gemm (344 rows); lenet5 f32 batch 1; "],
  [["bench", "more"], "too many arguments"],
])("penjing: wrong usage %j is one line and exit code 2", async (argv, named) => {
  const { code, out, errors } = await penjing(argv);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(errors).toMatch(/^penjing[^\n]*\n$/);
  expect(errors).toContain(named);
});

test("penjing: Ctrl-C ends a command with one line and exit code 130", async () => {
  const { code, out, errors } = await penjing(["bench", "--filter", "1x1x1"], AbortSignal.abort(new Interrupted()));
  expect([code, out, errors]).toEqual([130, "", "penjing bench: interrupted\n"]);
});
