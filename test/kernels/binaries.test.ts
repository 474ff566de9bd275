/**
 * Guarantees of the compiled binaries, read from the binaries themselves: no import but memory, no hidden data, no call
 * in an inner loop.
 */
import { readFileSync } from "node:fs";
import { buildSync } from "esbuild";
import { describe, expect, test } from "vitest";
import { inBinary, KERNEL_NAMES, KERNELS, type Role } from "../../src/kernels/table.ts";

/** Calls that are allowed in an innermost loop, with the reason. */
const CALLS_ALLOWED: Record<string, string> = {
  ...Object.fromEntries(
    ["expf", "expm1f", "logf", "log1pf", "sigmoidf", "tanhf", "erfcf"].map(name => [
      name,
      "some forty instructions for four elements",
    ]),
  ),
  ...Object.fromEntries(
    ["rowMax", "rowExp", "rowScale", "rowMean", "rowInverse", "argmax"].map(name => [
      name,
      "once per row, holds a loop",
    ]),
  ),
  vectorProduct: "once per panel, holds a loop",
  multiplyRows: "once per row or more, holds loops",
  multiplyScattered: "once per image, holds loops",
  packRows: "once per four rows, holds a loop",
  convolve: "once per image, holds loops",
  copyAlong: "once per image, and along an axis for what lies along the next",
  offsetsAlong: "once per index of an axis, for what lies along the next; prepare only",
  packGroup: "once per four bytes of packed weights, holds a loop; prepare only",
  fill: "once per side of an image",
  storeSome: "once per row, for the vector that is not whole",
  accumulateRow: "once per pooled window, holds a loop",
  spreadWindow: "once per pooled window, holds a loop",
};

/**
 * The relaxed instructions a binary may contain. Fused multiply-add gives other bits, so only `fast` training may use
 * it.
 */
const RELAXED_ALLOWED: Record<string, string[]> = {
  "run.relaxed": ["i32x4.relaxed_dot_i8x16_i7x16_add_s"],
  "train.relaxed": ["f32x4.relaxed_madd", "f32x4.relaxed_nmadd", "i32x4.relaxed_dot_i8x16_i7x16_add_s"],
};

const PARAMETER: Record<Role, string> = {
  count: "i32",
  int: "i32",
  float: "f32",
  read: "usize",
  write: "usize",
  update: "usize",
};

/** The ids of a binary's sections, in order. */
function sectionsOf(bytes: Uint8Array): number[] {
  const ids: number[] = [];
  let at = 8;
  while (at < bytes.length) {
    ids.push(bytes[at++]!);
    let size = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = bytes[at++]!;
      size |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    at += size;
  }
  return ids;
}

/**
 * Exported functions and the types of their parameters, from the declarations that the AssemblyScript compiler writes.
 */
function signaturesOf(declarations: string): Record<string, string[]> {
  const functions = declarations.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export function (\w+)\(/g);
  return Object.fromEntries(
    [...functions].map(([, comment, name]) => [
      name!,
      [...comment!.matchAll(/@param \w+ `(\w+)`/g)].map(([, type]) => type!),
    ]),
  );
}

/**
 * Calls in loops that contain no further loop, as [function, called]. The text has one instruction per line, blocks end
 * with `end`.
 */
function callsInInnermostLoops(wat: string): [string, string][] {
  const open: { loop: boolean; innermost: boolean; calls: string[] }[] = [];
  const found: [string, string][] = [];
  let inside = "";
  for (const line of wat.split("\n")) {
    const [op, subject] = line
      .trim()
      .split(/[\s()]+/)
      .filter(Boolean);
    if (op === "func") inside = shortName(subject!);
    else if (op === "loop" || op === "block" || op === "if")
      open.push({ loop: op === "loop", innermost: true, calls: [] });
    else if (op === "call") open.findLast(block => block.loop)?.calls.push(shortName(subject!));
    else if (op === "end") {
      const block = open.pop()!;
      if (!block.loop) continue;
      for (const outer of open) outer.innermost = false;
      if (block.innermost) found.push(...block.calls.map((called): [string, string] => [inside, called]));
    }
  }
  return found;
}
const shortName = (symbol: string): string => symbol.slice(symbol.lastIndexOf("/") + 1);

for (const binary of ["run", "train"] as const)
  for (const variant of ["simd", "relaxed"] as const)
    describe(`${binary}.${variant}`, () => {
      const file = `build/wasm/${binary}.${variant}`;
      const bytes = readFileSync(`${file}.wasm`);
      const wat = readFileSync(`${file}.wat`, "utf8");

      test("imports its memory and nothing else", () => {
        expect([...wat.matchAll(/\(import "(\w+)" "(\w+)" \((\w+)/g)].map(([, ...names]) => names.join(" "))).toEqual([
          "env memory memory",
        ]);
      });

      test("holds no data, no table, no start function, no globals", () => {
        const named = { table: 4, global: 6, start: 8, element: 9, data: 11, "data count": 12 };
        const ids = sectionsOf(bytes);
        expect(Object.entries(named).filter(([, id]) => ids.includes(id))).toEqual([]);
      });

      test("exports the interpreter and the kernels of its rows, with the rows' parameters", () => {
        const rows = KERNEL_NAMES.filter(name => inBinary(KERNELS[name], binary)).map(name => [
          name,
          Object.values(KERNELS[name].args).map(role => PARAMETER[role]),
        ]);
        expect(signaturesOf(readFileSync(`${file}.d.ts`, "utf8"))).toEqual({
          run: ["usize"],
          ...Object.fromEntries(rows),
        });
      });

      test("has only the relaxed instructions its variant may have", () => {
        const allowed = RELAXED_ALLOWED[`${binary}.${variant}`] ?? [];
        const used = new Set(wat.match(/\b\w+\.(?:relaxed|dot_i8x16_i7x16)\w*/g));
        expect([...used].filter(op => !allowed.includes(op))).toEqual([]);
      });

      test("calls nothing in an innermost loop", () => {
        const calls = callsInInnermostLoops(wat).filter(
          ([name, called]) => name !== "run" && !(called in CALLS_ALLOWED), // calling is the interpreter's purpose
        );
        expect(calls).toEqual([]);
      });
    });

test("KERNELS: the running binary has no kernel that running cannot ask for", () => {
  const { outputFiles } = buildSync({
    entryPoints: ["src/run/index.ts"],
    bundle: true,
    format: "esm",
    platform: "neutral",
    write: false,
  });
  // quoted as a name, not as a part of the list of all names
  const asked = (name: string) => new RegExp(`["'\`]${name}["'\`]|\\b${name}:`).test(outputFiles[0]!.text);
  const here = KERNEL_NAMES.filter(name => inBinary(KERNELS[name], "run"));
  // penjing/kernels multiplies with it, in the variant that is chosen for running
  expect(here.filter(name => !asked(name))).toEqual(["i8_gemm"]);
});

test("callsInInnermostLoops finds a call in an innermost loop", () => {
  const wat = [
    "(func $a/f (param $0 i32)",
    "loop $x",
    "call $a/outer",
    "loop $y",
    "if",
    "call $a/g",
    "end",
    "end",
    "end",
    ")",
  ];
  expect(callsInInnermostLoops(wat.join("\n"))).toEqual([["f", "g"]]);
});
