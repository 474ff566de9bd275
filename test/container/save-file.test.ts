import { execFile } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveFile } from "../../src/container/save-file.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-save-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The module as a child process without a TypeScript loader can import it. */
const module = join(folder, "save-file.mjs");
beforeAll(() => {
  buildSync({
    entryPoints: ["src/container/save-file.ts"],
    outfile: module,
    bundle: true,
    format: "esm",
    platform: "node",
  });
});

test("a new file, and one replaced", async () => {
  const path = join(folder, "model.penjing");
  await saveFile(path, Uint8Array.of(1, 2, 3));
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  await saveFile(path, new Uint8Array(3_000_000).fill(9));
  expect(readFileSync(path).length).toBe(3_000_000);
  await saveFile(path, Uint8Array.of(4));
  expect([...readFileSync(path)]).toEqual([4]);
});

test.skipIf(process.platform === "win32")("a full disk leaves the file as it was, and nothing beside it", async () => {
  const home = join(folder, "full");
  mkdirSync(home);
  const path = join(home, "model.penjing");
  writeFileSync(path, "as it was");
  // Files of this process end at 16 blocks of 512 or 1024 bytes: the operating system's own refusal, in the middle of a write.
  const script = `
    import { saveFile } from ${JSON.stringify(module)};
    try {
      await saveFile(${JSON.stringify(path)}, new Uint8Array(200_000).fill(7));
      console.log(JSON.stringify({ saved: true }));
    } catch ({ name, code, path, message }) {
      console.log(JSON.stringify({ name, code, path, message }));
    }`;
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    'ulimit -f 16 && exec "$0" --input-type=module -e "$1"',
    process.execPath,
    script,
  ]);
  expect(JSON.parse(stdout)).toEqual({
    name: "PenjingError",
    code: "unwritable",
    path,
    message: `cannot save ${JSON.stringify(path)}: the file would be larger than is allowed`,
  });
  expect(readFileSync(path, "utf8")).toBe("as it was");
  expect(readdirSync(home)).toEqual(["model.penjing"]);
});

test("no such folder, no folder at all, no right", async () => {
  await expect(saveFile(join(folder, "no", "x"), Uint8Array.of(1))).rejects.toMatchObject({
    code: "unwritable",
    path: join(folder, "no", "x"),
    message: expect.stringMatching(/there is no such folder/),
  });
  await expect(saveFile(folder, Uint8Array.of(1))).rejects.toMatchObject({ code: "unwritable", path: folder });
  await expect(saveFile("", Uint8Array.of(1))).rejects.toThrow(TypeError);
  // The superuser may write anywhere.
  if (process.getuid?.() === 0) return;
  const closed = mkdtempSync(join(tmpdir(), "penjing-closed-"));
  chmodSync(closed, 0o555);
  await expect(saveFile(join(closed, "x"), Uint8Array.of(1))).rejects.toMatchObject({
    message: expect.stringMatching(/permission/),
  });
  chmodSync(closed, 0o755);
  rmSync(closed, { recursive: true });
});

test("a link stays a link, and the mode of a file its mode", async () => {
  const home = mkdtempSync(join(folder, "link-"));
  const [file, link] = [join(home, "file"), join(home, "link")];
  writeFileSync(file, "old");
  chmodSync(file, 0o640);
  symlinkSync(file, link);
  await saveFile(link, Uint8Array.of(110, 101, 119));
  expect(readFileSync(file, "utf8")).toBe("new");
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  if (process.platform !== "win32") expect(lstatSync(file).mode & 0o777).toBe(0o640);
  expect(readdirSync(home).sort()).toEqual(["file", "link"]);
});

test("an abort before the file is replaced leaves it", async () => {
  const path = join(folder, "kept");
  writeFileSync(path, "kept");
  await expect(saveFile(path, Uint8Array.of(1), AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  expect(readFileSync(path, "utf8")).toBe("kept");
});
