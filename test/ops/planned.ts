/**
 * Runs a graph through a Machine, as a model would: lowered, planned, in one arena with its temporaries poisoned by
 * NaN. `evaluated` computes the same by the specification; suites compare the two.
 */
import { expect } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { type Tensor, tensor } from "../../src/base/tensor.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import type { Binary, Variant } from "../../src/kernels/load.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";
import { evaluate, GRADIENT, TRAIN_LOWER, TRAIN_PREFERS } from "../../src/ops/index.ts";
import { gradient } from "../../src/passes/gradient.ts";
import type { Lowerings } from "../../src/plan/lower.ts";
import { poison, readState, resultOf } from "../../src/run/contents.ts";
import { Machine } from "../../src/run/machine.ts";

/**
 * Contents of leaves by name, in logical order; images one after another if batched. Other leaves keep their `data`.
 */
export type Feed = Readonly<Record<string, ArrayLike<number>>>;

export interface PlannedOptions {
  batch: number;
  binary?: Binary;
  variant?: Variant;
  ops?: Lowerings;
  /** Images per turn of the tiled loop. */
  group?: number;
  /** Leaves to be read after the run: states that a graph updates. */
  after?: readonly string[];
  /**
   * Number of runs of the program; default 2: old contents of the arena must not change the next run (1 if states
   * change).
   */
  runs?: number;
}

export interface Planned {
  results: Tensor[];
  after: Record<string, Float64Array>;
  machine: Machine;
}

export const TRAINING: Lowerings = { lower: TRAIN_LOWER, prefers: TRAIN_PREFERS as Lowerings["prefers"] };

const batched = (v: Value, batch: number): Shape => (v.type.batched ? [batch, ...v.type.shape] : v.type.shape);

/** Runs `graph` and returns its results. */
export async function planned(graph: Graph, feed: Feed, options: PlannedOptions): Promise<Planned> {
  const { batch, binary = TRAIN, variant, ops = TRAINING, group, after = [] } = options;
  const machine = await Machine.create(binary, [{ name: "test", graph, batch, ...(group && { group }) }], ops, variant);
  for (const leaf of graph.leaves) {
    const contents = feed[leaf.name];
    if (contents && machine.plan.leaves.has(leaf.name)) writeLeaf(machine, leaf, contents, batch);
  }
  const program = machine.program("test");
  const runs = options.runs ?? (program.writesState ? 1 : 2);
  for (let run = 0; run < runs; run++) {
    poison(machine);
    machine.run(program);
  }
  const results = graph.results.map((v, i) => {
    const { data, row } = resultOf(machine, program.results[i]!, v.type.dtype);
    const each = size(v.type.shape);
    const rows = v.type.batched ? batch : 1;
    const packed = new Float64Array(rows * each);
    for (let r = 0; r < rows; r++) for (let e = 0; e < each; e++) packed[r * each + e] = data[r * row + e]!;
    return tensor(batched(v, batch), packed);
  });
  const states = Object.fromEntries(after.map(name => [name, Float64Array.from(readState(machine, name))]));
  return { results, after: states, machine };
}

function writeLeaf(machine: Machine, leaf: Value, contents: ArrayLike<number>, batch: number): void {
  if (!leaf.type.batched) {
    machine.write(leaf.name, contents);
    return;
  }
  const buffer = machine.leaf(leaf.name);
  const stored = machine.stored(leaf.name);
  const each = size(leaf.type.shape);
  expect(contents.length, `numbers for "${leaf.name}"`).toBe(batch * each);
  const stride = buffer.image / stored.BYTES_PER_ELEMENT;
  stored.fill(0);
  for (let i = 0; i < batch; i++) for (let e = 0; e < each; e++) stored[i * stride + e] = contents[i * each + e]!;
}

/** The results of `graph` by the specification. */
export function evaluated(graph: Graph, feed: Feed, batch: number, wanted: readonly Value[] = graph.results): Tensor[] {
  const contents = (leaf: Value): Tensor => {
    const data = feed[leaf.name] ?? leaf.data;
    if (!data) throw new Error(`nothing for leaf "${leaf.name}"`);
    return tensor(batched(leaf, batch), Float64Array.from(data));
  };
  return evaluate(graph, contents, wanted);
}

/**
 * Appends the gradients of sum(results * upstreams), with an input leaf "upstream i" for result i: the results become
 * the old ones and, after them, d / d leaf for each of `wrt` (leaves by name). Throws for a leaf that nothing depends
 * on.
 */
export function withGradients(graph: Graph, wrt: readonly string[]): void {
  const leaves = wrt.map(name => graph.leaves.find(v => v.name === name)!);
  const from = graph.results.map((v, i) => [v, graph.leaf("input", `upstream ${i}`, v.type)] as const);
  const gradients = gradient(graph, GRADIENT, from, leaves);
  graph.results = [
    ...graph.results,
    ...gradients.map((d, i) => {
      if (!d) throw new Error(`nothing depends on "${wrt[i]}"`);
      return d;
    }),
  ];
}

/**
 * Every element of `got` is within `relative` times the largest expected magnitude (at least `floor`) of the expected
 * one.
 */
export function expectClose(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  relative = 1e-5,
  floor = 1e-3,
): void {
  expect(got.length, `${what}: elements`).toBe(expected.length);
  let largest = floor;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(got[i]! - expected[i]!);
    if (!(error <= relative * largest))
      expect.fail(`${what}: element ${i} is ${got[i]}, expected ${expected[i]} (error ${error}, scale ${largest})`);
  }
}

/** The plan's results are the specification's. */
export async function expectPlanned(
  graph: Graph,
  feed: Feed,
  options: PlannedOptions,
  relative = 1e-5,
  floor = 1e-3,
): Promise<Planned> {
  const ran = await planned(graph, feed, options);
  evaluated(graph, feed, options.batch).forEach((t, i) => {
    expectClose(ran.results[i]!.data, t.data, `result ${i} at batch ${options.batch}`, relative, floor);
  });
  return ran;
}
