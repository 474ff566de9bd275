import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteWriter } from "../../src/base/byte-writer.ts";
import { ByteReader } from "../../src/base/bytes.ts";

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const written = (write: (w: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.bytes();
};

test("ByteReader reads back everything that ByteWriter wrote", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(u32, fc.nat(255), fc.float(), fc.double(), fc.string({ unit: "binary" })), { maxLength: 40 }),
      rows => {
        const bytes = written(w => {
          for (const [a, b, c, d, e] of rows) {
            w.varint(a);
            w.u8(b);
            w.f32(c);
            w.f64(d);
            w.text(e);
            w.u32(a);
          }
        });
        const r = new ByteReader(bytes);
        for (const [a, b, c, d, e] of rows) {
          expect(r.varint()).toBe(a);
          expect(r.u8()).toBe(b);
          expect(r.f32()).toBe(c);
          expect(r.f64()).toBe(d);
          expect(r.text()).toBe(e);
          expect(r.rest[0]).toBe(a & 255);
          expect(r.u32()).toBe(a);
        }
        expect(r.left).toBe(0);
        expect(r.offset).toBe(bytes.length);
      },
    ),
  );
});

test("ByteWriter.varint writes the shortest form", () => {
  for (const [value, length] of [
    [0, 1],
    [127, 1],
    [128, 2],
    [16383, 2],
    [16384, 3],
    [2 ** 28 - 1, 4],
    [2 ** 28, 5],
    [2 ** 32 - 1, 5],
  ] as const)
    expect(written(w => w.varint(value)).length).toBe(length);
  expect([...written(w => w.varint(300))]).toEqual([0xac, 0x02]);
  const zigzag = written(w => {
    for (const v of [0, -1, 1, -64, 63]) w.signed(v);
  });
  expect([...zigzag]).toEqual([0, 1, 2, 127, 126]);
});

test("varint: values outside 32 bits are refused by ByteWriter and ByteReader", () => {
  expect(() => new ByteWriter().varint(2 ** 32)).toThrow(RangeError);
  expect(() => new ByteWriter().varint(-1)).toThrow(RangeError);
  expect(() => new ByteWriter().signed(2 ** 31)).toThrow(RangeError);
  for (const bytes of [
    [0xff, 0xff, 0xff, 0xff, 0x10],
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  ])
    expect(() => new ByteReader(Uint8Array.from(bytes)).varint()).toThrow(
      expect.objectContaining({ code: "damaged", offset: 0 }),
    );
});

test("ByteReader never reads past the end, and names the offset", () => {
  const reads: Record<string, (r: ByteReader) => unknown> = {
    u8: r => r.u8(),
    u32: r => r.u32(),
    f32: r => r.f32(),
    f64: r => r.f64(),
    varint: r => r.varint(),
    text: r => r.text(),
    raw: r => r.raw(2 ** 31),
    list: r => r.list(() => 0, 2 ** 31),
  };
  for (const [name, read] of Object.entries(reads)) {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 0x81), "x.bin");
    reader.raw(name === "u8" ? 4 : 3);
    expect(() => read(reader), name).toThrow(
      expect.objectContaining({ name: "PenjingError", code: "truncated", path: "x.bin" }),
    );
  }
  const reader = new ByteReader(new Uint8Array(20));
  reader.raw(14);
  expect(() => reader.raw(7)).toThrow(/7 bytes expected, 6 left \(byte 14\)/);
  // An error about a read has the offset where that read begins.
  expect(new ByteReader(new Uint8Array(4)).error("a", "b")).toMatchObject({ offset: 0 });
  const number = new ByteReader(Uint8Array.of(1, 0xac, 0x02, 7));
  number.u8();
  number.varint();
  expect(number.error("damaged", "300 is too much", undefined, "cause")).toMatchObject({
    code: "damaged",
    message: "300 is too much (byte 1)",
    offset: 1,
    cause: "cause",
  });
});

test("ByteReader.list reads a length, or takes one", () => {
  const u8 = (r: ByteReader) => r.u8();
  const reader = new ByteReader(Uint8Array.of(2, 7, 8, 9));
  expect(reader.list(u8)).toEqual([7, 8]);
  expect(reader.list(u8, 1)).toEqual([9]);
  expect(reader.list(u8, 0)).toEqual([]);
});

test("ByteReader.text refuses bytes that are not UTF-8", () => {
  expect(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).text()).toThrow(/not UTF-8 \(byte 1\)/);
});
