/**
 * Measures every kernel call of one image separately, repeated by the interpreter that also runs the network, on the
 * data that the preceding calls left in the arena.
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
  /** Time per kernel call, after a warm-up of the same length. Default 10. */
  milliseconds?: number;
}

/**
 * Cost of one node of the fused graph, named after the last layer fused into it. The last row, `emit`, copies out the
 * results.
 */
export interface ProfileRow {
  layer: string;
  op: string;
  /** Its kernel calls, in order. */
  kernels: KernelName[];
  /** Microseconds per image. */
  micros: number;
  /** Fraction of the micros of all rows. */
  share: number;
  /** Multiply-accumulates by definition; kernels may need fewer. */
  macs: number;
  /** 1e9 multiply-accumulates per second. */
  gigamacs: number;
}

/** A temporary: its address, size, and lifetime in kernel calls. */
export interface ArenaRow {
  name: string;
  address: number;
  bytes: number;
  first: number;
  last: number;
}

export interface Profile {
  variant: Variant;
  /**
   * Time of one image, all calls in one run. The rows' sum may be a little less: run alone, a kernel finds its weights
   * in the nearest cache.
   */
  micros: number;
  macs: number;
  gigamacs: number;
  rows: ProfileRow[];
  arena: {
    /** Memory of the program in bytes, its words included. */
    bytes: number;
    /** Weights, constants, and values computed from them once. */
    kept: number;
    /** The region that temporaries share. */
    temporaries: number;
    buffers: ArenaRow[];
  };
}

/**
 * Profiles a graph at batch 1, on random numbers: of all kernels only sparse products depend on the values in their
 * time.
 */
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
  const enough = Math.max(0.25, 10 * clockStep()); // much longer than the resolution of the clock
  const times = callsOf(program).map((_, i) => {
    calls.once(i);
    return least(turns => calls.alone(i, turns), milliseconds, enough);
  });
  // last, when every kernel has been fully optimized
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

/** Overwrites a program by others that are no longer: all its calls, or one call repeated. */
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

  /** Runs the calls before call `i`, which produce its inputs. */
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

/** The resolution of the clock in milliseconds: nanoseconds in Node, a millisecond in some pages. */
export function clockStep(): number {
  const began = performance.now();
  let now = began;
  while (now === began) now = performance.now();
  return now - began;
}

/**
 * The minimum time per turn in microseconds, over measurements of at least `enough` milliseconds: all disturbances only
 * add time.
 */
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
  until(milliseconds); // until the engine's optimizing compiler is done with it
  until(milliseconds);
  return 1000 * shortest;
}

/** Makes a row per node, whose calls are consecutive. */
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
