/**
 * Programs that share one memory: lower every graph, place what lasts, let all programs' temporaries share one region, assemble.
 * Plan first, create the memory after: growing would detach the host's views.
 *
 *     | 1 kB unused | leaves, constants, what prepare makes | temporaries, shared by all programs | words of each program |
 */
import { roundUp } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { placeSlots, type Slot } from "./arena.ts";
import { type Buffer, type BufferRef, type Lowered, type Lowerings, lower } from "./lower.ts";
import { assemble, type PlacedCall } from "./program.ts";
import { type Block, prepared, tile } from "./tile.ts";

/** Kernels may read this far past anything (KERNELS' overRead is at most this). */
const SLACK = 128;
const START = 1024;

export interface Program {
  readonly name: string;
  readonly batch: number;
  readonly words: Int32Array;
  /** Addresses of the words, of *prepare* and of *run*'s step loop. */
  readonly at: number;
  readonly prepare: number;
  readonly run: number;
  /** Where the graph's results lie, in layout flat. */
  readonly results: readonly BufferRef[];
  /** Does a run change state? */
  readonly writesState: boolean;
  readonly buffers: readonly Buffer[];
  /** First and last moment of each temporary. */
  readonly lives: ReadonlyMap<Buffer, readonly [first: number, last: number]>;
  /** The kernel calls of a run. */
  readonly calls: readonly PlacedCall[];
  readonly text: string;
}

export interface Plan {
  readonly variant: "simd" | "relaxed";
  readonly programs: readonly Program[];
  /** Leaves of all graphs by name. */
  readonly leaves: ReadonlyMap<string, Buffer>;
  readonly constants: readonly Buffer[];
  /** Bytes of memory it needs. */
  readonly bytes: number;
  /** The temporaries' region. */
  readonly temporary: { readonly from: number; readonly to: number };
}

export interface Wanted {
  readonly name: string;
  readonly graph: Graph;
  readonly batch: number;
  /** Images per turn of the tiled loop, at most; default 4 (measured: 8 and 64 are up to 10 % slower in training). */
  readonly group?: number;
  /** Steps streams have room for; default 1. */
  readonly steps?: number;
}

const GROUP = 4;

/** The largest divisor of `batch` that is at most `most`. */
function groupOf(batch: number, most: number): number {
  let group = Math.min(batch, most);
  while (batch % group) group--;
  return group;
}

const stored = (b: Buffer): number => (b.image ? b.unit * roundUp(b.count, b.tile) : b.unit * b.count) + b.overWrite;

export function plan(wanted: readonly Wanted[], variant: "simd" | "relaxed", ops: Lowerings): Plan {
  const leaves = new Map<string, Buffer>();
  const drafts = wanted.map(({ graph, batch, group = GROUP, steps = 1 }) => {
    const lowered = lower(graph, leaves, { batch, group: groupOf(batch, group), variant, steps, ops });
    const { once, rest } = prepared(lowered.calls, lowered.buffers);
    for (const call of once) for (const b of call.writes) if (b.kind === "temp") b.kind = "pinned";
    const blocks = tile(rest);
    return { lowered, once, blocks, slots: lifetimes(lowered, blocks) };
  });

  let top = START;
  const constants: Buffer[] = [];
  const used = new Set<Buffer>();
  for (const { lowered, once, blocks } of drafts) {
    for (const call of [...once, ...blocks.flatMap(b => b.calls)])
      for (const b of [...call.reads, ...call.writes]) used.add(b);
    for (const r of lowered.results) used.add(r.buffer);
  }
  for (const b of [...leaves.values(), ...used]) {
    if (b.kind === "temp" || b.at >= 0) continue;
    b.at = top;
    top = roundUp(top + stored(b) + SLACK, 64);
    if (b.kind === "constant") constants.push(b);
  }

  const from = roundUp(top, 4096);
  let to = from;
  for (const { slots } of drafts) {
    to = Math.max(to, placeSlots([...slots.values()], from));
    for (const [buffer, slot] of slots) buffer.at = slot.at;
  }

  top = roundUp(to + SLACK, 64);
  const programs = drafts.map(({ lowered, once, blocks, slots }, i): Program => {
    const { words, run, calls, text } = assemble(once, blocks, lowered.batch, lowered.group);
    const at = top;
    top = roundUp(at + words.byteLength, 64);
    const writesState = blocks.some(b => b.calls.some(c => c.writes.some(w => w.kind === "state")));
    const { name, batch } = wanted[i]!;
    return {
      name,
      batch,
      words,
      at,
      prepare: at,
      run: at + 4 * run,
      results: lowered.results,
      writesState,
      buffers: lowered.buffers.filter(b => b.at >= 0),
      lives: new Map([...slots].map(([buffer, { from, to }]) => [buffer, [from, to]])),
      calls,
      text,
    };
  });
  return { variant, programs, leaves, constants, bytes: top + SLACK, temporary: { from, to } };
}

/** A buffer touched inside a loop lives as long as the loop; a result lives to the end. */
function lifetimes(lowered: Lowered, blocks: readonly Block[]): Map<Buffer, Slot> {
  const slots = new Map<Buffer, Slot>();
  let moment = 0;
  // where one group is the whole batch there is no loop
  const loops = lowered.group < lowered.batch;
  const touch = (b: Buffer, from: number, to: number) => {
    if (b.kind !== "temp") return;
    const slot = slots.get(b);
    if (slot) {
      slot.from = Math.min(slot.from, from);
      slot.to = Math.max(slot.to, to);
    } else slots.set(b, { bytes: roundUp(stored(b), 64) + SLACK, from, to, at: -1 });
  };
  for (const block of blocks) {
    const start = moment;
    const end = moment + block.calls.length - 1;
    for (const call of block.calls) {
      for (const b of [...call.reads, ...call.writes])
        touch(b, block.loop && loops ? start : moment, block.loop && loops ? end : moment);
      moment++;
    }
  }
  for (const r of lowered.results) touch(r.buffer, moment, moment);
  return slots;
}
