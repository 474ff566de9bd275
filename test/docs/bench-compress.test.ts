/** `npm run bench:compress` with few images: its rows, its report, and that a run goes on where one was interrupted. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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

interface Written {
  rows: Row[];
  runs: (Row & { seed: number; validation: number })[];
}

/** Starts the benchmark, interrupts it after its first row, and returns the exit code. */
function interrupted(...args: string[]): Promise<number | null> {
  const child = spawn(process.execPath, ["bench/compress.mjs", ...args], { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.on("data", text => {
    if (String(text).includes("float:")) child.kill("SIGINT");
  });
  return new Promise(resolve => child.on("exit", resolve));
}

test("bench/compress.mjs keeps finished rows when interrupted, goes on, and prints all with a report", async () => {
  const report = join(home, "compress");
  const readJson = (): Written => JSON.parse(readFileSync(`${report}.json`, "utf8"));
  expect(await interrupted(...quick, "--report", report)).toBe(130);
  const kept = readJson().runs;
  expect(kept[0]!.method).toBe("float");

  const { stdout, stderr } = await bench(...quick, "--report", report);
  expect(stderr.match(/done before/g)).toHaveLength(kept.length);
  const { rows, runs } = JSON.parse(stdout) as Written;
  expect(readJson()).toEqual({ rows, runs });
  expect(runs.slice(0, kept.length)).toEqual(kept);

  const methods = [
    "float",
    "float, int8",
    "float, int8 dynamic",
    "slim 1/2",
    "slim 1/2, int8",
    "slim 1/2, int8 dynamic",
  ];
  expect(rows.map(({ method }) => method)).toEqual(methods);
  for (const { network, method, ...numbers } of rows) {
    expect(network).toBe("lenet5");
    expect(Object.keys(numbers)).toEqual(["accuracy", "bytes", "micros", "macs", "baseline"]);
    for (const number of Object.values(numbers)) expect(number).toBeGreaterThan(0);
    expect(numbers.baseline).toBe(rows[0]!.accuracy);
  }
  const row = (method: string): Row => rows.find(each => each.method === method)!;
  expect(row("slim 1/2").macs).toBeLessThanOrEqual(0.5 * row("float").macs);
  expect(row("slim 1/2, int8").bytes).toBeLessThan(0.3 * row("slim 1/2").bytes);

  const page = readFileSync(`${report}.md`, "utf8");
  for (const method of methods) expect(page).toContain(`| ${method} | `);
  expect(page).toContain("compress-lenet5.svg");
  expect(readFileSync(`${report}-lenet5.svg`, "utf8")).toMatch(/^<svg/);
  expect(readFileSync(`${report}.html`, "utf8")).toContain("slim 1/2, int8");
});

test("bench/compress.mjs refuses what it does not know", async () => {
  const refused = [
    ["--only", "slim", "no method slim; there are:\n  float\n  slim 1/2"],
    ["--networks", "lenet", "no network lenet; there are lenet5, resnet8"],
    ["--seeds", "0", '--seeds expected a number of seeds, got "0"'],
    ["--epochs", "3", '--epochs expected a share of each recipe\'s epochs, like 25%, got "3"'],
  ] as const;
  for (const [option, value, message] of refused)
    await expect(bench(option, value, "--quick")).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(message),
    });
});
