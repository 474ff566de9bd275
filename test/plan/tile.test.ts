import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Buffer, Call } from "../../src/plan/lower.ts";
import { prepared, tile } from "../../src/plan/tile.ts";
import { buffer, call } from "./calls.ts";

const KINDS = ["temp", "temp", "temp", "state", "stream", "constant"] as const;

/** Random calls over a few buffers of all kinds. */
const programs = fc
  .array(
    fc.record({
      reads: fc.uniqueArray(fc.nat(7), { maxLength: 3 }),
      writes: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 2 }),
      split: fc.boolean(),
      once: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
    }),
    { maxLength: 25 },
  )
  .map(list => {
    const buffers = Array.from({ length: 8 }, (_, i) => buffer(`b${i}`, KINDS[i % KINDS.length]));
    const named = (places: readonly number[]) => places.map(i => buffers[i]!);
    const calls = list.map((parts, i) => call(i, { ...parts, reads: named(parts.reads), writes: named(parts.writes) }));
    return { buffers, calls };
  });

/** The order of two calls matters where one writes what the other touches. */
const conflict = (a: Call, b: Call): boolean =>
  a.writes.some(w => b.reads.includes(w) || b.writes.includes(w)) || b.writes.some(w => a.reads.includes(w));

describe("tile", () => {
  test("tile: every call is in one block, and conflicting calls keep their order", () => {
    fc.assert(
      fc.property(programs, ({ calls }) => {
        const placed = tile(calls).flatMap(block => block.calls);
        expect(placed).toHaveLength(calls.length);
        expect(new Set(placed)).toEqual(new Set(calls));
        const place = new Map(placed.map((c, i) => [c, i]));
        for (const [i, a] of calls.entries())
          for (const b of calls.slice(i + 1)) if (conflict(a, b)) expect(place.get(a)).toBeLessThan(place.get(b)!);
      }),
    );
  });

  test("tile: loops hold the calls that may be split, and nothing else", () => {
    fc.assert(
      fc.property(programs, ({ calls }) => {
        for (const block of tile(calls)) {
          expect(block.calls.length).toBeGreaterThan(0);
          for (const c of block.calls) expect(c.split).toBe(block.loop);
        }
      }),
    );
  });

  test("tile: a whole-batch call without conflicts in the loop moves before it, so that the loop is one", () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map(name => buffer(name)) as [Buffer, Buffer, Buffer, Buffer];
    const first = call(1, { writes: [a], split: true });
    const whole = call(2, { reads: [c], writes: [d] });
    const second = call(3, { reads: [a], writes: [b], split: true });
    expect(tile([first, whole, second])).toEqual([
      { loop: false, calls: [whole] },
      { loop: true, calls: [first, second] },
    ]);
  });

  test("tile: a whole-batch call that reads an output of the loop ends it", () => {
    const [a, b, c] = ["a", "b", "c"].map(name => buffer(name)) as [Buffer, Buffer, Buffer];
    const first = call(1, { writes: [a], split: true });
    const whole = call(2, { reads: [a], writes: [b] });
    const second = call(3, { reads: [b], writes: [c], split: true });
    expect(tile([first, whole, second]).map(({ loop }) => loop)).toEqual([true, false, true]);
  });
});

/** Reference implementation of `prepared`: repeats the rules until nothing more varies. */
function varying(calls: readonly Call[], buffers: readonly Buffer[]): Set<Buffer> {
  const varies = new Set(buffers.filter(b => b.kind === "stream" || b.kind === "input" || b.kind === "tally"));
  for (const { writes, split } of calls) {
    for (const b of writes) if (b.kind === "state") varies.add(b);
    if (split && writes.some(b => b.kind === "temp" && !b.value)) for (const b of writes) varies.add(b);
  }
  for (let size = -1; size !== varies.size; ) {
    size = varies.size;
    for (const { reads, writes, once } of calls)
      if (!once && [...reads, ...writes].some(b => varies.has(b))) for (const b of writes) varies.add(b);
  }
  return varies;
}

describe("prepared", () => {
  test("prepared: splits off exactly the calls that write nothing that varies, in their order", () => {
    fc.assert(
      fc.property(programs, ({ calls, buffers }) => {
        const varies = varying(calls, buffers);
        const { once, rest } = prepared(calls, buffers);
        const runsOnce = (c: Call) => c.once || !c.writes.some(b => varies.has(b));
        expect(once).toEqual(calls.filter(runsOnce));
        expect(rest).toEqual(calls.filter(c => !runsOnce(c)));
      }),
    );
  });

  test("prepared: packing of a frozen weight runs once, of a trained weight in every step", () => {
    const [weight, packed, y] = [buffer("w", "state"), buffer("packed"), buffer("y", "stream")];
    const pack = call(1, { reads: [weight], writes: [packed] });
    const multiply = call(2, { reads: [packed], writes: [y] });
    expect(prepared([pack, multiply], [weight, packed, y]).once).toEqual([pack]);
    const update = call(3, { reads: [y], writes: [weight] });
    expect(prepared([pack, multiply, update], [weight, packed, y]).once).toEqual([]);
  });
});
