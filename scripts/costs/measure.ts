/** The time of the kernel calls of one node in a planned program. */
import { Random } from "../../src/base/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Binary, Variant } from "../../src/kernels/load.ts";
import { LOWER, PREFERS, TRAIN_LOWER, TRAIN_PREFERS } from "../../src/ops/index.ts";
import type { Lowerings } from "../../src/plan/lower.ts";
import { callsOf, repeated } from "../../src/plan/words.ts";
import { inputsOf } from "../../src/run/inputs.ts";
import { Machine } from "../../src/run/machine.ts";

const LOWERINGS: Record<string, Lowerings> = {
  run: { lower: LOWER, prefers: PREFERS },
  train: { lower: TRAIN_LOWER, prefers: TRAIN_PREFERS as Lowerings["prefers"] },
};

/** Kernels that bring values into the form that an algorithm reads: all algorithms have these. */
const CONVERSIONS = ["i8_enter", "i8_leave"];

/** Runs the calls of the graph's last node so many times. */
export type Loop = (turns: number) => void;

export async function loopOf(binary: Binary, graph: Graph, batch: number, variant: Variant): Promise<Loop> {
  const wanted = { name: "measured", graph, batch, group: batch };
  const machine = await Machine.create(binary, [wanted], LOWERINGS[binary.name]!, variant);
  const random = new Random(1);
  for (const { name, type } of inputsOf(graph)) {
    const data = machine.stored(name);
    for (let i = 0; i < data.length; i++)
      data[i] = type.dtype === "f32" ? random.uniform(0, 1) : random.integer(256) - 128;
  }
  const program = machine.program("measured");
  machine.run(program);
  const calls = callsOf(program)
    .filter(({ kernel, node }) => node === graph.nodes.at(-1) && !CONVERSIONS.includes(kernel))
    .map(({ word }) => program.words.slice(word, word + program.words[word + 1]!));
  const words = new Int32Array(machine.memory.buffer);
  return turns => {
    words.set(repeated(calls, turns), program.run >> 2);
    machine.kernels.run(program.run);
  };
}

const ROUNDS = 60;
/** Short, so that few loops are interrupted. */
const MILLISECONDS = 0.3;

const timed = (loop: Loop, turns: number): number => {
  const began = performance.now();
  loop(turns);
  return performance.now() - began;
};

function turnsOf(loop: Loop): number {
  let turns = 1;
  for (;;) {
    const took = timed(loop, turns);
    if (took >= MILLISECONDS) return turns;
    turns = Math.ceil(turns * Math.min(10, (1.2 * MILLISECONDS) / Math.max(took, 1e-3)));
  }
}

/**
 * The time of a turn of each loop over that of the yardstick: the median over rounds, in each of which all of them run,
 * so that neither the clock nor other processes count.
 */
export function ratios(yardstick: Loop, loops: readonly Loop[]): number[] {
  const turns = loops.map(turnsOf);
  const whole = turnsOf(yardstick);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const reference = timed(yardstick, whole) / whole;
    return loops.map((loop, i) => timed(loop, turns[i]!) / turns[i]! / reference);
  });
  return loops.map((_, i) => rounds.map(round => round[i]!).sort((a, b) => a - b)[ROUNDS >> 1]!);
}

/** The least nanoseconds of a turn. */
export function nanoseconds(loop: Loop): number {
  const turns = turnsOf(loop);
  return (1e6 / turns) * Math.min(...Array.from({ length: 4 * ROUNDS }, () => timed(loop, turns)));
}
