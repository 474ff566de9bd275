import fc from "fast-check";
import { expect, test } from "vitest";
import { placeBySize, placeInTime, placeSlots, type Slot } from "../../src/plan/arena.ts";

const slots = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 5000 }), from: fc.nat(20), length: fc.nat(8) })
    .map(({ bytes, from, length }): Slot => ({ bytes, from, to: from + length, at: -1 })),
  { maxLength: 30 },
);

test.each([placeBySize, placeInTime])(
  "$name: buffers alive at the same moment never overlap, and all lie inside",
  place => {
    fc.assert(
      fc.property(
        slots,
        fc.nat(1000).map(n => n * 64),
        (all, base) => {
          const top = place(all, base);
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
  },
);

test.each([10, 100_000])("placeSlots: memory is used again: %i buffers one after another take the room of two", n => {
  const all = Array.from({ length: n }, (_, i): Slot => ({ bytes: 640, from: i, to: i + 1, at: -1 }));
  expect(placeSlots(all, 0)).toBe(2 * 640);
});

test("placeSlots: a hundred thousand buffers that all live to the end, or end in order, are adjacent", () => {
  const all = Array.from({ length: 100_000 }, (_, i): Slot => ({ bytes: 64, from: i, to: 200_000, at: -1 }));
  expect(placeSlots(all, 0)).toBe(64 * all.length);
  const ending = all.map((slot, i): Slot => ({ ...slot, from: 0, to: i }));
  expect(placeSlots(ending, 0)).toBe(64 * all.length);
});
