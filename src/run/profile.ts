/**
 * Where the time of one image goes: every kernel call of a program alone, over and over, by the interpreter that runs it in earnest,
 * on what the calls before it left in the arena.
 */
import { knownOptions, number } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { TypedArray } from "../base/shape.ts";
import type { Graph, Node } from "../graph/graph.ts";
import type { Variant } from "../kernels/load.ts";
import type { KernelName } from "../kernels/table.ts";
import { COST, type OpName } from "../ops/index.ts";
import type { Program } from "../plan/plan.ts";
import { callsOf, repeated } from "../plan/words.ts";
import type { Machine } from "./machine.ts";
import { inputName, Net } from "./net.ts";

export interface ProfileOptions {
  /** Default: the best this engine runs exactly. */
  variant?: Variant;
  /** Spent on each kernel call, after as much to warm up. Default 10. */
  milliseconds?: number;
}

/** What one node of the fused graph costs; it bears the name of the last layer fused into it. The last row, `emit`, hands out the results. */
export interface ProfileRow {
  layer: string;
  op: string;
  /** Its kernel calls, in order. */
  kernels: KernelName[];
  /** Microseconds an image. */
  micros: number;
  /** Of the micros of all rows. */
  share: number;
  /** Multiply-accumulates as the definition has them; kernels may make do with fewer. */
  macs: number;
  /** 1e9 multiply-accumulates a second. */
  gigamacs: number;
}

/** A temporary: where, how large, from which kernel call to which. */
export interface ArenaRow {
  name: string;
  address: number;
  bytes: number;
  first: number;
  last: number;
}

export interface Profile {
  variant: Variant;
  /** Of one image, all calls in one run. The rows' sum may be a little less: alone, a kernel finds its weights in the nearest cache. */
  micros: number;
  macs: number;
  gigamacs: number;
  rows: ProfileRow[];
  arena: {
    /** All memory the program needs, its words included. */
    bytes: number;
    /** Weights, constants, and what is made of them once. */
    kept: number;
    /** The region that temporaries share. */
    temporaries: number;
    buffers: ArenaRow[];
  };
}

/** Profiles a graph at batch 1, on random numbers: no kernel's time depends on them but that of sparse products. */
export async function profile(graph: Graph, options: ProfileOptions = {}): Promise<Profile> {
  knownOptions("options", options, ["variant", "milliseconds"]);
  const milliseconds =
    options.milliseconds === undefined ? 10 : number("milliseconds", options.milliseconds, { above: 0 });
  const { machine, inputs } = await Net.create(graph, {
    capacity: 1,
    ...(options.variant && { variant: options.variant }),
  });
  const program = machine.program("x1");
  for (const name of inputs.map((_, i) => inputName(i, program.batch)))
    if (machine.plan.leaves.has(name)) fillWithNoise(machine.stored(name));
  machine.run(program);

  const calls = new RepeatedCalls(machine, program);
  const enough = Math.max(0.25, 10 * clockStep()); // the clock's own step must not count
  const times = callsOf(program).map((_, i) => {
    calls.once(i);
    return least(turns => calls.alone(i, turns), milliseconds, enough);
  });
  // last, when every kernel has been compiled for good
  const whole = least(calls.whole, milliseconds, enough);
  machine.rewrite();

  const rows = rowsOf(program, times);
  const macs = rows.reduce((sum, row) => sum + row.macs, 0);
  const { plan } = machine;
  const arena = {
    bytes: plan.bytes,
    kept: [...plan.leaves.values(), ...plan.constants, ...pinned(program)].reduce(
      (sum, b) => sum + b.unit * b.count,
      0,
    ),
    temporaries: plan.temporary.to - plan.temporary.from,
    buffers: program.buffers
      .filter(b => b.kind === "temp")
      .map(b => ({ name: b.name, address: b.at, bytes: b.unit * b.count, first: b.from, last: b.to }))
      .sort((a, b) => a.first - b.first || a.address - b.address),
  };
  return { variant: plan.variant, micros: whole, macs, gigamacs: rate(macs, whole), rows, arena };
}

const pinned = (program: Program) => program.buffers.filter(b => b.kind === "pinned");

const rate = (macs: number, micros: number): number => macs / micros / 1e3;

function fillWithNoise(data: TypedArray): void {
  const random = new Random(1);
  const integers = data.BYTES_PER_ELEMENT === 1;
  for (let i = 0; i < data.length; i++) data[i] = integers ? random.integer(256) - 128 : random.uniform(0, 1);
}

/** Writes other programs in place of one, none of them longer: its calls whole, or one call again and again. */
class RepeatedCalls {
  readonly #machine: Machine;
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #calls: readonly Int32Array[];

  constructor(machine: Machine, program: Program) {
    this.#machine = machine;
    this.#words = new Int32Array(machine.memory.buffer);
    this.#at = program.run;
    this.#calls = callsOf(program).map(({ word }) => program.words.slice(word, word + program.words[word + 1]!));
  }

  readonly whole = (turns: number): void => this.#run(this.#calls, turns);

  /** The calls before call `i`, which leave what it reads. */
  once(i: number): void {
    this.#run(this.#calls.slice(0, i), 1);
  }

  alone(i: number, turns: number): void {
    this.#run([this.#calls[i]!], turns);
  }

  #run(calls: readonly Int32Array[], turns: number): void {
    this.#words.set(repeated(calls, turns), this.#at >> 2);
    this.#machine.kernels.run(this.#at);
  }
}

/** Milliseconds from one reading of the clock to the next it can tell apart: nanoseconds in Node, a whole one in some pages. */
export function clockStep(): number {
  const began = performance.now();
  let now = began;
  while (now === began) now = performance.now();
  return now - began;
}

/** The least microseconds of a turn, by measurements of at least `enough` milliseconds: whatever else a machine does only makes code slower. */
function least(run: (turns: number) => void, milliseconds: number, enough: number): number {
  let turns = 1;
  let shortest = Infinity;
  const until = (milliseconds: number) => {
    const end = performance.now() + milliseconds;
    do {
      const began = performance.now();
      run(turns);
      const took = performance.now() - began;
      if (took >= enough) shortest = Math.min(shortest, took / turns);
      else turns = Math.ceil(turns * Math.min(10, (1.2 * enough) / took));
    } while (performance.now() < end || shortest === Infinity);
  };
  until(milliseconds); // until the engine's second compiler is done with it
  until(milliseconds);
  return 1000 * shortest;
}

/** A row for each node: its calls are one after the other. */
function rowsOf(program: Program, times: readonly number[]): ProfileRow[] {
  const rows = new Map<Node, ProfileRow>();
  callsOf(program).forEach(({ kernel, node }, i) => {
    let row = rows.get(node);
    if (!row) {
      const macs = COST[node.op.name as OpName](node).macs;
      row = { layer: node.name, op: node.op.name, kernels: [], micros: 0, share: 0, macs, gigamacs: 0 };
      rows.set(node, row);
    }
    row.kernels.push(kernel);
    row.micros += times[i]!;
  });
  const total = times.reduce((sum, time) => sum + time, 0);
  for (const row of rows.values()) {
    row.share = row.micros / total;
    row.gigamacs = rate(row.macs, row.micros);
  }
  return [...rows.values()];
}
