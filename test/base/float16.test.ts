import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_FLOAT16, narrowFloat16, roundToFloat16 } from "../../src/base/float16.ts";

const bits = new Int32Array(1);
const real = new Float32Array(bits.buffer);
const bitsOf = (x: number): number => {
  real[0] = x;
  return bits[0]!;
};
/** By definition. */
function numberOf(half: number): number {
  const [sign, exponent, mantissa] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  return sign * (exponent ? (1024 + mantissa) * 2 ** (exponent - 25) : mantissa * 2 ** -24);
}

test("narrowFloat16 gives the pattern of every finite number", () => {
  for (let half = 0; half < 65536; half++)
    if (((half >> 10) & 31) < 31 && narrowFloat16(bitsOf(numberOf(half))) !== half)
      expect.fail(`pattern ${half.toString(16)}`);
});

test("narrowFloat16 refuses what float16 does not have", () => {
  for (const x of [0.1, 2 ** -25, 65520, 1 + 2 ** -11, 1e-30, -1e30, 1e-40, Infinity, -Infinity, NaN])
    expect(narrowFloat16(bitsOf(x))).toBe(-1);
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
