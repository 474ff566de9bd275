/**
 * Blocks of calls with placed buffers -> words. Two entry points: *prepare* (what depends on nothing that varies) and *run*.
 *
 *     [kernel, length, args...]
 *     [LOOP, length, first, count, i, n, (byte offset of a word from the loop, stride) * n]    [NEXT, 3, bytes back]    [END, 2]
 *
 * A loop adds strides to argument words and takes them back at its exit. The outer loop is over steps (the host writes `first` and
 * `count`), inner ones over groups of images.
 */

import type { Node } from "../graph/graph.ts";
import { KERNEL_NUMBER, KERNELS, type KernelName } from "../kernels/table.ts";
import { type Call, isRef } from "./lower.ts";
import type { Block } from "./tile.ts";

const END = 0;
const LOOP = 1;
const NEXT = 2;

export interface Words {
  readonly words: Int32Array;
  /** Word index of *run*'s step loop; *prepare* starts at word 0. */
  readonly run: number;
  /** The kernel calls of *run* in order, those of a loop once. */
  readonly calls: readonly PlacedCall[];
  readonly text: string;
}

/** A call as it lies in a program: `words[word]` is its kernel's number. */
export interface PlacedCall {
  readonly kernel: KernelName;
  readonly word: number;
  /** What it was lowered from. */
  readonly node: Node;
}

/** The words of a loop that takes `calls`, each of them whole, `count` times and moves nothing on. */
export function repeated(calls: readonly Int32Array[], count: number): Int32Array {
  const header = [LOOP, 6, 0, count, 0, 0];
  const length = calls.reduce((sum, call) => sum + call.length, header.length);
  return Int32Array.from([...header, ...calls.flatMap(call => [...call]), NEXT, 3, 4 * length, END, 2]);
}

/** A word that a loop moves on: which, and by how many bytes per turn. */
type Stride = [word: number, by: number];

export function assemble(once: readonly Call[], blocks: readonly Block[], batch: number, group: number): Words {
  const words: number[] = [];
  const text: string[] = [];
  const float = new Float32Array(1);
  const bits = new Int32Array(float.buffer);
  const steps: Stride[] = [];
  let calls: PlacedCall[] = [];

  const emit = (call: Call, images: number, moved?: Stride[]) => {
    const row = KERNELS[call.kernel];
    const names = Object.keys(row.args);
    calls.push({ kernel: call.kernel, word: words.length, node: call.node });
    words.push(KERNEL_NUMBER.get(call.kernel)!, 2 + names.length);
    const shown = call.args.map((arg, j) => {
      const name = names[j]!;
      if (isRef(arg)) {
        const { buffer, offset } = arg;
        if (buffer.step) steps.push([words.length, buffer.step]);
        if (moved && buffer.image) moved.push([words.length, buffer.image * images]);
        words.push(buffer.at + offset);
        return `${name}=${buffer.name}@${buffer.at + offset}`;
      }
      const value = arg === "count" ? images : typeof arg === "object" ? images * (arg as { per: number }).per : arg;
      if (row.args[name] === "float") {
        float[0] = value;
        words.push(bits[0]!);
      } else words.push(value);
      return `${name}=${value}`;
    });
    text.push(`${moved ? "    " : "  "}${call.kernel} ${shown.join(" ")}    ; ${call.node.name}`);
  };

  const loop = (count: number, moved: Stride[], room: number, body: () => void) => {
    const at = words.length;
    words.push(LOOP, 6 + 2 * room, 0, count, 0, 0);
    for (let k = 0; k < 2 * room; k++) words.push(0);
    body();
    moved.forEach(([word, by], k) => {
      words[at + 6 + 2 * k] = (word - at) * 4;
      words[at + 7 + 2 * k] = by;
    });
    words[at + 5] = moved.length;
    words.push(NEXT, 3, (words.length - at) * 4);
  };

  text.push("prepare");
  for (const call of once) emit(call, batch);
  words.push(END, 2);
  const run = words.length;
  calls = [];
  text.push("run");
  const addresses = (calls: readonly Call[]) => calls.reduce((n, c) => n + c.args.filter(isRef).length, 0);
  loop(
    1,
    steps,
    blocks.reduce((n, b) => n + addresses(b.calls), 0),
    () => {
      for (const block of blocks) {
        if (!block.loop) for (const call of block.calls) emit(call, batch);
        else if (group === batch) for (const call of block.calls) emit(call, batch);
        else {
          text.push(`  loop ${batch / group} x ${group} images`);
          const moved: Stride[] = [];
          loop(batch / group, moved, addresses(block.calls), () => {
            for (const call of block.calls) emit(call, group, moved);
          });
        }
      }
    },
  );
  words.push(END, 2);
  return { words: Int32Array.from(words), run, calls, text: text.join("\n") };
}
