import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test, vi } from "vitest";
import { PenjingError } from "../../src/base/errors.ts";
import { type IdxOptions, parseIdx, readIdx } from "../../src/data/idx.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-idx-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** An IDX file written from its description, independently of the reader. */
function idx(type: number, shape: number[], elements: Buffer): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head[2] = type;
  head[3] = shape.length;
  shape.forEach((n, i) => {
    head.writeUInt32BE(n, 4 + 4 * i);
  });
  return Buffer.concat([head, elements]);
}

const file = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

test("readIdx: bytes of any shape, raw and gzipped, are read back", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (shape, gzip) => {
        const data = Buffer.from(Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => (i * 37) & 255));
        const bytes = idx(8, shape, data);
        const read = await readIdx(gzip ? gzipSync(bytes) : bytes);
        expect(read.shape).toEqual(shape);
        expect(read.data).toEqual(new Uint8Array(data));
      },
    ),
  );
});

test("readIdx: all element types, big-endian", () => {
  const bytes = (...values: number[]) => Buffer.from(values);
  expect([...parseIdx(idx(9, [2], bytes(255, 1))).data]).toEqual([-1, 1]);
  expect([...parseIdx(idx(11, [2], bytes(255, 254, 1, 0))).data]).toEqual([-2, 256]);
  expect([...parseIdx(idx(12, [1], bytes(255, 255, 255, 253))).data]).toEqual([-3]);
  expect([...parseIdx(idx(13, [1], bytes(0x3f, 0xc0, 0, 0))).data]).toEqual([1.5]);
  expect([...parseIdx(idx(14, [1], bytes(0xbf, 0xf8, 0, 0, 0, 0, 0, 0))).data]).toEqual([-1.5]);
});

const good = idx(8, [3, 2, 2], Buffer.alloc(12, 7));

test("readIdx: a wrong magic number", async () => {
  for (const [name, bytes] of [
    ["type", idx(10, [1], Buffer.alloc(1))],
    ["start", Buffer.from("PK\x03\x04 a zip file")],
    ["rank", idx(8, [], Buffer.alloc(1))],
  ] as const)
    await expect(readIdx(file(name, bytes))).rejects.toMatchObject({
      name: "PenjingError",
      code: "magic",
      offset: 0,
      path: join(folder, name),
    });
});

test("readIdx: every truncation, raw and gzipped", async () => {
  for (let length = 0; length < good.length; length++)
    expect(() => parseIdx(good.subarray(0, length), "x"), `${length} bytes`).toThrow(
      expect.objectContaining({ code: "truncated", path: "x" }),
    );
  const zipped = gzipSync(good);
  for (let length = 2; length < zipped.length; length++)
    await expect(readIdx(file("cut.gz", zipped.subarray(0, length))), `${length} bytes`).rejects.toMatchObject({
      code: "gzip",
      path: join(folder, "cut.gz"),
    });
});

test("readIdx: a corrupted gzip file", async () => {
  const zipped = gzipSync(idx(8, [1000], Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * i) & 255))));
  for (const at of [12, zipped.length >> 1, zipped.length - 6, zipped.length - 1]) {
    const damaged = Buffer.from(zipped);
    damaged[at]! ^= 0x5a;
    await expect(readIdx(file("bad.gz", damaged)), `byte ${at}`).rejects.toMatchObject({
      name: "PenjingError",
      code: "gzip",
    });
  }
});

test("readIdx: too many bytes, and sizes that no file can have", () => {
  expect(() => parseIdx(Buffer.concat([good, Buffer.alloc(3)]))).toThrow(
    expect.objectContaining({
      code: "size-mismatch",
      offset: good.length,
      message: expect.stringMatching(/3 bytes too many/),
    }),
  );
  expect(() => parseIdx(idx(8, [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], Buffer.alloc(8)))).toThrow(
    expect.objectContaining({ code: "truncated" }),
  );
});

test("parseIdx: sizes that multiply to NaN, in any order, with and without bytes behind them", () => {
  const beyond = Array<number>(40).fill(2 ** 32 - 1);
  for (const shape of [
    [...beyond, 0],
    [0, ...beyond],
    [...beyond.slice(20), 0, ...beyond.slice(20)],
  ])
    for (const more of [0, 5])
      expect(() => parseIdx(idx(8, shape, Buffer.alloc(more)), "x")).toThrow(
        expect.objectContaining({ name: "PenjingError", code: "size-mismatch", path: "x", offset: 4 }),
      );
  expect(parseIdx(idx(8, [0, 28, 28], Buffer.alloc(0))).shape).toEqual([0, 28, 28]);
  expect(() => parseIdx(idx(8, [0, 28, 28], Buffer.alloc(1)))).toThrow(/1 bytes too many/);
});

describe("readIdx stops to inflate", () => {
  const ZEROS = Buffer.alloc(20_000_000);

  /**
   * Reads a header with 20 MB of zeros behind it, in 20 kB of gzip; returns the result and the number of bytes that
   * were inflated.
   */
  async function inflated(header: Buffer, options: IdxOptions = {}): Promise<{ read: any; bytes: number }> {
    const zipped = gzipSync(Buffer.concat([header, ZEROS]));
    expect(zipped.length).toBeLessThan(22_000);
    const reads = vi.spyOn(ReadableStreamDefaultReader.prototype, "read");
    const read = await readIdx(zipped, options).catch(error => error);
    const chunks = await Promise.all(reads.mock.results.map(({ value }) => value));
    reads.mockRestore();
    return { read, bytes: chunks.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) };
  }

  test("where its header ends: bytes behind the elements are an error", async () => {
    const { read, bytes } = await inflated(idx(8, [10], Buffer.alloc(10)));
    expect(read).toMatchObject({ name: "PenjingError", code: "size-mismatch" });
    expect(bytes).toBeLessThan(1_000_000);
  });

  test("before the elements, where they are more than maxBytes allows", async () => {
    const header = idx(8, [20, 1000, 1000], Buffer.alloc(0));
    const { read, bytes } = await inflated(header, { maxBytes: 20_000_015 });
    expect(read).toMatchObject({ name: "PenjingError", code: "budget" });
    expect(read.message).toContain("20x1000x1000 elements are 20000016 bytes");
    expect(bytes).toBeLessThan(1_000_000);
    const whole = await inflated(header, { maxBytes: 20_000_016 });
    expect(whole.read.data.length).toBe(20_000_000);
  });

  test("by default at 512 MB; a header with too many elements is truncated", async () => {
    const { read, bytes } = await inflated(idx(8, [2 ** 29], Buffer.alloc(0)));
    expect([read.code, bytes < 1_000_000]).toEqual(["budget", true]);
    const lie = await readIdx(gzipSync(idx(8, [2 ** 28], Buffer.alloc(100)))).catch(error => error);
    expect(lie).toMatchObject({ name: "PenjingError", code: "truncated" });
  });

  test("by the signal, and refuses options it does not know", async () => {
    const zipped = gzipSync(idx(8, [10], Buffer.alloc(10)));
    await expect(readIdx(zipped, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    await expect(readIdx(zipped, { maxByte: 1 } as IdxOptions)).rejects.toThrow('no option "maxByte"');
    await expect(readIdx(zipped, { maxBytes: 0 })).rejects.toThrow('"maxBytes" expected finite number > 0, got 0');
    expect((await readIdx(zipped, { maxBytes: Infinity })).shape).toEqual([10]);
  });
});

test("readIdx names a missing file", async () => {
  const path = join(folder, "nowhere");
  await expect(readIdx(path)).rejects.toThrow(PenjingError);
  await expect(readIdx(path)).rejects.toMatchObject({
    code: "missing",
    path,
    message: expect.stringContaining("nowhere"),
  });
  await expect(readIdx(folder)).rejects.toMatchObject({ code: "unreadable", path: folder });
  await expect(readIdx(5 as never)).rejects.toThrow(TypeError);
});
