/** Decodes assembled programs, for printing and profiling. */
import { END } from "../kernels/forms.ts";
import type { Call } from "./lower.ts";
import type { Program } from "./plan.ts";
import { LOOP, NEXT } from "./program.ts";

/** A call's place in a program: `words[word]` is its kernel's number. */
export interface PlacedCall extends Call {
  readonly word: number;
}

/** Locates `calls` from word `at` on: one after the other, except for the words of loops. */
export function placed({ words }: Program, at: number, calls: readonly Call[]): PlacedCall[] {
  let word = at;
  const next = (length: number) => {
    const found = word;
    word += length;
    return found;
  };
  return calls.map(call => {
    while (words[word]! === LOOP || words[word]! === NEXT || words[word]! === END) next(words[word + 1]!);
    return { ...call, word: next(words[word + 1]!) };
  });
}

/** The kernel calls of *run* in order, those of a loop once. */
export const callsOf = (program: Program): PlacedCall[] =>
  placed(
    program,
    (program.run - program.at) / 4,
    program.blocks.flatMap(({ calls }) => calls),
  );

/** The argument words of a call, in order. */
export function argumentsOf({ words }: Program, { form, word }: PlacedCall): number[] {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  return form.args.map(({ role }, j) => (role === "~" ? floats : words)[word + 2 + j]!);
}

/** The words of a loop that makes `calls`, each of them whole, `count` times and increments nothing. */
export function repeated(calls: readonly Int32Array[], count: number): Int32Array {
  const header = [LOOP, 6, 0, count, 0, 0];
  const length = calls.reduce((sum, call) => sum + call.length, header.length);
  return Int32Array.from([...header, ...calls.flatMap(call => [...call]), NEXT, 3, 4 * length, END, 2]);
}
