/**
 * A loaded network with guard zones: every buffer of its plan gets memory of its own, in random order, with marked
 * bytes around it. A write outside a buffer changes the marks; the first buffer is at the beginning of the memory and
 * the last one at its end, so that a read or write beyond them traps. Only accesses that a row of the kernel table
 * declares (`overRead`, `overWrite`) are allowed.
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
/** Minimum guard bytes between two buffers. */
const GUARD = 256;
/** Address of the first buffer. Not 0: for a kernel that means that an operand is absent. */
const FIRST = 64;
/**
 * Memory contents before a run: a NaN as floats and invalid as stored int8; a small number as floats and valid stored
 * int8 of either variant.
 */
const NAN = 0x7fc07fc0;
const CODES = 0x00410041;

/** A buffer, and how far beyond its end its kernels may write, and may read or write. */
interface Zone {
  readonly buffer: Buffer;
  readonly bytes: number;
  readonly overWrite: number;
  readonly over: number;
  /** Contents before a run; undefined for outputs of programs. */
  readonly given: Uint8Array | undefined;
  /** True if a program writes it. */
  readonly written: boolean;
}

interface PlacedProgram {
  readonly program: Program;
  readonly words: Words;
  readonly at: number;
}

/**
 * Runs the programs of `machine`, a network that has run before, between guard zones, and describes the faults. An
 * error of WebAssembly is thrown. The buffers get new addresses: the machine cannot be used afterwards.
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

/** Places all zones, including programs; returns whole pages, at the end of which the last zone ends. */
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

/**
 * Runs all programs in memory that is full of `mark`; returns the forbidden writes, and the contents of result streams.
 */
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

/** Steps that its streams have room for. */
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

/** The zone before every gap between zones whose mark has changed. */
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

/** The first position in from .. to - 1 without the mark; `to` if there is none. */
function firstOther(memory: Uint8Array, from: number, to: number, mark: number): number {
  const words = new Int32Array(memory.buffer);
  for (let at = from; at < to; at++) {
    while ((at & 3) === 0 && at + 4 <= to && words[at >> 2] === (mark | 0)) at += 4;
    if (at < to && memory[at] !== ((mark >>> (8 * (at & 3))) & 255)) return at;
  }
  return to;
}

/** True if the numbers of all rows are equal, or both NaN. Padding between rows is ignored. */
function sameNumbers({ buffer }: Zone, a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (!a || !b) return true;
  const { dtype, shape } = buffer.value!.type;
  const [row, length] = [buffer.unit / BYTES[dtype], size(shape)];
  const numbers = (bytes: Uint8Array) => view(dtype, bytes.buffer, 0, bytes.length / BYTES[dtype]);
  const [first, second] = [numbers(a), numbers(b)];
  return first.every((v, i) => i % row >= length || Object.is(v, second[i]));
}

/** Stored int8 of the plain variant is in 0..255: it is used as an index of tables. */
function outOfRange({ memory, zones }: Arena): string[] {
  return zones
    .filter(({ buffer }) => buffer.layout.name.startsWith("stored.simd"))
    .filter(({ buffer, bytes }) => {
      const words = new Uint16Array(memory.buffer.slice(buffer.at, buffer.at + bytes));
      return words.some(code => code > 255);
    })
    .map(({ buffer }) => `"${buffer.name}" holds int8 out of range`);
}
