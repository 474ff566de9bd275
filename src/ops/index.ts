/**
 * The tables of ops, one for each meaning (graph/meaning.ts), merged from the files of this folder by
 * scripts/generate.ts: an op is in them as soon as its file is here. A meaning that an op lacks is a compile error; one
 * that it cannot have is `refuse("reason")` in its file.
 *
 * An op with `lower` belongs to models. One with `lowerBackward` alone belongs to training graphs, and needs no more
 * than `evaluateBackward` besides.
 */
import * as merged from "../../build/op-tables.ts";
import type { Tensor } from "../base/tensor.ts";
import type { Graph, Op, Value } from "../graph/graph.ts";
import {
  type Axes,
  type Bake,
  type CostOf,
  type Evaluate,
  type Gives,
  type Gradient,
  type Lower,
  type Prefers,
  type Refusal,
  refuse,
  type Traits,
} from "../graph/meaning.ts";
import type { Stored } from "../graph/stored.ts";

type OpsOf<Module> = Module extends unknown
  ? { [K in keyof Module]: Module[K] extends Op<any> ? K : never }[keyof Module]
  : never;

/** Every op there is: the exports of this folder that are ops. */
export type OpName = OpsOf<merged.Modules[number]>;

/** Ops of models. */
export type ModelOpName = keyof (typeof merged.LOWER & typeof merged.LOWER_CALIBRATION);

/** Ops of training graphs alone. */
type TrainingOpName = Exclude<OpName, ModelOpName>;

/** A table that gives every op of training graphs `value` where its file says nothing. */
type WithDefaults<V> = Record<ModelOpName, V> & Partial<Record<TrainingOpName, V>>;

function withDefaults<V>(table: WithDefaults<V>, value: NoInfer<V>): Record<OpName, V> {
  const rest = Object.keys(merged.LOWER_BACKWARD).filter(name => !(name in table));
  return { ...Object.fromEntries(rest.map(name => [name, value])), ...table } as Record<OpName, V>;
}

export const LOWER = merged.LOWER;
export const PREFERS = merged.PREFERS;

/** Adds what only the graphs of a calibration hold. */
export const CALIBRATION_LOWER = /* @__PURE__ */ (() => ({ ...merged.LOWER, ...merged.LOWER_CALIBRATION }))();

export const TRAIN_LOWER: Record<OpName, Lower | Refusal> = /* @__PURE__ */ (() => ({
  ...merged.LOWER,
  ...merged.LOWER_BACKWARD,
}))();

export const TRAIN_PREFERS: Partial<Record<OpName, Prefers>> = /* @__PURE__ */ (() => ({
  ...merged.PREFERS,
  ...merged.PREFERS_BACKWARD,
}))();

export const EVALUATE: Record<ModelOpName, Evaluate> = merged.EVALUATE;

export const TRAIN_EVALUATE: Record<OpName, Evaluate> = /* @__PURE__ */ (() => ({
  ...merged.EVALUATE,
  ...merged.EVALUATE_BACKWARD,
}))();

export const GRADIENT: Record<OpName, Gradient | Refusal> = /* @__PURE__ */ (() =>
  withDefaults(merged.GRADIENT, refuse("it belongs to a training step, which is not differentiated again")))();

export const COST: Record<OpName, CostOf> = /* @__PURE__ */ (() => withDefaults(merged.COST, () => ({ macs: 0 })))();

export const AXES: Record<OpName, Axes | Refusal> = /* @__PURE__ */ (() =>
  withDefaults(merged.AXES, refuse("channels are followed through models, not through training graphs")))();

export const TRAITS: Record<ModelOpName, Traits> = merged.TRAITS;

/** The ops whose results losses and classifiers know. */
export const GIVES: Readonly<Record<string, Gives>> = merged.GIVES;

/** Records of ops in files: every op of models has one but for those of `UNSTORED`. */
export const STORED: Record<Exclude<ModelOpName, keyof typeof merged.UNSTORED>, Stored> = merged.STORED;

/** Ops of models that no file holds, and why. */
export const UNSTORED: Readonly<Record<string, Refusal>> = merged.UNSTORED;

/** Ops on the edges of weights. */
export const BAKE: Readonly<Record<string, Bake>> = merged.BAKE;

/** Activation functions by the names that layers have for them, Keras' in camelCase. */
export const ACTIVATION = merged.ACTIVATION;

/**
 * Computes `wanted` by the specification, node by node, in float64. `feed` gives each leaf its contents, images first
 * where batched.
 */
export function evaluate(
  graph: Graph,
  feed: (leaf: Value) => Tensor,
  wanted: readonly Value[] = graph.results,
  rules: Readonly<Record<string, Evaluate>> = TRAIN_EVALUATE,
): Tensor[] {
  const known = new Map<Value, Tensor>();
  for (const leaf of graph.leaves) known.set(leaf, feed(leaf));
  for (const n of graph.nodes) {
    const types = { inputs: n.inputs.map(v => v.type), outputs: n.outputs.map(v => v.type) };
    const made = rules[n.op.name]!(
      n.inputs.map(v => known.get(v)!),
      n.attrs,
      types,
    );
    made.forEach((t, i) => known.set(n.outputs[i]!, t));
  }
  return wanted.map(v => known.get(v)!);
}
