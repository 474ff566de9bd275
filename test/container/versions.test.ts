/** Files of every version, written by the code of their time (test/vectors/container/README.md), can always be read. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ByteReader } from "../../src/base/bytes.ts";
import { PenjingError } from "../../src/base/errors.ts";
import { size } from "../../src/base/shape.ts";
import { read, write } from "../../src/container/index.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import { described } from "./networks.ts";
import { storedNetworks } from "./stored-networks.ts";

const FOLDER = "test/vectors/container";
const networks = storedNetworks();
const files = readdirSync(FOLDER).flatMap(file => {
  const [, name, version] = /^(.+)\.v(\d)\.penjing$/.exec(file) ?? [];
  return name
    ? [{ file, name, version: Number(version), bytes: new Uint8Array(readFileSync(`${FOLDER}/${file}`)) }]
    : [];
});

test("storedNetworks: there is a file of every network and version", () => {
  const expected = Object.keys(networks).flatMap(name => [1, 2, 3].map(version => `${name}.v${version}.penjing`));
  expect(files.map(({ file }) => file).sort()).toEqual(expected.sort());
});

test.each(files)("read: $file", ({ name, version, bytes }) => {
  const { graph, extras } = networks[name]!;
  expect(version === 1 ? bytes[3]! & 15 : bytes[3]).toBe(version);
  const { graph: back, ...rest } = read(bytes);
  expect(described(back)).toEqual(described(graph));
  expect(rest).toEqual(extras);
  // read and written again, it equals the newest version
  const newest = files.find(other => other.name === name && other.version === 3)!;
  expect([...write(back, rest)]).toEqual([...newest.bytes]);
});

const CODES = /^(magic|version|truncated|damaged|checksum|op|codec|budget)$/;

/** Returns the graph, or the code of the error; any other error is thrown. */
function attempt(bytes: Uint8Array): string | ReturnType<typeof read> {
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof PenjingError && CODES.test(error.code)) return error.code;
    throw error;
  }
}

test.each(files)("read: $file cut short or altered is a PenjingError, or something sound", ({ bytes, version }) => {
  for (let length = 0; length < bytes.length; length++)
    if (typeof attempt(bytes.subarray(0, length)) !== "string") expect.fail(`accepted with ${length} bytes`);
  for (let at = 0; at < bytes.length; at++) {
    const altered = bytes.slice();
    altered[at]! ^= 1 << (at % 8);
    if (typeof attempt(altered) !== "string") expect.fail(`accepted with byte ${at} altered`);
    // after fixing the checksum
    const sums = version === 1 ? { at: bytes.length - 4, from: 0, to: bytes.length - 4 } : frame(altered);
    new DataView(altered.buffer).setUint32(sums.at, crc32(altered.subarray(sums.from, sums.to)), true);
    const contents = attempt(altered);
    if (typeof contents === "string") continue;
    for (const { leaf, data, type } of contents.graph.leaves)
      if (leaf === "state" && data!.length !== size(type.shape)) expect.fail(`byte ${at}: contents of another size`);
  }
});

/** The position of the checksum of a file of version 2 or 3, and the range that it covers. */
function frame(bytes: Uint8Array): { at: number; from: number; to: number } {
  const from = new ByteReader(bytes);
  from.raw(4);
  try {
    from.varint();
  } catch {}
  const at = Math.min(from.offset, 9);
  return { at, from: at + 4, to: bytes.length };
}
