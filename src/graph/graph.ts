/**
 * One graph for a model that is built, trained, pruned, quantized, printed, costed and lowered.
 * Shapes are one image's; a value is `batched` or not, and a batch size exists only at planning.
 */

import { PenjingError } from "../base/errors.ts";
import type { TypedArray } from "../base/shape.ts";
import { checkOperands, type Operands } from "./operand.ts";
import type { Type } from "./type.ts";

export type { Quantization, Type } from "./type.ts";

/**
 * Where a leaf's bytes come from:
 * - `state` lives across steps and is written in place: weights, moments, masks;
 * - `tally` is state each thread has its own of, the reader sums: loss, correct;
 * - `stream` has one row per step: images, labels, learning rate, seed;
 * - `input` is written by the host before each run: the images of an inference.
 */
export type Leaf = "state" | "tally" | "stream" | "input";

export interface Value {
  readonly id: number;
  type: Type;
  name: string;
  /** Which output of `node` this is. */
  readonly index: number;
  readonly node?: Node;
  readonly leaf?: Leaf;
  /** A leaf's logical contents, where the host has them. */
  data?: TypedArray;
  /** A state no optimizer may touch. */
  frozen?: boolean;
}

/** What a node is: a name, what it takes and the types of its outputs. All other meanings live in tables keyed by the name. */
export interface Op<A = unknown> {
  readonly name: string;
  /** What its operands may be; checked before `infer`, which may rely on it. */
  readonly takes: Operands;
  /** The types of the outputs; throws a RangeError that names both shapes where they do not fit. */
  readonly infer: (inputs: Type[], attrs: A) => Type[];
  /** Output i is written over input `updates[i]` (-1: a buffer of its own): optimizers, moving averages, tallies. */
  readonly updates?: readonly number[];
}

export interface Node<A = any> {
  readonly op: Op<A>;
  attrs: A;
  inputs: Value[];
  outputs: Value[];
  /** The layer it came from; part of every message about it. */
  name: string;
}

export class Graph {
  nodes: Node[] = [];
  leaves: Value[] = [];
  results: Value[] = [];
  #next = 0;
  #scope = "";

  /** The leaf of that name, made on first use: asking twice shares it. */
  leaf(leaf: Leaf, name: string, type: Type, data?: TypedArray): Value {
    return this.leaves.find(v => v.name === name) ?? this.newLeaf(leaf, name, type, data);
  }

  /** A leaf whose name no other has: the caller knows. */
  newLeaf(leaf: Leaf, name: string, type: Type, data?: TypedArray): Value {
    const value: Value = { id: this.#next++, type, name, index: 0, leaf, ...(data && { data }) };
    this.leaves.push(value);
    return value;
  }

  /** Nodes added inside `build` carry `name`. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = name;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  add<A>(op: Op<A>, inputs: Value[], attrs: A = {} as A): Value[] {
    const name = this.#scope || op.name;
    const node: Node<A> = { op, attrs, inputs, outputs: [], name };
    let types: Type[];
    try {
      const given = inputs.map(v => v.type);
      checkOperands(given, op.takes);
      types = op.infer(given, attrs);
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError)
        error.message = `layer "${name}" (${op.name}): ${error.message}`;
      throw error;
    }
    node.outputs = types.map((type, index) => ({ id: this.#next++, type, name: "", index, node }));
    this.nodes.push(node);
    return node.outputs;
  }

  /** `add` for an op with one output (or whose first output is the one wanted). */
  one<A>(op: Op<A>, inputs: Value[], attrs: A = {} as A): Value {
    return this.add(op, inputs, attrs)[0]!;
  }

  users(value: Value): Node[] {
    return this.nodes.filter(n => n.inputs.includes(value));
  }

  replace(from: Value, to: Value): void {
    for (const n of this.users(from)) n.inputs = n.inputs.map(v => (v === from ? to : v));
    if (!this.results.includes(from)) return;
    this.results = this.results.map(v => (v === from ? to : v));
    to.name ||= from.name;
  }

  /** Drops nodes nobody needs, and leaves no node reads. What updates state is needed by itself. */
  prune(): void {
    const live = new Set<Value>(this.results);
    const kept: Node[] = [];
    for (const n of [...this.nodes].reverse()) {
      if (!n.op.updates && !n.outputs.some(o => live.has(o))) continue;
      kept.push(n);
      for (const v of n.inputs) live.add(v);
    }
    this.nodes = kept.reverse();
    this.leaves = this.leaves.filter(v => live.has(v) || v.leaf === "input");
  }

  /** A deep copy that shares the leaves' data but none of the structure, with the map from old values to new ones. */
  copy(): { graph: Graph; of: Map<Value, Value> } {
    const graph = new Graph();
    const of = new Map<Value, Value>();
    for (const v of this.leaves) {
      const twin = { ...v, id: graph.#next++ };
      graph.leaves.push(twin);
      of.set(v, twin);
    }
    for (const n of this.nodes) {
      const twin: Node = { ...n, inputs: n.inputs.map(v => found(of, v, n)), outputs: [] };
      twin.outputs = n.outputs.map(o => ({ ...o, id: graph.#next++, node: twin }));
      n.outputs.forEach((o, i) => of.set(o, twin.outputs[i]!));
      graph.nodes.push(twin);
    }
    graph.results = this.results.map(v => of.get(v)!);
    return { graph, of };
  }
}

function found(of: Map<Value, Value>, v: Value, n: Node): Value {
  const twin = of.get(v);
  if (!twin) throw new PenjingError("graph", `node "${n.name}" reads a value that nothing before it makes`);
  return twin;
}
