/**
 * The programs of examples/ run, each in a process of its own, in one empty folder; `penjing` is resolved to the
 * sources.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { bundled } from "./bundled.ts";

const home = mkdtempSync(join(tmpdir(), "penjing-examples-"));
afterAll(() => rmSync(home, { recursive: true }));

/** Runs examples/`name`.mjs and returns its output. */
async function run(name: string, ...args: string[]): Promise<string> {
  const outfile = join(home, `${name}.mjs`);
  const code = readFileSync(`examples/${name}.mjs`, "utf8");
  await bundled(code, `${name}.mjs`, { outfile, platform: "node", sourcemap: "inline" });
  const { stdout } = await promisify(execFile)(process.execPath, [outfile, ...args], { cwd: home });
  return stdout;
}

/** The first number after `words`. */
const numberAfter = (text: string, words: RegExp): number =>
  Number(text.match(new RegExp(`${words.source}\\D*([\\d.]+)`))?.[1]);

test("examples: README.md and this file name them all", () => {
  const programs = readdirSync("examples").filter(file => file.endsWith(".mjs"));
  expect(programs.sort()).toEqual(["classify.mjs", "compress.mjs", "train-table.mjs"]);
  const readme = readFileSync("examples/README.md", "utf8");
  for (const program of programs) expect(readme).toContain(`node examples/${program}`);
});

describe("examples/train-table.mjs and classify.mjs", () => {
  test("train-table.mjs learns the table and saves the network", async () => {
    expect(numberAfter(await run("train-table"), /accuracy/)).toBeGreaterThan(90);
    expect(existsSync(join(home, "flowers.penjing"))).toBe(true);
  });

  test("classify.mjs recognizes both rows from the saved file", async () => {
    const [first, second] = (await run("classify")).trim().split("\n");
    expect(first).toMatch(/^5.1 3.5 1.4 0.2: setosa 9/);
    expect(second).toMatch(/^6.7 3.1 5.6 2.1: virginica 9/);
  });

  test("classify.mjs reports a missing file", async () => {
    await expect(run("classify", "none.penjing")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/"none.penjing".*\n.*train-table.mjs/),
    });
  });
});

test("examples/compress.mjs: a tenth of the bytes, hardly less accuracy", async () => {
  const report = await run("compress");
  const rows = ["'float'", "'pruned'", "'pruned and int8'"].map(name =>
    report
      .split("\n")
      .find(line => line.includes(name))!
      .split("│")
      .slice(3, 5)
      .map(Number),
  );
  const [float, pruned, small] = rows as [number[], number[], number[]];
  expect(float[0]).toBeGreaterThan(95);
  expect(small[0]).toBeGreaterThan(float[0]! - 3);
  expect(pruned[1]).toBeLessThan(0.3 * float[1]!);
  expect(small[1]).toBeLessThan(0.11 * float[1]!);
});
