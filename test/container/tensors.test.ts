import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader } from "../../src/base/bytes.ts";
import { allocate, BYTES, type DType } from "../../src/base/shape.ts";
import { decode } from "../../src/container/decode.ts";
import { encode } from "../../src/container/encode.ts";
import { STATE } from "../../src/container/format.ts";

const back = (data: ReturnType<typeof allocate>, dtype: DType) => {
  const { flags, bytes } = encode(data, dtype);
  const reader = new ByteReader(bytes);
  const decoded = decode(flags, dtype, data.length, reader);
  expect(reader.left).toBe(0);
  return { flags, bytes, decoded };
};

/** Values of a type, zero as often as not. */
const elements = (dtype: DType) => {
  const any = {
    f32: fc.float(),
    i8: fc.integer({ min: -128, max: 127 }),
    u8: fc.integer({ min: 0, max: 255 }),
    i32: fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -300, max: 300 })),
    u32: fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 300 })),
  }[dtype];
  return fc
    .tuple(fc.integer({ min: 0, max: 12 }), fc.array(any, { minLength: 1, maxLength: 300 }), fc.array(fc.nat(400)))
    .map(([keep, values, runs]) => {
      const sparse = values.flatMap((v, i) => [
        ...new Array(i % 13 < keep ? 0 : (runs[i % (runs.length || 1)] ?? 1)).fill(0),
        v,
      ]);
      const data = allocate(dtype, sparse.length);
      data.set(sparse);
      return data;
    });
};

for (const dtype of ["f32", "i8", "u8", "i32", "u32"] as const)
  test(`${dtype}: every tensor comes back bit for bit, in no more bytes than it has`, () => {
    fc.assert(
      fc.property(elements(dtype), data => {
        const { bytes, decoded } = back(data, dtype);
        expect(decoded.constructor).toBe(data.constructor);
        expect(new Uint8Array(decoded.buffer)).toEqual(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        expect(bytes.length).toBeLessThanOrEqual(data.length * BYTES[dtype]);
      }),
      { numRuns: 60 },
    );
  });

test("every truncation of a tensor is noticed", () => {
  for (const [dtype, data] of [
    ["f32", Float32Array.from({ length: 90 }, (_, i) => (i % 9 ? 0 : i + 0.5))],
    ["i8", Int8Array.from({ length: 90 }, (_, i) => (i % 9 ? 0 : i))],
    ["i32", Int32Array.from({ length: 30 }, (_, i) => i - 10)],
    ["f32", Float32Array.from({ length: 9 }, (_, i) => i + 0.5)],
  ] as const) {
    const { flags, bytes } = encode(data, dtype);
    for (let length = 0; length < bytes.length; length++)
      expect(() => decode(flags, dtype, data.length, new ByteReader(bytes.subarray(0, length)))).toThrow(
        expect.objectContaining({ name: "PenjingError", code: "truncated" }),
      );
  }
});

test("what makes a tensor smallest is taken, and gaps are as wide as the sparsity wants", () => {
  const spread = (length: number, every: number) => Int8Array.from({ length }, (_, i) => (i % every ? 0 : 100));
  expect(encode(spread(1000, 1), "i8").flags).toBe(0);
  expect(encode(spread(1000, 5), "i8").flags).toBe(STATE.sparse);
  const small = Int8Array.from({ length: 100 }, (_, i) => (i % 15) - 7);
  expect(encode(small, "i8").flags).toBe(STATE.packed);
  expect(
    encode(
      small.map((v, i) => (i % 8 ? 0 : v)),
      "i8",
    ).flags,
  ).toBe(STATE.sparse | STATE.packed);
  expect(encode(Float32Array.of(1, 2, 3), "f32").flags).toBe(0);
  // Every second element: a bit for each says it best. Every 100th: seven.
  expect(encode(spread(1000, 2), "i8").bytes[0]).toBe(1);
  expect(encode(spread(100_000, 100), "i8").bytes[0]).toBe(7);
  // 100 000 elements in a k, 1001 gaps of 7 bits and 1000 values of 8 bits.
  expect(encode(spread(100_000, 100), "i8").bytes.length).toBe(1 + Math.ceil((1001 * 7 + 1000 * 8) / 8));
  // 80 % of zeros: the counted sum of codes is near the entropy, 0.722 bits an element.
  let seed = 1;
  const random = Int8Array.from({ length: 50_000 }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 16) % 5 ? 0 : 127;
  });
  const nonZero = random.filter(v => v !== 0).length;
  const bits = ((encode(random, "i8").bytes.length - nonZero) * 8) / random.length;
  expect(bits).toBeGreaterThan(0.72);
  expect(bits).toBeLessThan(0.78);
});

test("the drawing in the codec's comment", () => {
  const { flags, bytes } = encode(Int8Array.of(0, 0, 5, 0, 0, 0, 0, 7, 0), "i8");
  expect(flags).toBe(STATE.sparse);
  // k = 2; gap 2, element 5, gaps 3 and 1, element 7, gap 1, all lowest bit first.
  expect([...bytes]).toEqual([2, 0b000101_10, 0b11_01_11_00, 0b01_000001]);
});

test("a tensor of zeros costs a byte for each 255 elements", () => {
  const { decoded, bytes } = back(new Int8Array(255 * 20), "i8");
  expect(decoded.every(v => v === 0)).toBe(true);
  expect(bytes.length).toBe(21);
});

test("minus zero and NaN are kept", () => {
  const data = new Float32Array(64);
  data[10] = -0;
  data[20] = Number.NaN;
  const { flags, decoded } = back(data, "f32");
  expect(flags & STATE.sparse).toBe(STATE.sparse);
  expect(Object.is(decoded[10], -0)).toBe(true);
  expect(decoded[20]).toBeNaN();
});
