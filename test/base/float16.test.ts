import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_FLOAT16, narrowFloat16, roundToFloat16, widenFloat16 } from "../../src/base/float16.ts";

const bits = new Int32Array(1);
const real = new Float32Array(bits.buffer);
const bitsOf = (x: number): number => {
  real[0] = x;
  return bits[0]!;
};
const numberOf = (half: number): number => {
  bits[0] = widenFloat16(half);
  return real[0]!;
};

test("narrowFloat16 is the inverse of widenFloat16 for all 65536 patterns", () => {
  for (let half = 0; half < 65536; half++)
    if (narrowFloat16(widenFloat16(half)) !== half) expect.fail(`pattern ${half.toString(16)}`);
});

test("widenFloat16: values of the standard", () => {
  const values: [number, number][] = [
    [0x0001, 2 ** -24],
    [0x03ff, 2 ** -14 - 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, MAX_FLOAT16],
    [0x7c00, Infinity],
    [0x8000, -0],
  ];
  for (const [half, value] of values) expect(numberOf(half)).toBe(value);
  expect(numberOf(0x7e01)).toBeNaN();
});

test("narrowFloat16 refuses what float16 does not have", () => {
  for (const x of [0.1, 2 ** -25, 65520, 1 + 2 ** -11, 1e-30, -1e30]) expect(narrowFloat16(bitsOf(x))).toBe(-1);
});

test("roundToFloat16 gives the nearest number, ties to even", () => {
  const all = Array.from({ length: 0x7c00 }, (_, half) => numberOf(half));
  const examples: [number, number][] = [
    [1 + 2 ** -11, 1],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [2 ** -25, 0],
    [3 * 2 ** -26, 2 ** -24],
    [2047.5, 2048],
    [65519, MAX_FLOAT16],
    [65520, 65536],
  ];
  for (const [x, y] of examples) expect(roundToFloat16(x)).toBe(y);
  fc.assert(
    fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), x => {
      const y = roundToFloat16(x);
      expect(narrowFloat16(bitsOf(y))).toBeGreaterThanOrEqual(0);
      const at = all.findIndex(v => v >= Math.abs(x));
      const least = Math.min(Math.abs(all[at]! - Math.abs(x)), Math.abs((all[at - 1] ?? 0) - Math.abs(x)));
      expect(Math.abs(y - x)).toBe(least);
    }),
    { numRuns: 200 },
  );
});
