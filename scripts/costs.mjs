// npm run costs [-- [--verbose] [--write] [family ...]]: measures the algorithms of families on this machine and fits
// their costs (scripts/costs/main.ts).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { build } from "esbuild";

if (!existsSync("build/run-binaries.ts")) throw new Error("nothing to measure: npm run build:wasm first");
await build({
  entryPoints: ["scripts/costs/main.ts"],
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  outdir: "build/costs",
  logLevel: "warning",
});
// kernels are compiled for good before they are timed
const flags = ["--no-liftoff", "build/costs/main.js", ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, flags, { stdio: "inherit" });
process.exitCode = status ?? 1;
