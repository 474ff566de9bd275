/**
 * One graph for a model that is built, trained, pruned, quantized, printed, costed and lowered. Shapes are those of one
 * image; a value is `batched` or not, and a batch size exists only in a plan.
 */

import { PenjingError } from "../base/errors.ts";
import type { TypedArray } from "../base/shape.ts";
import { checkOperands, type Operands } from "./operand.ts";
import type { Type } from "./type.ts";

export type { Quantization, Type } from "./type.ts";

/**
 * Origin of a leaf's bytes:
 *
 * - `state` lives across steps and is written in place: weights, moments, masks;
 * - `tally` is state that each thread has a copy of, which are summed when read: loss, correct answers;
 * - `stream` has one row per step: images, labels, learning rate, seed;
 * - `input` is written by the host before each run: the images of an inference.
 */
export type Leaf = "state" | "tally" | "stream" | "input";

/**
 * Purpose of a state:
 *
 * - `weight` and `bias` are learned by gradients;
 * - `statistic` is changed by training, but not by a gradient: a moving average;
 * - `constant` never changes: a table, or a substitute for a parameter that the layer does not have;
 * - `mask` selects the elements of a weight that are kept;
 * - `moment` belongs to an optimizer;
 * - `observation` belongs to a hook of training: scores of weights, ranges of activations.
 */
export type Role = "weight" | "bias" | "statistic" | "constant" | "mask" | "moment" | "observation";

/**
 * Keras' order of the axes of a kernel that is [out][taps ...][in] in memory:
 *
 * - `outputsLast`: [taps ...][in][out];
 * - `multiplierLast`: [height][width][channels][multiplier], of depthwise kernels;
 * - `sequence`: [length][in][out], of a kernel of height 1;
 * - `transposed`: [height][width][out][in], the taps in the opposite order.
 */
export type KernelLayout = "outputsLast" | "multiplierLast" | "sequence" | "transposed";

/** Roles that an optimizer may change, unless the state is frozen. */
export const isLearned = (role: Role | undefined): boolean => role === "weight" || role === "bias";

export interface Value {
  readonly id: number;
  type: Type;
  name: string;
  /** The index among the outputs of `node`. */
  readonly index: number;
  readonly node?: Node;
  readonly leaf?: Leaf;
  /** Set for states. */
  readonly role?: Role;
  /** A leaf's logical contents, if the host has them. */
  data?: TypedArray;
  /** True for a state that no optimizer may change. */
  frozen?: boolean;
  /**
   * Set for a kernel whose layer uses another axis order than the op that reads it (`Traits.kernel`).
   */
  layout?: KernelLayout;
}

/** Properties that an op on a weight's edge may guarantee for its output. */
export type Promised = "zeros" | "distinct values" | "range";

/** An op between a weight and its consumers: input 0 is the weight, the others are states of its own. */
export interface WeightEdge {
  /** Properties that hold for the output, whatever the weight. */
  readonly gives: readonly Promised[];
  /**
   * Properties that are preserved if they hold for the input. `verify` refuses a chain in which an op breaks an earlier
   * promise.
   */
  readonly keeps: readonly Promised[];
}

/**
 * The kind of a node: a name, the operands it takes and the types of its outputs. All other meanings are in tables
 * keyed by the name.
 */
export interface Op<A = unknown> {
  readonly name: string;
  /** The operand types it accepts; checked before `infer`, which may rely on it. */
  readonly takes: Operands;
  /** Returns the types of the outputs; throws a RangeError that names both shapes if they do not match. */
  readonly infer: (inputs: Type[], attrs: A) => Type[];
  /** Output i is written over input `updates[i]` (-1: a buffer of its own): optimizers, moving averages, tallies. */
  readonly updates?: readonly number[];
  /** Set for an op on a weight's edge; `bake` replaces it by its result. */
  readonly weightEdge?: WeightEdge;
}

export interface Node<A = any> {
  readonly op: Op<A>;
  attrs: A;
  /** Edited by the graph alone, which tracks the users of each value. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The layer it belongs to; part of every message about it. */
  name: string;
}

/**
 * A rewrite rule. If it applies to `node`, it adds nodes and returns the values that replace the node's outputs. If
 * not, it adds nothing. Of the nodes after `node` it may only ask `users`, `onlyUser` and `isUsed`.
 */
export type RewriteRule = (node: Node, graph: Graph) => readonly (Value | undefined)[] | undefined;

/** A node with the fields that its graph edits. */
type Editable = { -readonly [key in keyof Node]: Node[key] };

/** A graph. Every edit of nodes and leaves is a method, which keeps nodes in topological order and users up to date. */
export class Graph {
  #nodes: Editable[] = [];
  #leaves: Value[] = [];
  #results: readonly Value[] = [];
  #isResult = new Set<Value>();
  readonly #named = new Map<string, Value>();
  /** Value -> nodes that read it; built on first use, then kept up to date. */
  #users: Map<Value, Set<Editable>> | undefined;
  #next = 0;
  #scope = "";

  /** The nodes in topological order: a node stands after those it reads. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get leaves(): readonly Value[] {
    return this.#leaves;
  }

  get results(): readonly Value[] {
    return this.#results;
  }

  set results(values: readonly Value[]) {
    this.#results = values;
    this.#isResult = new Set(values);
  }

  /** Returns the leaf of that name, made on first use. */
  leaf(leaf: Exclude<Leaf, "state">, name: string, type: Type): Value {
    return this.leafOf(name) ?? this.#addLeaf({ id: this.#next++, type, name, index: 0, leaf });
  }

  /** Returns the state of that name, made on first use. */
  state(role: Role, name: string, type: Type, data?: TypedArray): Value {
    return (
      this.leafOf(name) ??
      this.#addLeaf({ id: this.#next++, type, name, index: 0, leaf: "state", role, ...(data && { data }) })
    );
  }

  leafOf(name: string): Value | undefined {
    return this.#named.get(name);
  }

  #addLeaf(value: Value, at = this.#leaves.length): Value {
    this.#leaves.splice(at, 0, value);
    this.#named.set(value.name, value);
    return value;
  }

  /** Adds a copy of `state` after it, with other numbers, and its name with the first free number appended. */
  copyState(state: Value, data: TypedArray): Value {
    let name = state.name;
    for (let k = 2; this.#named.has(name); k++) name = `${state.name} ${k}`;
    return this.#addLeaf({ ...state, id: this.#next++, name, data }, this.#leaves.indexOf(state) + 1);
  }

  /** Nodes added inside `build` get the name `name`. */
  scope<T>(name: string, build: () => T): T {
    const outer = this.#scope;
    this.#scope = name;
    try {
      return build();
    } finally {
      this.#scope = outer;
    }
  }

  add<A>(op: Op<A>, inputs: readonly Value[], attrs: A = {} as A): Value[] {
    const name = this.#scope || op.name;
    const node: Editable = { op, attrs, inputs: [...inputs], outputs: [], name };
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
    const outputs = types.map((type, index): Value => ({ id: this.#next++, type, name: "", index, node }));
    node.outputs = outputs;
    this.#nodes.push(node);
    if (this.#users) for (const v of inputs) setOf(this.#users, v).add(node);
    return outputs;
  }

  /** Calls `add` and returns the first output. */
  one<A>(op: Op<A>, inputs: readonly Value[], attrs: A = {} as A): Value {
    return this.add(op, inputs, attrs)[0]!;
  }

  /** Inserts the nodes added inside `build` before `node`, or at the front if it is undefined. */
  insertBefore<T>(node: Node | undefined, build: () => T): T {
    const count = this.#nodes.length;
    const made = build();
    const at = node ? this.#nodes.indexOf(node) : 0;
    const before = this.#nodes;
    this.#nodes = [...before.slice(0, at), ...before.slice(count), ...before.slice(at, count)];
    return made;
  }

  #gatherUsers(): Map<Value, Set<Editable>> {
    if (this.#users) return this.#users;
    this.#users = new Map();
    for (const n of this.#nodes) for (const v of n.inputs) setOf(this.#users, v).add(n);
    return this.#users;
  }

  /** The nodes that read `value`, each once. */
  users(value: Value): Node[] {
    return [...(this.#gatherUsers().get(value) ?? [])];
  }

  /** True if a node reads `value`, or it is a result. */
  isUsed(value: Value): boolean {
    return this.#isResult.has(value) || Boolean(this.#gatherUsers().get(value)?.size);
  }

  /** Returns the only node that reads `value`; undefined if there are more, or `value` is a result. */
  onlyUser(value: Value): Node | undefined {
    const users = this.#gatherUsers().get(value);
    if (users?.size !== 1 || this.#isResult.has(value)) return undefined;
    const [user] = users;
    return user;
  }

  /**
   * Redirects all uses of `from`, results included, to `to`. With `where`: only the operands it selects, and no result.
   */
  replace(from: Value, to: Value, where?: (node: Node, operand: number) => boolean): void {
    const users = this.#gatherUsers();
    for (const n of users.get(from) ?? []) {
      n.inputs = n.inputs.map((v, i) => (v === from && (!where || where(n, i)) ? to : v));
      if (!n.inputs.includes(from)) users.get(from)!.delete(n);
      if (n.inputs.includes(to)) setOf(users, to).add(n);
    }
    if (where || !this.#isResult.has(from)) return;
    this.results = this.#results.map(v => (v === from ? to : v));
    to.name ||= from.name;
  }

  /** Replaces many values in one walk over the graph. Leaves that are replaced are removed. */
  replaceAll(replacements: ReadonlyMap<Value, Value>): void {
    const replacementOf = (v: Value): Value => replacements.get(v) ?? v;
    for (const n of this.#nodes) n.inputs = n.inputs.map(replacementOf);
    for (const v of this.#results) replacementOf(v).name ||= v.name;
    this.results = this.#results.map(replacementOf);
    this.#keepLeaves(v => !replacements.has(v));
    this.#users = undefined;
  }

  /**
   * Applies `rules` to every node in order, including new nodes, then calls `prune`. Returns true if anything changed.
   * Linear in the size of the graph.
   */
  rewrite(rules: readonly RewriteRule[]): boolean {
    const users = this.#gatherUsers();
    const replacements = new Map<Value, Value>();
    const replacementOf = (v: Value): Value => {
      let replacement = v;
      for (let next = replacements.get(v); next; next = replacements.get(next)) replacement = next;
      return replacement;
    };
    const left = this.#nodes.reverse();
    const done: Editable[] = [];
    let changed = false;
    for (let node = left.pop(); node; node = left.pop()) {
      node.inputs = node.inputs.map(replacementOf);
      for (const rule of rules) {
        this.#nodes = [];
        const at: Node = node;
        const outputs = this.scope(at.name, () => rule(at, this));
        if (!outputs) continue;
        for (const v of at.inputs) users.get(v)?.delete(at);
        at.outputs.forEach((o, i) => {
          const replacement = outputs[i];
          if (!replacement) return;
          replacements.set(o, replacement);
          for (const user of users.get(o) ?? []) setOf(users, replacement).add(user);
          users.delete(o);
          if (!this.#isResult.has(o)) return;
          this.#isResult.add(replacement);
          replacement.name ||= o.name;
        });
        changed = true;
        // the other rules see the first new node, all rules see those after it
        for (let i = this.#nodes.length - 1; i > 0; i--) left.push(this.#nodes[i]!);
        node = this.#nodes[0];
        if (!node) break;
      }
      if (node) done.push(node);
    }
    this.#nodes = done;
    this.results = this.#results.map(replacementOf);
    return this.prune() || changed;
  }

  /**
   * Dead-code elimination: removes unused nodes and unread leaves. Nodes that update state are always live. Returns
   * true if anything was removed.
   */
  prune(): boolean {
    const live = new Set<Value>(this.#results);
    const kept: Editable[] = [];
    for (let i = this.#nodes.length - 1; i >= 0; i--) {
      const n = this.#nodes[i]!;
      if (!n.op.updates && !n.outputs.some(o => live.has(o))) continue;
      kept.push(n);
      for (const v of n.inputs) live.add(v);
    }
    const before = this.#nodes.length + this.#leaves.length;
    this.#nodes = kept.reverse();
    this.#keepLeaves(v => live.has(v) || v.leaf === "input");
    this.#users = undefined;
    return this.#nodes.length + this.#leaves.length < before;
  }

  #keepLeaves(kept: (leaf: Value) => boolean): void {
    for (const v of this.#leaves) if (!kept(v)) this.#named.delete(v.name);
    this.#leaves = this.#leaves.filter(kept);
  }

  /** A deep copy that shares the leaves' data but none of the structure, with the map from old values to new ones. */
  copy(): { graph: Graph; of: Map<Value, Value> } {
    const graph = new Graph();
    const of = new Map<Value, Value>();
    for (const v of this.#leaves) of.set(v, graph.#addLeaf({ ...v, id: graph.#next++ }));
    for (const n of this.#nodes) {
      const copy: Editable = { ...n, inputs: n.inputs.map(v => found(of, v, n)), outputs: [] };
      copy.outputs = n.outputs.map(o => ({ ...o, id: graph.#next++, node: copy }));
      n.outputs.forEach((o, i) => of.set(o, copy.outputs[i]!));
      graph.#nodes.push(copy);
    }
    graph.results = this.#results.map(v => of.get(v)!);
    return { graph, of };
  }
}

/** Returns the set of `key`, made on first use. */
function setOf<K, V>(sets: Map<K, Set<V>>, key: K): Set<V> {
  let set = sets.get(key);
  if (!set) {
    set = new Set();
    sets.set(key, set);
  }
  return set;
}

function found(of: Map<Value, Value>, v: Value, n: Node): Value {
  const copy = of.get(v);
  if (!copy) throw new PenjingError("graph", `node "${n.name}" reads a value that nothing before it makes`);
  return copy;
}
