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

/** Tensors of few distinct values that float16 has too, if they are floats. */
const fewValues = (dtype: DType) =>
  fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: dtype[0] === "u" ? 0 : -128, max: 127 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(40), { minLength: 1, maxLength: 300 }),
    )
    .map(([values, places]) => {
      const data = allocate(dtype, places.length);
      data.set(places.map(place => (place < values.length ? values[place]! : 0)));
      return data;
    });

const CODEC = {
  raw: 0,
  sparse: 1,
  packed: 2,
  sparsePacked: 3,
  codebook: 4,
  sparseCodebook: 5,
  float16: 6,
  sparseFloat16: 7,
};

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
  test.each(encoder.id < CODEC.float16 ? DTYPES : (["f32"] as const))(
    "%s: cost is the length of encode, and decode reads exactly that, bit for bit",
    dtype => {
      fc.assert(
        fc.property(fc.oneof(elements(dtype), fewValues(dtype)), data => {
          fc.pre(encoder.cost(elementsOf(data)) < Infinity);
          const bytes = encoder.encode(elementsOf(data));
          expect(bytes.length).toBe(encoder.cost(elementsOf(data)));
          // more bytes follow, as in a file of version 2
          const reader = new ByteReader(Uint8Array.of(...bytes, 0xff, 0xff));
          expect(bytesOf(decode(encoder.id, "t", dtype, data.length, reader))).toEqual(bytesOf(data));
          expect(reader.left).toBe(2);
        }),
        { numRuns: 40 },
      );
    },
  );
});

test("decode names an unknown codec, and the tensor", () => {
  expect(() => decode(99, "dense/kernel", "i8", 1, new ByteReader(new Uint8Array(9)))).toThrow(
    expect.objectContaining({ code: "codec", message: expect.stringMatching(/"dense\/kernel" .* codec 99/) }),
  );
});

test("decode: every truncation of a tensor is noticed", () => {
  for (const [dtype, data] of [
    ["f32", Float32Array.from({ length: 90 }, (_, i) => (i % 9 ? 0 : i + 0.5))],
    ["i8", Int8Array.from({ length: 90 }, (_, i) => (i % 9 ? 0 : i))],
    ["i32", Int32Array.from({ length: 30 }, (_, i) => i - 10)],
    ["f32", Float32Array.from({ length: 9 }, (_, i) => i + 0.1)],
    ["f32", Float32Array.from({ length: 99 }, (_, i) => (i % 3) + 0.1)],
    ["f32", Float32Array.from({ length: 99 }, (_, i) => (i % 9 ? 0 : (i % 4) + 0.1))],
    ["f32", Float32Array.from({ length: 90 }, (_, i) => i + 0.5)],
    ["f32", Float32Array.from({ length: 2000 }, (_, i) => (i % 9 ? 0 : i + 0.5))],
  ] as const) {
    const { codec, bytes } = encode(data);
    for (let length = 0; length < bytes.length; length++)
      expect(() => decode(codec, "t", dtype, data.length, new ByteReader(bytes.subarray(0, length)))).toThrow(
        expect.objectContaining({ name: "PenjingError", code: "truncated" }),
      );
  }
});

test("encode takes the smallest codec, with gaps as wide as the sparsity requires", () => {
  // more values than a codebook has
  const spread = (length: number, every: number) =>
    Int32Array.from({ length }, (_, i) => (i % every ? 0 : 2 ** 31 - 1 - i));
  expect(encode(spread(1000, 1)).codec).toBe(CODEC.raw);
  expect(encode(spread(1000, 5)).codec).toBe(CODEC.sparse);
  const small = Int8Array.from({ length: 100 }, (_, i) => (i % 15) - 7);
  expect(encode(small).codec).toBe(CODEC.packed);
  expect(encode(small.map((v, i) => (i % 8 ? 0 : v))).codec).toBe(CODEC.sparsePacked);
  expect(encode(Float32Array.of(0.1, 0.2, 0.3)).codec).toBe(CODEC.raw);
  // Every second element is non-zero: one bit per element is best. Every 100th: seven.
  expect(encode(spread(1000, 2)).bytes[0]).toBe(1);
  expect(encode(spread(100_000, 100)).bytes[0]).toBe(7);
  // 100 000 elements in a k, 1001 gaps of 7 bits and 1000 values of 32 bits.
  expect(encode(spread(100_000, 100)).bytes.length).toBe(1 + Math.ceil((1001 * 7 + 1000 * 32) / 8));
  // 80 % of zeros: the coded size is near the entropy, 0.722 bits per element.
  let seed = 1;
  const random = Int8Array.from({ length: 50_000 }, () => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >> 16) % 5 ? 0 : 1 + ((seed >> 5) & 127);
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
  data[30] = 0.1;
  for (const encoder of ENCODERS) {
    if (encoder.cost(elementsOf(data)) === Infinity) continue;
    const decoded = decode(encoder.id, "t", "f32", 64, new ByteReader(encoder.encode(elementsOf(data))));
    expect(bytesOf(decoded)).toEqual(bytesOf(data));
  }
});

test("encode takes a codebook for few values, sparse where most are zero", () => {
  const values = Float32Array.from({ length: 16 }, (_, i) => (i - 7.3) * 0.1);
  const clustered = Float32Array.from({ length: 1000 }, (_, i) => values[(i * 7) % 16]!);
  const dense = back(clustered, "f32");
  expect(dense.codec).toBe(CODEC.codebook);
  // k, 16 floats, 4 bits an element
  expect(dense.bytes.length).toBe(1 + 64 + 500);
  const sparse = back(
    clustered.map((v, i) => (i % 4 || v === values[0] ? 0 : v)),
    "f32",
  );
  expect(sparse.codec).toBe(CODEC.sparseCodebook);
  const integers = back(
    Int8Array.from({ length: 1000 }, (_, i) => [-127, 3, 90, 12][i % 4]!),
    "i8",
  );
  expect(integers.codec).toBe(CODEC.codebook);
  expect(integers.bytes.length).toBe(1 + 4 + 250);
});

test("encode: the bytes of codecs 4 and 5 are those of their comment", () => {
  const data = Int8Array.of(0, 5, 0, 0, -3, 5);
  const [codebook, sparse] = [ENCODERS[CODEC.codebook]!, ENCODERS[CODEC.sparseCodebook]!];
  // k - 1; -3, 0, 5; places 1 2 1 1 0 2 in two bits
  expect([...codebook.encode(elementsOf(data))]).toEqual([2, 253, 0, 5, 0b01_01_10_01, 0b10_00]);
  // gaps of 1 bit; k - 1; -3, 5; codes 1 0 place 2, 1 1 0 place 1, 0 place 2
  expect([...sparse.encode(elementsOf(data))]).toEqual([1, 1, 253, 5, 0b1_0_1_1_10_0_1, 0b10_0_0]);
});

test("encode takes float16 where every number has it, sparse where most are zero", () => {
  const half = Float32Array.from(
    { length: 4000 },
    (_, i) => (i % 2 ? -1 : 1) * (1024 + (i % 1024)) * 2 ** ((i % 30) - 24),
  );
  half.set([-0, 2 ** -24, -1023 * 2 ** -24, 65504]);
  const dense = back(half, "f32");
  expect(dense.codec).toBe(CODEC.float16);
  expect(dense.bytes.length).toBe(8000);
  expect(
    back(
      half.map((v, i) => (i % 5 ? 0 : v)),
      "f32",
    ).codec,
  ).toBe(CODEC.sparseFloat16);
  expect(
    back(
      half.map((v, i) => (i ? v : 0.1)),
      "f32",
    ).codec,
  ).toBe(CODEC.raw);
});

test("decode: places behind the end of a codebook and float16 of bytes are refused", () => {
  const damaged = expect.objectContaining({ name: "PenjingError", code: "damaged" });
  const of = (codec: number, dtype: DType, length: number, ...bytes: number[]) =>
    decode(codec, "t", dtype, length, new ByteReader(Uint8Array.from(bytes)));
  // three values, place 3
  expect(() => of(CODEC.codebook, "i8", 1, 2, 1, 2, 3, 3)).toThrow(damaged);
  // two values that are not zero, place 3
  expect(() => of(CODEC.sparseCodebook, "i8", 1, 1, 1, 1, 2, 0b11_0)).toThrow(damaged);
  expect(() => of(CODEC.sparseCodebook, "i8", 1, 9, 1, 1, 2, 0)).toThrow(damaged);
  expect(() => of(CODEC.float16, "i8", 1, 0, 0)).toThrow(damaged);
  expect(() => of(CODEC.sparseFloat16, "i8", 1, 1, 0, 0)).toThrow(damaged);
});

test("decode: what follows claims more elements than bytes can hold, and costs no memory", () => {
  for (const [codec, dtype] of [
    [CODEC.codebook, "i8"],
    [CODEC.sparseCodebook, "i8"],
    [CODEC.float16, "f32"],
    [CODEC.sparseFloat16, "f32"],
  ] as const)
    expect(() => decode(codec, "t", dtype, 2 ** 33, new ByteReader(Uint8Array.of(1, 1, 2, 3, 4, 5)))).toThrow(
      expect.objectContaining({ code: "truncated" }),
    );
});
