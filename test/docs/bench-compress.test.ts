/** `npm run bench:compress` with few images: its rows, its report, and that a second run goes on where one ended. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const home = mkdtempSync(join(tmpdir(), "penjing-bench-"));
afterAll(() => rmSync(home, { recursive: true }));

interface Row {
  method: string;
  network: string;
  accuracy: number;
  bytes: number;
  micros: number;
  macs: number;
  baseline: number;
}

const bench = (...args: string[]) => promisify(execFile)(process.execPath, ["bench/compress.mjs", ...args]);

const quick = ["--quick", "--json", "--networks", "lenet5", "--seeds", "1", "--epochs", "20%", "--only", "slim 1/2"];

test("bench/compress.mjs prints rows, writes them with a chart, and keeps what is done", async () => {
  const report = join(home, "compress");
  const first = await bench(...quick, "--report", report);
  const { rows } = JSON.parse(first.stdout) as { rows: Row[] };
  const methods = [
    "float",
    "float, int8",
    "float, int8 dynamic",
    "slim 1/2",
    "slim 1/2, int8",
    "slim 1/2, int8 dynamic",
  ];
  expect(rows.map(({ method }) => method)).toEqual(methods);
  for (const row of rows) {
    const { network, method, ...numbers } = row;
    expect([network, Object.keys(numbers)]).toEqual(["lenet5", ["accuracy", "bytes", "micros", "macs", "baseline"]]);
    for (const number of Object.values(numbers)) expect(number).toBeGreaterThan(0);
    expect(row.baseline).toBe(rows[0]!.accuracy);
  }
  const row = (method: string): Row => rows.find(each => each.method === method)!;
  expect(row("slim 1/2").macs).toBeLessThanOrEqual(0.5 * row("float").macs);
  expect(row("slim 1/2, int8").bytes).toBeLessThan(0.3 * row("slim 1/2").bytes);

  const page = readFileSync(`${report}.md`, "utf8");
  for (const method of methods) expect(page).toContain(`| ${method} | `);
  expect(page).toContain("compress-lenet5.svg");
  expect(readFileSync(`${report}-lenet5.svg`, "utf8")).toMatch(/^<svg/);
  expect(readFileSync(`${report}.html`, "utf8")).toContain("slim 1/2, int8");

  // the last row is lost: it is done again, and the others are kept
  const { runs } = JSON.parse(readFileSync(`${report}.json`, "utf8"));
  writeFileSync(`${report}.json`, JSON.stringify({ rows, runs: runs.slice(0, -1) }));
  const second = await bench(...quick, "--report", report);
  expect(second.stderr.match(/done before/g)).toHaveLength(5);
  const timeless = (list: Row[]) => list.map(({ micros, ...rest }) => rest);
  expect(timeless(JSON.parse(second.stdout).rows)).toEqual(timeless(rows));
});

test("bench/compress.mjs refuses what it does not know", async () => {
  const refused = [
    ["--only", "slim", "no method slim; there are:\n  float\n  prune 95 %, magnitude"],
    ["--networks", "lenet", "no network lenet; there are lenet5, resnet8"],
    ["--seeds", "0", '--seeds expected a number of seeds, got "0"'],
    ["--epochs", "3", '--epochs expected a share of each recipe\'s epochs, like 25%, got "3"'],
  ] as const;
  for (const [option, value, message] of refused)
    await expect(bench(option, value, "--quick")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    });
  expect(existsSync("bench/results/compress.json.part")).toBe(false);
});
