import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

/** Columns of `line` that scripts/lint/same-bits.grit marks. */
function marked(line: string): number[] {
  const folder = mkdtempSync(join(tmpdir(), "penjing-lint-"));
  try {
    writeFileSync(join(folder, "biome.json"), JSON.stringify({ plugins: [resolve("scripts/lint/same-bits.grit")] }));
    writeFileSync(join(folder, "line.ts"), `${line}\n`);
    const biome = resolve("node_modules/@biomejs/biome/bin/biome");
    const args = [biome, "lint", "--max-diagnostics=50", "--reporter=github", "--only=plugin", "line.ts"];
    const text = (() => {
      try {
        return execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
      } catch (failed) {
        return (failed as { stdout: string }).stdout;
      }
    })();
    return [...text.matchAll(/title=plugin[^:]*col=(\d+)/g)].map(([, column]) => Number(column));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("same-bits.grit marks host functions whose last bits differ", () => {
  const line = "export const a = [Math.exp(1), [1].map(Math.tanh), Math.pow(2, 3), 3 ** 0.5, 3 ** Number.EPSILON];";
  expect(marked(line)).toHaveLength(5);
});

test("same-bits.grit accepts what is defined to the last bit", () => {
  expect(
    marked("export const a = [Math.sqrt(2), Math.fround(1), Math.max(1, 2), Math.PI, 2 ** -24, 10 ** 3];"),
  ).toEqual([]);
});
