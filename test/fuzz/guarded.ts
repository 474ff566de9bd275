/**
 * A loaded network with guard zones: every buffer of its plan gets memory of its own, in random order, with marked bytes around it. What a
 * kernel writes outside its buffers shows in the marks; the first buffer stands at the beginning of the memory and the last one at its end, so
 * that what a kernel reads or writes beyond them traps. Only what a row of the kernel table says of itself (`overRead`, `overWrite`) is allowed.
 */
import type { Random } from "../../src/base/random.ts";
import { BYTES, roundUp, size, view } from "../../src/base/shape.ts";
import { instantiate, type Kernels } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import type { Row } from "../../src/kernels/table/row.ts";
import { KERNELS } from "../../src/kernels/table.ts";
import type { Buffer, Call } from "../../src/plan/lower.ts";
import type { Program } from "../../src/plan/plan.ts";
import { assemble, LOOP, type Words } from "../../src/plan/program.ts";
import type { Machine } from "../../src/run/machine.ts";

const PAGE = 65536;
/** Guard bytes between two buffers, at least. */
const GUARD = 256;
/** Address of what stands first. Not 0: that tells a kernel that an operand is not there. */
const FIRST = 64;
/** What memory holds before a run: a NaN as floats and no stored int8; a small number as floats and stored int8 of either variant. */
const NAN = 0x7fc07fc0;
const CODES = 0x00410041;

/** A buffer, and how far past its end the kernels that have it may write, and may touch it at all. */
interface Zone {
  readonly buffer: Buffer;
  readonly bytes: number;
  readonly overWrite: number;
  readonly over: number;
  /** What it holds before a run; of what programs make, nothing. */
  readonly given: Uint8Array | undefined;
  /** Does a program write it? */
  readonly written: boolean;
}

interface PlacedProgram {
  readonly program: Program;
  readonly words: Words;
  readonly at: number;
}

/**
 * What goes wrong where the programs of `machine`, a network that has run, run between guard zones, in words. An error of WebAssembly is thrown.
 * Its buffers are placed anew: the machine runs no more afterwards.
 */
export async function guardFaults(machine: Machine, random: Random): Promise<string[]> {
  const zones = random.shuffle(zonesOf(machine));
  const { programs, bytes } = placed(zones, machine.plan.programs);
  const pages = bytes / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const kernels = await instantiate(RUN, memory, machine.plan.variant);
  const arena = { memory: new Uint8Array(memory.buffer), kernels, zones, programs };
  const first = marked(arena, NAN);
  const second = marked(arena, CODES);
  const differing = zones.filter((_, i) => !sameNumbers(zones[i]!, first.results[i], second.results[i]));
  return [
    ...first.faults,
    ...second.faults,
    ...differing.map(({ buffer }) => `"${buffer.name}" depends on what memory held`),
    ...outOfRange(arena),
  ];
}

// ---------------------------------------------------------------- places

const allCalls = ({ once, blocks }: Program): Call[] => [...once, ...blocks.flatMap(({ calls }) => calls)];

function zonesOf({ plan, memory }: Machine): Zone[] {
  const overWrite = new Map<Buffer, number>();
  const over = new Map<Buffer, number>();
  const raise = (to: Map<Buffer, number>, b: Buffer, bytes = 0) => to.set(b, Math.max(to.get(b) ?? 0, bytes));
  for (const { kernel, reads, writes } of plan.programs.flatMap(allCalls)) {
    const row: Row = KERNELS[kernel];
    for (const b of writes) raise(overWrite, b, row.overWrite);
    for (const b of [...reads, ...writes]) raise(over, b, Math.max(row.overRead ?? 0, row.overWrite ?? 0));
  }
  const buffers = new Set([...plan.leaves.values(), ...plan.constants, ...plan.programs.flatMap(p => p.buffers)]);
  return [...buffers].map(buffer => {
    const bytes = buffer.unit * buffer.count;
    const given = ["state", "stream", "input", "constant"].includes(buffer.kind);
    return {
      buffer,
      bytes,
      overWrite: overWrite.get(buffer) ?? 0,
      over: over.get(buffer) ?? 0,
      written: overWrite.has(buffer),
      given: given ? new Uint8Array(memory.buffer, buffer.at, bytes).slice() : undefined,
    };
  });
}

/** Places all zones, programs among them; gives whole pages, at the end of which the last zone ends. */
function placed(zones: readonly Zone[], programs: readonly Program[]): { programs: PlacedProgram[]; bytes: number } {
  let top = FIRST;
  const room = (bytes: number) => {
    const at = top;
    top = roundUp(top + bytes + GUARD, 64);
    return at;
  };
  const at = programs.map(({ words }) => room(words.byteLength));
  for (const { buffer, bytes, over } of zones) buffer.at = room(bytes + over);
  const bytes = roundUp(top, PAGE);
  const last = zones.at(-1);
  if (last) last.buffer.at = bytes - last.bytes - last.over;
  return {
    bytes,
    programs: programs.map((program, i) => {
      const { once, blocks, batch, group } = program;
      return { program, words: assemble(once, blocks, batch, group), at: at[i]! };
    }),
  };
}

// ---------------------------------------------------------------- runs

interface Arena {
  readonly memory: Uint8Array;
  readonly kernels: Kernels;
  readonly zones: readonly Zone[];
  readonly programs: readonly PlacedProgram[];
}

/** Runs all programs in memory that is full of `mark`; gives what was written where nothing may be, and what streams of results hold. */
function marked({ memory, kernels, zones, programs }: Arena, mark: number) {
  new Uint32Array(memory.buffer).fill(mark);
  for (const { buffer, given } of zones) if (given) memory.set(given, buffer.at);
  for (const { words, at } of programs) wordsAt(memory, at, words).set(words.words);
  for (const { program, words, at } of programs) {
    const run = at + 4 * words.run;
    kernels.run(at);
    wordsAt(memory, run, { words: words.words.subarray(0, 4) }).set([0, stepsOf(program)], 2);
    kernels.run(run);
  }
  const faults: string[] = [];
  for (const { buffer, given, written } of zones)
    if (given && !written && given.some((byte, i) => byte !== memory[buffer.at + i]))
      faults.push(`${buffer.kind} "${buffer.name}" was written over`);
  for (const { program, words, at } of programs)
    if (!sameWords(words.words, wordsAt(memory, at, words))) faults.push(`program ${program.name} was written over`);
  faults.push(...outside({ memory, zones, programs }, mark));
  const results = zones.map(({ buffer, bytes, written }) =>
    buffer.kind === "stream" && written ? memory.slice(buffer.at, buffer.at + bytes) : undefined,
  );
  return { faults, results };
}

const wordsAt = (memory: Uint8Array, at: number, { words }: { words: Int32Array }): Int32Array =>
  new Int32Array(memory.buffer, at, words.length);

/** Steps its streams have room for. */
function stepsOf({ buffers, batch }: Program): number {
  const stream = buffers.find(b => b.kind === "stream");
  return stream ? stream.count / (stream.image ? batch : 1) : 1;
}

/** Equal but for the counters of loops. */
function sameWords(words: Int32Array, now: Int32Array): boolean {
  const counters = new Set<number>();
  for (let at = 0; at < words.length; at += words[at + 1]!)
    if (words[at] === LOOP) for (const counter of [at + 2, at + 3, at + 4]) counters.add(counter);
  return words.every((word, i) => word === now[i] || counters.has(i));
}

/** The zone before every stretch between zones that does not hold its mark any more. */
function outside({ memory, zones, programs }: Omit<Arena, "kernels">, mark: number): string[] {
  const taken = [
    ...zones.map(({ buffer, bytes, overWrite }) => ({
      name: buffer.name,
      from: buffer.at,
      to: buffer.at + bytes + overWrite,
    })),
    ...programs.map(({ program, words, at }) => ({ name: program.name, from: at, to: at + words.words.byteLength })),
  ].sort((a, b) => a.from - b.from);
  const faults: string[] = [];
  let before = { name: "the beginning", to: 0 };
  for (const next of [...taken, { name: "the end", from: memory.length, to: 0 }]) {
    const at = firstOther(memory, before.to, next.from, mark);
    if (at < next.from)
      faults.push(`written ${at - before.to} bytes after "${before.name}", ${next.from - at} before "${next.name}"`);
    before = next;
  }
  return faults;
}

/** The first place in from .. to - 1 that does not hold the mark; `to` where all do. */
function firstOther(memory: Uint8Array, from: number, to: number, mark: number): number {
  const words = new Int32Array(memory.buffer);
  for (let at = from; at < to; at++) {
    while ((at & 3) === 0 && at + 4 <= to && words[at >> 2] === (mark | 0)) at += 4;
    if (at < to && memory[at] !== ((mark >>> (8 * (at & 3))) & 255)) return at;
  }
  return to;
}

/** Are the numbers of all rows equal, or NaN both? What lies between rows is nobody's. */
function sameNumbers({ buffer }: Zone, a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (!a || !b) return true;
  const { dtype, shape } = buffer.value!.type;
  const [row, length] = [buffer.unit / BYTES[dtype], size(shape)];
  const numbers = (bytes: Uint8Array) => view(dtype, bytes.buffer, 0, bytes.length / BYTES[dtype]);
  const [first, second] = [numbers(a), numbers(b)];
  return first.every((v, i) => i % row >= length || Object.is(v, second[i]));
}

/** Stored int8 of the plain variant lies in 0..255: tables are indexed with it. */
function outOfRange({ memory, zones }: Arena): string[] {
  return zones
    .filter(({ buffer }) => buffer.layout.name.startsWith("stored.simd"))
    .filter(({ buffer, bytes }) => {
      const words = new Uint16Array(memory.buffer.slice(buffer.at, buffer.at + bytes));
      return words.some(code => code > 255);
    })
    .map(({ buffer }) => `"${buffer.name}" holds int8 out of range`);
}
