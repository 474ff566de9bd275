/**
 * Plans programs that share one memory: lower every graph, place what lasts, let all programs' temporaries share one
 * region, assemble. Plan first, create the memory after: growing it would detach the host's views.
 *
 *     | 1 kB unused | leaves, constants, outputs of prepare | temporaries, shared by all programs | words of each
 * program |
 */
import type { Budget } from "../base/budget.ts";
import { roundUp } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { SLACK } from "../kernels/forms.ts";
import { placeSlots } from "./arena.ts";
import { type Buffer, type BufferRef, type Call, type Lowered, type Lowerings, lower } from "./lower.ts";
import { assemble } from "./program.ts";
import { type Block, prepared, tile } from "./tile.ts";

const START = 1024;

export interface Program {
  readonly name: string;
  readonly batch: number;
  readonly words: Int32Array;
  /** Address of the words, which begin with *prepare*. */
  readonly at: number;
  /** Address of *run*'s step loop. */
  readonly run: number;
  /** The location of each result of the graph, in layout flat. */
  readonly results: readonly BufferRef[];
  /** True if a run changes state. */
  readonly writesState: boolean;
  readonly buffers: readonly Buffer[];
  /** The calls of *prepare* and *run*. */
  readonly once: readonly Call[];
  readonly blocks: readonly Block[];
  /** Images per turn of a block's loop. */
  readonly group: number;
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
  /** Steps that streams have room for; default 1. */
  readonly steps?: number;
}

const GROUP = 4;

/** The largest divisor of `batch` that is at most `most`. */
function groupOf(batch: number, most: number): number {
  let group = Math.min(batch, most);
  while (batch % group) group--;
  return group;
}

/** Plans a graph per program. `budget` counts the memory of the plan, which the caller allocates. */
export function plan(
  wanted: readonly Wanted[],
  variant: "simd" | "relaxed",
  ops: Lowerings,
  kernels: string,
  budget?: Budget,
): Plan {
  const leaves = new Map<string, Buffer>();
  const drafts = wanted.map(({ name, graph, batch, group = GROUP, steps = 1 }) => {
    const options = { batch, group: groupOf(batch, group), variant, steps, ops, kernels, budget };
    const lowered = lower(graph, leaves, options);
    const { once, rest } = prepared(lowered.calls, lowered.buffers);
    for (const call of once) for (const b of call.writes) if (b.kind === "temp") b.kind = "pinned";
    const blocks = tile(rest);
    live(lowered, once, blocks);
    return { name, lowered, once, blocks };
  });

  let top = START;
  const constants: Buffer[] = [];
  const keep = (b: Buffer) => {
    if (b.at >= 0) return;
    b.at = top;
    top = roundUp(top + b.unit * b.count + SLACK, 64);
    if (b.kind === "constant") constants.push(b);
  };
  for (const b of leaves.values()) keep(b);
  for (const { lowered } of drafts) for (const b of lowered.buffers) if (b.kind !== "temp" && b.to >= 0) keep(b);

  const from = roundUp(top, 4096);
  let to = from;
  for (const { lowered } of drafts)
    to = Math.max(
      to,
      placeSlots(
        lowered.buffers.filter(b => b.kind === "temp" && b.to >= 0),
        from,
      ),
    );

  top = roundUp(to + SLACK, 64);
  budget?.claim(top, "the memory it runs in");
  const programs = drafts.map(({ name, lowered, once, blocks }): Program => {
    const { batch, group, results } = lowered;
    const { words, run } = assemble(once, blocks, batch, group);
    budget?.claim(2 * words.byteLength, "its program");
    const at = top;
    top = roundUp(at + words.byteLength, 64);
    const writesState = blocks.some(b => b.calls.some(c => c.writes.some(w => w.kind === "state")));
    const buffers = lowered.buffers.filter(b => b.at >= 0);
    return {
      name,
      batch,
      group,
      words,
      at,
      run: at + 4 * run,
      results,
      writesState,
      buffers,
      once,
      blocks,
    };
  });
  return { variant, programs, leaves, constants, bytes: top + SLACK, temporary: { from, to } };
}

/** Computes the lifetimes of buffers. One used inside a loop lives as long as the loop; a result lives to the end. */
function live({ batch, group, results }: Lowered, once: readonly Call[], blocks: readonly Block[]): void {
  let moment = 0;
  const touch = (b: Buffer, from: number, to: number) => {
    if (b.to < 0) {
      b.bytes = roundUp(b.unit * b.count, 64) + SLACK;
      b.from = from;
    }
    b.to = Math.max(b.to, to);
  };
  const walk = (calls: readonly Call[], together: boolean) => {
    const start = moment;
    const end = moment + calls.length - 1;
    for (const { reads, writes } of calls) {
      const [from, to] = together ? [start, end] : [moment, moment];
      for (const b of reads) touch(b, from, to);
      for (const b of writes) touch(b, from, to);
      moment++;
    }
  };
  walk(once, false);
  moment = 0;
  // a single group is no loop
  for (const { calls, loop } of blocks) walk(calls, loop && group < batch);
  for (const { buffer } of results) touch(buffer, moment, moment);
}
