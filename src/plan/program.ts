/**
 * Assembles blocks of calls with placed buffers into words. Two entry points: *prepare* (calls that depend on nothing
 * that varies) and *run*.
 *
 *     [kernel, length, args...]
 *     [LOOP, length, first, count, i, n, (byte offset of a word from the loop, stride) * n]    [NEXT, 3, bytes back]
 * [END, 2]
 *
 * A loop adds strides to argument words and subtracts them at its exit. The outer loop is over steps (the host writes
 * `first` and `count`), inner ones over groups of images.
 */

import { END } from "../kernels/forms.ts";
import { type Call, isRef } from "./lower.ts";
import type { Block } from "./tile.ts";

export const LOOP = 1;
export const NEXT = 2;

export interface Words {
  readonly words: Int32Array;
  /** Word index of *run*'s step loop; *prepare* starts at word 0. */
  readonly run: number;
}

/** A word that a loop increments, and the increment per turn in bytes. */
type Stride = [word: number, by: number];

export function assemble(once: readonly Call[], blocks: readonly Block[], batch: number, group: number): Words {
  const words: number[] = [];
  const float = new Float32Array(1);
  const bits = new Int32Array(float.buffer);
  const steps: Stride[] = [];

  const emit = (calls: readonly Call[], images: number, moved?: Stride[]) => {
    for (const { form, args } of calls) {
      words.push(form.number, 2 + args.length);
      args.forEach((arg, j) => {
        let value: number;
        if (isRef(arg)) {
          const { buffer, offset } = arg;
          if (buffer.step) steps.push([words.length, buffer.step]);
          if (moved && buffer.image) moved.push([words.length, buffer.image * images]);
          value = buffer.at + offset;
        } else value = arg === "count" ? images : typeof arg === "object" ? images * (arg as { per: number }).per : arg;
        if (form.args[j]!.role === "~") {
          float[0] = value;
          value = bits[0]!;
        }
        words.push(value);
      });
    }
  };

  const loop = (count: number, calls: readonly Call[], moved: Stride[], body: () => void) => {
    const at = words.length;
    const room = calls.reduce((n, { args }) => n + args.filter(isRef).length, 0);
    words.push(LOOP, 6 + 2 * room, 0, count, 0, 0);
    for (let i = 0; i < 2 * room; i++) words.push(0);
    body();
    words[at + 5] = moved.length;
    moved.forEach(([word, by], k) => {
      words[at + 6 + 2 * k] = (word - at) * 4;
      words[at + 7 + 2 * k] = by;
    });
    words.push(NEXT, 3, (words.length - at) * 4);
  };

  emit(once, batch);
  words.push(END, 2);
  const run = words.length;
  steps.length = 0;
  const all = blocks.flatMap(({ calls }) => calls);
  loop(1, all, steps, () => {
    for (const { calls, loop: tiled } of blocks)
      if (tiled && group < batch) {
        const moved: Stride[] = [];
        loop(batch / group, calls, moved, () => emit(calls, group, moved));
      } else emit(calls, batch);
  });
  words.push(END, 2);
  return { words: Int32Array.from(words), run };
}
