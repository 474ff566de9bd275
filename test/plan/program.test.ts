import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { END } from "../../src/kernels/forms.ts";
import type { Buffer, Call } from "../../src/plan/lower.ts";
import { assemble, LOOP, NEXT, type Words } from "../../src/plan/program.ts";
import type { Block } from "../../src/plan/tile.ts";
import { buffer, call } from "./calls.ts";

type Executed = [kernel: number, ...args: number[]];

/** Reference implementation of the interpreter that scripts/generate.ts writes: returns the calls it makes. */
function interpret(words: Int32Array, at: number): Executed[] {
  const made: Executed[] = [];
  const move = (loop: number, by: number) => {
    for (let k = 0; k < words[loop + 5]!; k++)
      words[loop + words[loop + 6 + 2 * k]! / 4]! += by * words[loop + 7 + 2 * k]!;
  };
  for (;;) {
    const [kernel, length] = [words[at]!, words[at + 1]!];
    if (kernel === END) return made;
    if (kernel === LOOP) {
      words[at + 4] = 0;
      move(at, words[at + 2]!);
    } else if (kernel === NEXT) {
      const loop = at - words[at + 2]! / 4;
      const [first, count] = [words[loop + 2]!, words[loop + 3]!];
      words[loop + 4]!++;
      if (words[loop + 4]! < count) {
        move(loop, 1);
        at = loop + words[loop + 1]!;
        continue;
      }
      move(loop, 1 - count - first);
    } else made.push([kernel, ...words.subarray(at + 2, at + length)]);
    at += length;
  }
}

/** The expected calls of a program: steps, then blocks, then groups of images. */
function expected(blocks: readonly Block[], batch: number, group: number, first: number, steps: number): Executed[] {
  const made: Executed[] = [];
  const place = (b: Buffer, step: number, image: number) => b.at + step * b.step + image * b.image;
  for (let step = first; step < first + steps; step++)
    for (const { loop, calls } of blocks)
      for (let image = 0; image < (loop ? batch : 1); image += loop ? group : 1)
        for (const { form, reads, writes } of calls)
          made.push([form.number, ...[...reads, ...writes].map(b => place(b, step, loop ? image : 0))]);
  return made;
}

const buffers = fc
  .record({ batched: fc.boolean(), streamed: fc.boolean(), at: fc.nat(99), unit: fc.integer({ min: 1, max: 9 }) })
  .map(({ batched, streamed, at, unit }) =>
    buffer("b", "temp", { at: 64 * at, image: batched ? 4 * unit : 0, step: streamed ? 1000 * unit : 0 }),
  );

const calls = fc
  .tuple(fc.integer({ min: 4, max: 99 }), fc.array(buffers, { maxLength: 3 }), fc.array(buffers, { maxLength: 2 }))
  .map(([number, reads, writes]): Call => call(number, { reads, writes }));

const blocks = fc.array(fc.record({ loop: fc.boolean(), calls: fc.array(calls, { minLength: 1, maxLength: 4 }) }), {
  maxLength: 5,
});

/** Sets the step loop of *run*, as a machine does. */
function steps({ words, run }: Words, first: number, count: number): void {
  words[run + 2] = first;
  words[run + 3] = count;
}

describe("assemble", () => {
  test("assemble: the program makes every call with the addresses of its step and its group of images", () => {
    fc.assert(
      fc.property(
        blocks,
        fc.constantFrom([1, 1], [4, 4], [8, 4], [6, 2], [5, 1]),
        fc.nat(3),
        fc.integer({ min: 1, max: 3 }),
        (blocks, [batch, group], first, count) => {
          const program = assemble([], blocks, batch!, group!);
          steps(program, first, count);
          const before = program.words.slice();
          expect(interpret(program.words, program.run)).toEqual(expected(blocks, batch!, group!, first, count));
          // all strides were subtracted again; only the counters of loops differ
          steps(program, 0, 1);
          expect(interpret(program.words, program.run)).toEqual(expected(blocks, batch!, group!, 0, 1));
          expect(program.words.length).toBe(before.length);
        },
      ),
    );
  });

  test("assemble: prepare begins at word 0, covers the whole batch and is not part of run", () => {
    const [weight, packed] = [buffer("w", "state", { at: 128 }), buffer("packed", "pinned", { at: 256 })];
    const pack = call(7, { reads: [weight], writes: [packed] });
    const multiply = call(8, { reads: [packed] });
    const { words, run } = assemble([pack], [{ loop: false, calls: [multiply] }], 8, 4);
    expect(interpret(words, 0)).toEqual([[7, 128, 256]]);
    expect(interpret(words, run)).toEqual([[8, 256]]);
  });

  test("assemble: counts are those of the group inside a loop, of the batch outside; floats are stored as bits", () => {
    const counted: Call = {
      ...call(9, {}),
      form: { number: 9, args: ["n", "all", "rate"].map((name, i) => ({ name, role: "#,~"[i]! })) },
      args: ["count", { per: 10 }, 0.5],
    };
    const bits = new Int32Array(Float32Array.of(0.5).buffer)[0]!;
    const program = (loop: boolean) => assemble([], [{ loop, calls: [counted] }], 8, 4);
    const [looped, whole] = [program(true), program(false)];
    expect(interpret(looped.words, looped.run)).toEqual([
      [9, 4, 40, bits],
      [9, 4, 40, bits],
    ]);
    expect(interpret(whole.words, whole.run)).toEqual([[9, 8, 80, bits]]);
  });
});
