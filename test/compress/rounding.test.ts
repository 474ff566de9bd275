import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { roundedToBits } from "../../src/compress/rounding.ts";

describe("roundedToBits", () => {
  test("steps of the greatest weight of each output, ties to even", () => {
    expect([...roundedToBits(Float32Array.of(3, 1.4, -0.5, 1.5, 30, -14, 5, 15), 2, 3)]).toEqual([
      3, 1, 0, 2, 30, -10, 0, 20,
    ]);
    expect([...roundedToBits(Float32Array.of(2, 0.9, -1.1, 0), 2, 2)]).toEqual([2, 0, Math.fround(-1.1), 0]);
    expect([...roundedToBits(new Float32Array(4), 2, 8)]).toEqual([0, 0, 0, 0]);
  });

  test("law: at most half a step from each weight, the greatest kept, 2^bits - 1 values", () => {
    const weight = fc
      .float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 })
      .filter(w => Math.abs(w) > 1e-6);
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 40 }), fc.integer({ min: 2, max: 10 }), (list, bits) => {
        const weights = Float32Array.from(list);
        const rounded = roundedToBits(weights, 1, bits);
        const top = Math.max(...weights.map(Math.abs));
        const step = top / (2 ** (bits - 1) - 1);
        rounded.forEach((r, i) => expect(Math.abs(r - weights[i]!)).toBeLessThanOrEqual(0.5001 * step));
        expect(new Set(rounded).size).toBeLessThanOrEqual(2 ** bits - 1);
      }),
      { numRuns: 100 },
    );
  });
});
