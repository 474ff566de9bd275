/**
 * The code of README.md and docs/*.md runs. The `js` and `ts` blocks of a page, in order, are one module, with
 * `penjing` being the sources; it runs in a folder with nothing but FILES, in a process of its own, on the first rows
 * of MNIST. The script of an `html` block is bundled for a browser: what it imports must be there.
 */
import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Dataset, mnist } from "../../src/data/index.ts";
import { bundled } from "./bundled.ts";

/**
 * Enough rows for the hundred steps per epoch after which pruning first reads the weights, and few enough for a quick
 * test.
 */
const ROWS = { train: 6400, test: 500 };

/** Files that a page may assume, and the files that replace them. */
const FILES = { "digits.tflite": "test/vectors/tflite/lenet5_float.tflite" };

const home = mkdtempSync(join(tmpdir(), "penjing-docs-"));
// packages that are found when a program runs, as users have them
symlinkSync(resolve("node_modules"), join(home, "node_modules"));
afterAll(() => rmSync(home, { recursive: true }));

const data = join(home, "mnist");
beforeAll(async () => {
  mkdirSync(data);
  const { train, test } = await mnist();
  save("train", train.take(ROWS.train));
  save("t10k", test.take(ROWS.test));
});

/** Writes the two IDX files of the first rows of a data set. */
function save(name: string, rows: Dataset): void {
  const { length } = rows;
  const images = (rows.images as Uint8Array).subarray(0, length * 784);
  const header = (...words: number[]) => Buffer.from(Int32Array.from(words).buffer).swap32();
  writeFileSync(join(data, `${name}-images-idx3-ubyte`), Buffer.concat([header(0x803, length, 28, 28), images]));
  const labels = Uint8Array.from(rows.labels()!);
  writeFileSync(join(data, `${name}-labels-idx1-ubyte`), Buffer.concat([header(0x801, length), labels]));
}

const PAGES = ["README.md", ...readdirSync("docs").map(name => `docs/${name}`)].filter(path => path.endsWith(".md"));

const blocksOf = (page: string, languages: string): string[] =>
  [...readFileSync(page, "utf8").matchAll(new RegExp(`^\`\`\`(?:${languages})\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code]) => code!,
  );

describe("README.md and docs/*.md: programs", () => {
  const programs = PAGES.map(page => [page, blocksOf(page, "js|ts").join("\n")] as const).filter(([, code]) => code);

  test.each(programs)("%s runs", async (page, code) => {
    const folder = mkdtempSync(join(home, "page-"));
    for (const [name, file] of Object.entries(FILES)) copyFileSync(file, join(folder, name));
    const program = join(home, `${page.replaceAll("/", "-")}.mjs`);
    await bundled(code, page, { outfile: program, platform: "node", sourcemap: "inline" });
    const env = { ...process.env, PENJING_MNIST: data };
    const { stdout } = await promisify(execFile)(process.execPath, ["--enable-source-maps", program], {
      cwd: folder,
      env,
    });
    expect(stdout).not.toMatch(/NaN|undefined|\[object/);
  });
});

describe("README.md and docs/*.md: pages", () => {
  const pages = PAGES.flatMap(page => blocksOf(page, "html").map(html => [page, html] as const));

  test.each(pages)("the script of %s finds what it imports", async (page, html) => {
    const scripts = [...html.matchAll(/<script type="module">\n([\s\S]*?)<\/script>/g)].map(([, script]) => script!);
    expect(scripts).not.toEqual([]);
    for (const script of scripts) await bundled(script, page, { write: false, platform: "browser" });
  });
});
