// The packed tarball, installed as users do: into an empty folder.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Newer majors need a newer Node than the oldest one the library supports. */
const PNPM = "pnpm@10";

/** The tarball that `npm run package` made. */
export function tarball() {
  const [file] = readdirSync("build/package").filter(name => name.endsWith(".tgz"));
  if (!file) throw new Error("build/package holds no tarball: run `npm run package` first");
  return resolve("build/package", file);
}

/** Installs the tarball by "npm" or "pnpm" into a new folder, calls `use` with it, and removes it. */
export async function installed(manager, use) {
  const folder = mkdtempSync(join(tmpdir(), `penjing-${manager}-`));
  try {
    cpSync(tarball(), join(folder, "penjing.tgz"));
    const manifest = {
      name: "consumer",
      private: true,
      type: "module",
      dependencies: { penjing: "file:./penjing.tgz" },
    };
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    const [command, args] = {
      npm: ["npm", ["install", "--no-audit", "--no-fund"]],
      pnpm: ["npx", ["--yes", PNPM, "install", "--reporter=append-only"]],
    }[manager];
    execFileSync(command, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
