import fc from "fast-check";
import { expect, test } from "vitest";
import { placeSlots, type Slot } from "../../src/plan/arena.ts";

const slots = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 5000 }), from: fc.nat(20), length: fc.nat(8) })
    .map(({ bytes, from, length }): Slot => ({ bytes, from, to: from + length, at: -1 })),
  { maxLength: 30 },
);

test("buffers alive at the same moment never overlap, and all lie inside", () => {
  fc.assert(
    fc.property(
      slots,
      fc.nat(1000).map(n => n * 64),
      (all, base) => {
        const top = placeSlots(all, base);
        for (const [i, a] of all.entries()) {
          expect(a.at).toBeGreaterThanOrEqual(base);
          expect(a.at % 64).toBe(0);
          expect(a.at + a.bytes).toBeLessThanOrEqual(top);
          for (const b of all.slice(0, i)) {
            const together = a.from <= b.to && b.from <= a.to;
            if (together) expect(a.at + a.bytes <= b.at || b.at + b.bytes <= a.at).toBe(true);
          }
        }
      },
    ),
  );
});

test("memory is used again: ten buffers one after another take the room of two", () => {
  const all = Array.from({ length: 10 }, (_, i): Slot => ({ bytes: 640, from: i, to: i + 1, at: -1 }));
  expect(placeSlots(all, 0)).toBe(2 * 640);
});
