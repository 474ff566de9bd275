/**
 * A network from a hostile file runs to its end, with the same results over different old memory contents, and changes
 * nothing else.
 */
import type { Random } from "../../src/base/random.ts";
import { allocate, size, type TypedArray } from "../../src/base/shape.ts";
import type { Net } from "../../src/run/net.ts";

/**
 * - `trap`: an undocumented error, or memory changed that the network must not change
 * - `unrepeatable`: results depend on old memory contents
 */
export interface Fault {
  readonly kind: "trap" | "unrepeatable";
  readonly what: string;
}

export const trap = (what: string): Fault => ({ kind: "trap", what });

/**
 * Runs `net` over `images` random images twice, over different old contents. `same`: the network by the sources, which
 * knows the addresses of results.
 */
export function runFaults(net: Net, images: number, random: Random, same = net): Fault[] {
  const inputs = net.inputs.map(({ dtype, shape }) => {
    const x = allocate(dtype, images * size(shape));
    for (let i = 0; i < x.length; i++)
      x[i] = dtype === "f32" ? random.uniform(-2, 2) : random.integer(256) - (dtype === "i8" ? 128 : 0);
    return x;
  });
  const run = (garbage: number) => {
    const { bytes, kept, temporaries } = net.arena;
    const { buffer } = net.machine.memory;
    new Uint32Array(buffer, kept, temporaries >> 2).fill(garbage);
    const results = [net.run(inputs.length === 1 ? inputs[0]! : inputs)].flat() as TypedArray[];
    const memory = new Uint8Array(buffer.slice(0, bytes));
    memory.fill(0, kept, kept + temporaries);
    // the padding between the rows of results has old contents
    for (const b of same.machine.plan.leaves.values())
      if (b.kind === "stream" && b.name.startsWith("output")) memory.fill(0, b.at, b.at + b.unit * b.count);
    return { results: results.map(y => y.slice()), words: new Uint32Array(memory.buffer) };
  };
  const first = run(0x7fc00000);
  const second = run(0x41414141);
  const faults: Fault[] = [];
  first.results.forEach((y, i) => {
    const at = y.findIndex((v, k) => !Object.is(v, second.results[i]![k]));
    if (at >= 0)
      faults.push({ kind: "unrepeatable", what: `result ${i}[${at}] is ${y[at]}, then ${second.results[i]![at]}` });
  });
  const changed = first.words.findIndex(
    (word, at) => word !== second.words[at] && !(isNaNWord(word) && isNaNWord(second.words[at]!)),
  );
  if (changed >= 0) faults.push(trap(`the second run changed byte ${4 * changed}, which is kept`));
  return faults;
}

/** True for a NaN as a float. Engines may change its bits. */
const isNaNWord = (word: number): boolean => (word & 0x7fffffff) > 0x7f800000;
