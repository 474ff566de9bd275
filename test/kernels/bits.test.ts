/** assembly/bits.ts through its wrapper, against its reference implementation. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, readFields } from "../../src/kernels/bits.ts";
import * as twin from "../../src/kernels/reference/bits.ts";

test("bits.wasm is small enough for a page's main thread to compile synchronously", () => {
  expect(readFileSync("build/wasm/bits.wasm").length).toBeLessThan(4096);
});

test("crc32: the check value, and pieces of memory in a row", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
  const long = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 7);
  // for any bytes with their own sum at the end, the sum is this constant
  new DataView(long.buffer).setUint32(long.length - 4, crc32(long.subarray(0, -4)), true);
  expect(crc32(long)).toBe(0x2144df1c);
});

/** The result of either for some bytes, or the fact that it refuses them. */
function outcome(
  read: typeof readFields,
  bytes: Uint8Array,
  elements: Int8Array | Int32Array,
  ...widths: [number, number]
) {
  try {
    return { taken: read(bytes, elements, ...widths), elements };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return "refused";
  }
}

const arrays = { 1: Int8Array, 4: Int32Array };

test.each([1, 4] as const)("readFields: any bits as elements of %i bytes, of every width and gap", size => {
  const run = fc.record({
    bytes: fc.uint8Array({ maxLength: 400 }),
    length: fc.integer({ min: 1, max: 900 }),
    width: fc.integer({ min: 1, max: 8 * size }),
    gapBits: fc.integer({ min: 0, max: 8 }),
  });
  fc.assert(
    fc.property(run, ({ bytes, length, width, gapBits }) => {
      const [ours, theirs] = [readFields, twin.readFields].map(read =>
        outcome(read, bytes, new arrays[size](length), width, gapBits),
      );
      expect(ours).toEqual(theirs);
    }),
    { numRuns: 300 },
  );
});

test("readFields: tensors of many parts, with gaps over their borders", () => {
  for (const gapBits of [0, 1, 5, 8])
    for (const zeros of [0, 3, 200]) {
      const bytes = Uint8Array.from({ length: 250_000 }, (_, i) => (((i * 7919) >> 5) % (zeros + 1) ? 0xff : i & 255));
      for (const length of [65535, 65536, 65537, 180_001]) {
        const [ours, theirs] = [readFields, twin.readFields].map(read =>
          outcome(read, bytes, new Int8Array(length), 7, gapBits),
        );
        expect(ours).toEqual(theirs);
      }
    }
});
