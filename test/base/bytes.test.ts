import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BitReader, BitWriter, ByteReader, ByteWriter, crc32, crc32ByTable } from "../../src/base/bytes.ts";
import { PenjingError } from "../../src/base/errors.ts";

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const i32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

const written = (write: (w: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.bytes();
};

test("everything written is read back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(u32, i32, fc.float(), fc.double(), fc.nat(65535), fc.string({ unit: "binary" })), {
        maxLength: 40,
      }),
      rows => {
        const bytes = written(w => {
          for (const [a, b, c, d, e, f] of rows) {
            w.varint(a);
            w.signed(b);
            w.f32(c);
            w.f64(d);
            w.u16(e);
            w.text(f);
            w.u32(a);
            w.i32(b);
          }
        });
        const r = new ByteReader(bytes);
        for (const [a, b, c, d, e, f] of rows) {
          expect(r.varint()).toBe(a);
          expect(r.signed()).toBe(b);
          expect(r.f32()).toBe(c);
          expect(r.f64()).toBe(d);
          expect(r.u16()).toBe(e);
          expect(r.text()).toBe(f);
          expect(r.u32()).toBe(a);
          expect(r.i32()).toBe(b);
        }
        expect(r.left).toBe(0);
      },
    ),
  );
});

test("varints are as short as they can be", () => {
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

test("varints outside 32 bits are refused, by writer and reader", () => {
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

test("a reader never passes the end, and says where it is", () => {
  const reads: [string, (r: ByteReader) => unknown][] = [
    ["u8", r => r.u8()],
    ["u16", r => r.u16()],
    ["u32", r => r.u32()],
    ["i32", r => r.i32()],
    ["f32", r => r.f32()],
    ["f64", r => r.f64()],
    ["varint", r => r.varint()],
    ["text", r => r.text()],
    ["raw", r => r.raw(2 ** 31)],
    ["part", r => r.part(5)],
  ];
  for (const [name, read] of reads) {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3, 4, 0x81).subarray(name.startsWith("u8") ? 5 : 4), {
      path: "x.bin",
      offset: 4,
    });
    if (name === "u8") expect(() => read(reader)).toThrow(PenjingError);
    else expect(() => read(reader), name).toThrow(expect.objectContaining({ code: "truncated", path: "x.bin" }));
  }
  const part = new ByteReader(new Uint8Array(20), { offset: 100 });
  part.raw(7);
  expect(() => part.part(5).raw(6)).toThrow(/6 bytes expected, 5 left \(byte 107\)/);
});

test("text that is not UTF-8 is refused", () => {
  expect(() => new ByteReader(Uint8Array.of(2, 0xc3, 0x28)).text()).toThrow(/not UTF-8 \(byte 1\)/);
});

test("bits of any width are read back, lowest first", () => {
  const field = fc
    .integer({ min: 1, max: 32 })
    .chain(count => fc.tuple(fc.constant(count), fc.integer({ min: 0, max: 2 ** count - 1 })));
  fc.assert(
    fc.property(fc.array(field), fields => {
      const writer = new BitWriter();
      for (const [count, value] of fields) writer.bits(value, count);
      const bytes = writer.bytes();
      expect(bytes.length).toBe(Math.ceil(fields.reduce((sum, [count]) => sum + count, 0) / 8));
      const reader = new BitReader(new ByteReader(bytes));
      for (const [count, value] of fields) expect(reader.bits(count)).toBe(value);
      expect(reader.padding).toBe(0);
    }),
  );
  const writer = new BitWriter();
  writer.bits(0b101, 3);
  writer.bits(0b1, 1);
  writer.bits(0b11110000, 8);
  expect([...writer.bytes()]).toEqual([0b00001101, 0b1111]);
  const reader = new BitReader(new ByteReader(Uint8Array.of(7)));
  reader.bits(8);
  expect(() => reader.bits(1)).toThrow(expect.objectContaining({ code: "truncated" }));
});

for (const [name, of] of Object.entries({ crc32, crc32ByTable }))
  test(`${name}: the check value, and every byte counts`, () => {
    expect(of(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
    expect(of(new Uint8Array(0))).toBe(0);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
        const altered = bytes.slice();
        altered[at % bytes.length]! ^= flip;
        expect(of(altered)).not.toBe(of(bytes));
        if (zlibCrc32) expect(of(bytes)).toBe(zlibCrc32(bytes));
      }),
    );
  });
