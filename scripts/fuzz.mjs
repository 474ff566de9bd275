// npm run fuzz -- --graphs N [--from SEED] [--built] [--json]: bundles test/fuzz, so that every Node can run it, and
// starts it (test/fuzz/main.ts).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { build } from "esbuild";

if (!existsSync("build/run-binaries.ts")) throw new Error("nothing to try: npm run build first");
await build({
  entryPoints: ["test/fuzz/main.ts", "test/fuzz/process.ts"],
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  outdir: "build/fuzz",
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, ["build/fuzz/main.js", ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
