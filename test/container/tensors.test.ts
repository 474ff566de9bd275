import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader } from "../../src/base/bytes.ts";
import { allocate, BYTES, type DType } from "../../src/base/shape.ts";
import { decode } from "../../src/container/codecs/decode.ts";
import { ENCODERS, elementsOf, encode } from "../../src/container/codecs/encode.ts";

const back = (data: ReturnType<typeof allocate>, dtype: DType) => {
  const { codec, bytes } = encode(data);
  const reader = new ByteReader(bytes);
  const decoded = decode(codec, "t", dtype, data.length, reader);
  expect(reader.left).toBe(0);
  return { codec, bytes, decoded };
};

/** Values of a type, half of them zero. */
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

const CODEC = { raw: 0, sparse: 1, packed: 2, sparsePacked: 3 };

const DTYPES = ["f32", "i8", "u8", "i32", "u32"] as const;
const bytesOf = (data: ReturnType<typeof allocate>) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

test.each(DTYPES)("encode, decode: every tensor of %s comes back bit for bit, in no more bytes than it has", dtype => {
  fc.assert(
    fc.property(elements(dtype), data => {
      const { bytes, decoded } = back(data, dtype);
      expect(decoded.constructor).toBe(data.constructor);
      expect(bytesOf(decoded)).toEqual(bytesOf(data));
      expect(bytes.length).toBeLessThanOrEqual(data.length * BYTES[dtype]);
    }),
    { numRuns: 60 },
  );
});

describe.each(ENCODERS)("encode and decode by codec $id", encoder => {
  test.each(DTYPES)("%s: cost is the length of encode, and decode reads exactly that, bit for bit", dtype => {
    fc.assert(
      fc.property(elements(dtype), data => {
        const bytes = encoder.encode(elementsOf(data));
        expect(bytes.length).toBe(encoder.cost(elementsOf(data)));
        // more bytes follow, as in a file of version 2
        const reader = new ByteReader(Uint8Array.of(...bytes, 0xff, 0xff));
        expect(bytesOf(decode(encoder.id, "t", dtype, data.length, reader))).toEqual(bytesOf(data));
        expect(reader.left).toBe(2);
      }),
      { numRuns: 40 },
    );
  });
});

test("decode names an unknown codec, and the tensor", () => {
  expect(() => decode(4, "dense/kernel", "i8", 1, new ByteReader(new Uint8Array(9)))).toThrow(
    expect.objectContaining({ code: "codec", message: expect.stringMatching(/"dense\/kernel" .* codec 4/) }),
  );
});

test("decode: every truncation of a tensor is noticed", () => {
  for (const [dtype, data] of [
    ["f32", Float32Array.from({ length: 90 }, (_, i) => (i % 9 ? 0 : i + 0.5))],
    ["i8", Int8Array.from({ length: 90 }, (_, i) => (i % 9 ? 0 : i))],
    ["i32", Int32Array.from({ length: 30 }, (_, i) => i - 10)],
    ["f32", Float32Array.from({ length: 9 }, (_, i) => i + 0.5)],
  ] as const) {
    const { codec, bytes } = encode(data);
    for (let length = 0; length < bytes.length; length++)
      expect(() => decode(codec, "t", dtype, data.length, new ByteReader(bytes.subarray(0, length)))).toThrow(
        expect.objectContaining({ name: "PenjingError", code: "truncated" }),
      );
  }
});

test("encode takes the smallest codec, with gaps as wide as the sparsity requires", () => {
  const spread = (length: number, every: number) => Int8Array.from({ length }, (_, i) => (i % every ? 0 : 100));
  expect(encode(spread(1000, 1)).codec).toBe(CODEC.raw);
  expect(encode(spread(1000, 5)).codec).toBe(CODEC.sparse);
  const small = Int8Array.from({ length: 100 }, (_, i) => (i % 15) - 7);
  expect(encode(small).codec).toBe(CODEC.packed);
  expect(encode(small.map((v, i) => (i % 8 ? 0 : v))).codec).toBe(CODEC.sparsePacked);
  expect(encode(Float32Array.of(1, 2, 3)).codec).toBe(CODEC.raw);
  // Every second element is non-zero: one bit per element is best. Every 100th: seven.
  expect(encode(spread(1000, 2)).bytes[0]).toBe(1);
  expect(encode(spread(100_000, 100)).bytes[0]).toBe(7);
  // 100 000 elements in a k, 1001 gaps of 7 bits and 1000 values of 8 bits.
  expect(encode(spread(100_000, 100)).bytes.length).toBe(1 + Math.ceil((1001 * 7 + 1000 * 8) / 8));
  // 80 % of zeros: the coded size is near the entropy, 0.722 bits per element.
  let seed = 1;
  const random = Int8Array.from({ length: 50_000 }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 16) % 5 ? 0 : 127;
  });
  const nonZero = random.filter(v => v !== 0).length;
  const bits = ((encode(random).bytes.length - nonZero) * 8) / random.length;
  expect(bits).toBeGreaterThan(0.72);
  expect(bits).toBeLessThan(0.78);
});

test("encode: the drawing in the codec's comment", () => {
  const { codec, bytes } = encode(Int8Array.of(0, 0, 5, 0, 0, 0, 0, 7, 0));
  expect(codec).toBe(CODEC.sparse);
  // k = 2; gap 2, element 5, gaps 3 and 1, element 7, gap 1, all lowest bit first.
  expect([...bytes]).toEqual([2, 0b000101_10, 0b11_01_11_00, 0b01_000001]);
});

test("encode: a tensor of zeros costs a byte per 255 elements", () => {
  const { decoded, bytes } = back(new Int8Array(255 * 20), "i8");
  expect(decoded.every(v => v === 0)).toBe(true);
  expect(bytes.length).toBe(21);
});

test("encode keeps minus zero and NaN", () => {
  const data = new Float32Array(64);
  data[10] = -0;
  data[20] = Number.NaN;
  const { codec, decoded } = back(data, "f32");
  expect(codec).toBe(CODEC.sparse);
  expect(Object.is(decoded[10], -0)).toBe(true);
  expect(decoded[20]).toBeNaN();
});
