import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { saveFile } from "../../src/container/save-file.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-save-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The module, compiled so that a child process can import it without a TypeScript loader. */
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

test("saveFile: a new file, and one replaced", async () => {
  const path = join(folder, "model.penjing");
  await saveFile(path, Uint8Array.of(1, 2, 3));
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  await saveFile(path, new Uint8Array(3_000_000).fill(9));
  expect(readFileSync(path).length).toBe(3_000_000);
  await saveFile(path, Uint8Array.of(4));
  expect([...readFileSync(path)]).toEqual([4]);
});

test.skipIf(process.platform === "win32")(
  "saveFile: a full disk leaves the file as it was, and nothing next to it",
  async () => {
    const home = join(folder, "full");
    mkdirSync(home);
    const path = join(home, "model.penjing");
    writeFileSync(path, "as it was");
    // `ulimit -f` limits files of this process to 16 blocks of 512 or 1024 bytes: the operating system fails a write
    // half-way.
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
  },
);

test("saveFile: no such folder, no folder at all, no permission", async () => {
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

test("saveFile: a link stays a link, and the mode of a file its mode", async () => {
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

test("saveFile keeps a mode that the umask would narrow", async () => {
  if (process.platform === "win32") return;
  const path = join(folder, "open-to-all");
  writeFileSync(path, "old");
  chmodSync(path, 0o666);
  await saveFile(path, Uint8Array.of(1));
  expect(lstatSync(path).mode & 0o7777).toBe(0o666);
});

test("saveFile makes the file that a dangling link names; a circle of links is an error", async () => {
  const home = mkdtempSync(join(folder, "dangling-"));
  mkdirSync(join(home, "deep"));
  symlinkSync("deep/file", join(home, "link"));
  await saveFile(join(home, "link"), Uint8Array.of(7));
  expect([...readFileSync(join(home, "deep", "file"))]).toEqual([7]);
  expect(lstatSync(join(home, "link")).isSymbolicLink()).toBe(true);
  symlinkSync("b", join(home, "a"));
  symlinkSync("a", join(home, "b"));
  await expect(saveFile(join(home, "a"), Uint8Array.of(7))).rejects.toMatchObject({
    code: "unwritable",
    message: expect.stringMatching(/circle/),
  });
});

/** More than a pipe holds: the writer has to wait for its reader. */
const MANY = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) & 255);

describe.skipIf(process.platform === "win32")("saveFile writes into what cannot be replaced", () => {
  /** The bytes a child's `cat` reads from a FIFO or device. */
  async function readBy(path: string): Promise<Buffer> {
    const child = spawn("cat", [path]);
    const chunks: Buffer[] = [];
    child.stdout.on("data", chunk => chunks.push(chunk));
    await once(child, "close");
    return Buffer.concat(chunks);
  }

  const fifo = (name: string): string => {
    const path = join(folder, name);
    execFileSync("mkfifo", [path]);
    return path;
  };

  test("a FIFO, whose reader comes late, stays a FIFO, through a link too", async () => {
    const path = fifo("fifo");
    const link = join(folder, "fifo-link");
    symlinkSync(path, link);
    for (const name of [path, link]) {
      const saving = saveFile(name, MANY);
      await new Promise(resolve => setTimeout(resolve, 50));
      expect((await readBy(path)).equals(MANY)).toBe(true);
      await saving;
      expect(lstatSync(path).isFIFO()).toBe(true);
    }
    expect(readdirSync(folder).filter(name => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a FIFO without a reader: the signal ends it", async () => {
    const path = fifo("unread");
    const abort = new AbortController();
    const saving = saveFile(path, MANY, abort.signal);
    setTimeout(() => abort.abort(), 30);
    await expect(saving).rejects.toMatchObject({ name: "AbortError" });
    expect(lstatSync(path).isFIFO()).toBe(true);
  });

  test("a FIFO whose reader closes it is unwritable", async () => {
    const path = fifo("abandoned");
    const child = spawn("head", ["-c", "10", path]);
    await expect(saveFile(path, new Uint8Array(5_000_000))).rejects.toMatchObject({
      code: "unwritable",
      message: `cannot save ${JSON.stringify(path)}: its reader is gone`,
    });
    child.kill();
  });

  test("a socket: the listener gets the bytes", async () => {
    const path = join(folder, "socket");
    const got: Buffer[] = [];
    const server = createServer(connection => connection.on("data", chunk => got.push(chunk)));
    await new Promise<void>(resolve => server.listen(path, resolve));
    await saveFile(path, MANY);
    expect(Buffer.concat(got).equals(MANY)).toBe(true);
    expect(lstatSync(path).isSocket()).toBe(true);
    server.close();
  });

  test.each(["pipe", "file"])("/dev/stdout of a child whose stdout is a %s", async kind => {
    const script = `
      import { saveFile } from ${JSON.stringify(module)};
      process.stdout.write("before ");
      await saveFile("/dev/stdout", Buffer.from("the network"));
      process.stdout.write(" after");`;
    const run = ["--input-type=module", "-e", script];
    if (kind === "pipe") {
      expect((await promisify(execFile)(process.execPath, run)).stdout).toBe("before the network after");
      return;
    }
    const out = join(folder, "redirected");
    const fd = openSync(out, "w");
    await once(spawn(process.execPath, run, { stdio: ["ignore", fd, "inherit"] }), "close");
    closeSync(fd);
    expect(readFileSync(out, "utf8")).toBe("before the network after");
  });
});

describe("saveFile leaves no temporary file for good", () => {
  const host = hostname()
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, 16);
  const DAY = 24 * 3600;

  /** Names in a folder that contained the files `left` (name -> age in seconds), after a save. */
  async function savedBeside(left: Record<string, number>): Promise<string[]> {
    const home = mkdtempSync(join(folder, "left-"));
    for (const [name, age] of Object.entries(left)) {
      writeFileSync(join(home, name), "half");
      utimesSync(join(home, name), Date.now() / 1000 - age, Date.now() / 1000 - age);
    }
    await saveFile(join(home, "m.penjing"), Uint8Array.of(1));
    return readdirSync(home)
      .filter(name => name !== "m.penjing")
      .sort();
  }

  const temporary = (pid: number, at = host, name = "m.penjing") => `${name}.${at}-${pid}-0123abcd.tmp`;

  test("those of processes that are gone are removed by the next save", async () => {
    const { pid: gone } = await new Promise<{ pid: number }>(resolve => {
      const child = spawn(process.execPath, ["-e", ""]);
      child.on("close", () => resolve({ pid: child.pid! }));
    });
    expect(await savedBeside({ [temporary(gone)]: 0 })).toEqual([]);
    // the id of this process, but older than it: a container that was restarted
    expect(await savedBeside({ [temporary(process.pid)]: DAY / 2 })).toEqual([]);
    expect(await savedBeside({ [temporary(1, "otherhost")]: 2 * DAY })).toEqual([]);
  });

  test("those that may still be written, and files of other names, stay", async () => {
    const kept = [temporary(process.ppid), temporary(process.pid), temporary(1, "otherhost")];
    const others = ["m.penjing.tmp", "m.penjing.old", temporary(99999999, host, "other.penjing"), "m.penjing.x-y.tmp"];
    const ages = Object.fromEntries([...kept, ...others].map(name => [name, 0]));
    expect(await savedBeside(ages)).toEqual([...kept, ...others].sort());
  });

  test.skipIf(process.platform === "win32")(
    "killed by SIGKILL, then saved again: the file alone is there",
    async () => {
      const home = mkdtempSync(join(folder, "killed-"));
      const path = join(home, "m.penjing");
      const script = `
      import { saveFile } from ${JSON.stringify(module)};
      const bytes = new Uint8Array(20_000_000).fill(1);
      for (;;) await saveFile(${JSON.stringify(path)}, bytes);`;
      // repeats until one is killed in the middle of a write, as most are
      for (let tries = 0; tries < 20 && !readdirSync(home).some(name => name.endsWith(".tmp")); tries++) {
        const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
        const deadline = performance.now() + 10_000;
        while (!readdirSync(home).length && performance.now() < deadline)
          await new Promise(resolve => setTimeout(resolve, 5));
        child.kill("SIGKILL");
        await once(child, "close");
      }
      expect(readdirSync(home).some(name => name.endsWith(".tmp"))).toBe(true);
      await saveFile(path, Uint8Array.of(1));
      expect(readdirSync(home)).toEqual(["m.penjing"]);
    },
  );

  test("a process that exits in the middle of a save removes it", async () => {
    const home = mkdtempSync(join(folder, "exit-"));
    const script = `
      import { readdirSync } from "node:fs";
      import { saveFile } from ${JSON.stringify(module)};
      saveFile(${JSON.stringify(join(home, "m.penjing"))}, new Uint8Array(100_000_000));
      setInterval(() => {
        const names = readdirSync(${JSON.stringify(home)});
        if (!names.length) return;
        console.log(names.join());
        process.exit();
      });`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(stdout).toMatch(/^m\.penjing\..*\.tmp\n$/);
    expect(readdirSync(home)).toEqual([]);
  });
});

test("saveFile: an abort before the file is replaced leaves it", async () => {
  const path = join(folder, "kept");
  writeFileSync(path, "kept");
  await expect(saveFile(path, Uint8Array.of(1), AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  expect(readFileSync(path, "utf8")).toBe("kept");
});
