import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lenet5 } from "../../src/models/index.ts";
import { penjing } from "./penjing.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-profile-"));
const file = join(folder, "digits.penjing");
const quick = ["profile", file, "--milliseconds", "0.2"];

beforeAll(async () => {
  await (await lenet5({ seed: 1 })).save(file);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("profile: the document has rows with time, products and share, and the arena", async () => {
  const { code, json, errors } = await penjing([...quick, "--json"]);
  expect([code, errors]).toEqual([0, ""]);
  expect(Object.keys(json)).toEqual(["file", "engine", "variant", "micros", "macs", "gigamacs", "rows", "arena"]);
  expect([json.file, json.macs]).toEqual([file, 281640]);
  expect(Object.keys(json.rows[0])).toEqual(["layer", "op", "kernels", "micros", "share", "macs", "gigamacs"]);
  expect(Object.keys(json.arena)).toEqual(["bytes", "kept", "temporaries", "buffers"]);
  expect(Object.keys(json.arena.buffers[0])).toEqual(["name", "address", "bytes", "first", "last"]);
});

test("profile: the tables have a line per node, their sum, the whole run, the arena", async () => {
  const { code, out, errors } = await penjing(quick);
  expect([code, errors]).toEqual([0, ""]);
  expect(out).toMatch(/us an image, node \d/);
  for (const words of ["f32_conv2d", "153600", "all, each alone", "all, in one run", "arena: ", "address"])
    expect(out).toContain(words);
});

test("profile: wrong usage and a missing file", async () => {
  expect((await penjing(["profile"])).code).toBe(2);
  expect((await penjing([...quick.slice(0, 2), "--milliseconds", "0"])).code).toBe(2);
  const missing = await penjing(["profile", join(folder, "none.penjing")]);
  expect(missing.code).toBe(1);
  expect(missing.errors).toMatch(/^penjing profile: .*none\.penjing/);
});
