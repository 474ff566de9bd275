/**
 * Float graph -> one that computes with the numbers its integers will have: `fakeQuantize` on the edges of weights,
 * `fakeQuantizeActivation` where activations are rounded, by the borders that the network of integers has.
 *
 * Rounding commutes with what only moves, clamps or selects numbers. So a value is rounded behind all of these that
 * follow it alone: a convolution, an activation and a pool stay side by side, for the kernels that fuse them.
 */
import type { Graph, Node, Quantization, Value } from "../../graph/graph.ts";
import { pass, running } from "../../graph/pass.ts";
import { dropout } from "../../ops/normalization/dropout.ts";
import { fakeQuantizeActivation, RANGE_STATE } from "../../ops/quantized/fake-quantize-activation.ts";
import { type FakeQuantize, fakeQuantize } from "../../ops/weight/fake-quantize.ts";
import { bakedNumbers } from "../bake.ts";
import { int8Borders } from "./borders.ts";
import { leastErrorScale } from "./weight-bits.ts";

export interface FakeQuantizing {
  /** Selects the layers that become integers. Default: all. */
  includes?(node: Node): boolean;
  /**
   * The attributes of the op on the edge of a layer's kernel. It has one scale per channel, or one for the whole kernel
   * behind an op that promises few distinct values, so that they stay as few.
   */
  weights(node: Node): Pick<FakeQuantize, "levels" | "scale">;
  /** The share by which a training step moves ranges. */
  rate: number;
}

export const insertFakeQuantization = pass(
  { name: "insertFakeQuantization", needs: [running], ensures: [running] },
  (graph, options: FakeQuantizing): boolean => {
    const inserted = roundActivations(graph, options);
    return roundWeights(graph, options) || inserted;
  },
);

/** True if the graph has fake quantization in it. */
export const isFakeQuantized = (graph: Graph): boolean =>
  graph.nodes.some(({ op }) => op === fakeQuantizeActivation || op === fakeQuantize);

/** Names of the range states that training moves. */
export const rangeStates = (graph: Graph): string[] => [
  ...new Set(
    graph.nodes.flatMap(({ op, inputs }) =>
      op === fakeQuantizeActivation && inputs[1]!.role === "observation" ? [inputs[1]!.name] : [],
    ),
  ),
];

// ---------------------------------------------------------------- weights

function roundWeights(graph: Graph, { includes = () => true, weights }: FakeQuantizing): boolean {
  const borders = int8Borders(graph, includes);
  const layers = graph.nodes.filter(node => borders.form(node) === "kernel");
  const made = new Map<string, Value>();
  for (const node of layers) {
    const edge = node.inputs[1]!;
    const attrs: FakeQuantize = { ...weights(node), per: sharesValues(edge) ? "tensor" : "channel" };
    // layers that share a kernel share what is made of it
    const key = `${edge.id} ${Object.values(attrs)}`;
    let y = made.get(key);
    if (!y) {
      y = graph.insertBefore(node, () => graph.scope(node.name, () => roundedWeight(graph, edge, attrs)));
      made.set(key, y);
    }
    graph.replace(edge, y, (user, operand) => user === node && operand === 1);
  }
  return layers.length > 0;
}

/** True if an op on this edge promises few distinct values for all channels, and not for each of them apart. */
function sharesValues(edge: Value): boolean {
  let node = edge.node;
  while (node?.op.weightEdge) {
    // the values of each channel are a row of a table
    if (node.op.weightEdge.gives.includes("distinct values")) return (node.inputs[1]?.type.shape.length ?? 1) < 2;
    node = node.inputs[0]!.node;
  }
  return false;
}

function roundedWeight(graph: Graph, edge: Value, attrs: FakeQuantize): Value {
  if (attrs.scale !== "learned") return graph.one(fakeQuantize, [edge], attrs);
  const leaf = leafOf(edge);
  const outputs = edge.type.shape[0]!;
  const data = bakedNumbers(edge);
  const count = attrs.per === "channel" ? outputs : 1;
  const length = data.length / count;
  const unit = Float32Array.from({ length: count }, (_, o) =>
    leastErrorScale(data.subarray(o * length, (o + 1) * length), attrs.levels),
  );
  const type = { shape: [count], dtype: "f32", batched: false } as const;
  const step = graph.state("weight", free(graph, `${leaf.name}/step`), type, new Float32Array(count).fill(1));
  const units = graph.state("constant", free(graph, `${leaf.name}/unit`), type, unit);
  units.frozen = true;
  return graph.one(fakeQuantize, [edge, step, units], attrs);
}

function leafOf(edge: Value): Value {
  let value = edge;
  while (value.node) value = value.node.inputs[0]!;
  return value;
}

/** `name`, or with the first free number. */
function free(graph: Graph, name: string): string {
  let taken = name;
  for (let k = 2; graph.leafOf(taken); k++) taken = `${name} ${k}`;
  return taken;
}

// ---------------------------------------------------------------- activations

function roundActivations(graph: Graph, { includes = () => true, rate }: FakeQuantizing): boolean {
  const borders = int8Borders(graph, includes);
  const isInt8 = (node: Node): boolean => !["float", "border"].includes(borders.form(node) as string);
  const commutes = (node: Node): boolean =>
    node.op !== dropout && ["keeps", "clamps", "folds"].includes(borders.form(node) as string);
  const results = new Set(graph.results);
  /** Values that are rounded, or made of such by ops that leave them so. */
  const settled = new Set<Value>();
  /** Values that are rounded behind the one node that reads them. */
  const pending = new Set<Value>();
  const ranges = new Map<Value, Value>();
  let inserted = false;

  /** The range state of a value's quantization. */
  const rangeOf = (v: Value, fixed?: Quantization): Value => {
    const source = borders.source(v);
    const known = ranges.get(source);
    if (known) return known;
    const name = free(graph, `${source.node?.name ?? source.name}/range`);
    const state = graph.state(
      fixed ? "constant" : "observation",
      name,
      RANGE_STATE,
      fixed ? rangeOfQuantization(fixed) : Float32Array.of(0, 0, 0, rate),
    );
    state.frozen = true;
    ranges.set(source, state);
    return state;
  };

  /** Rounds `v` for the nodes that `reads` selects, or for all that read it. */
  const round = (v: Value, range: Value, reads?: (node: Node) => boolean): void => {
    const users = new Set(graph.users(v).filter(user => !reads || reads(user)));
    const first = graph.nodes.find(node => users.has(node));
    const build = () => graph.scope(v.node?.name ?? first!.name, () => graph.one(fakeQuantizeActivation, [v, range]));
    const made = first ? graph.insertBefore(first, build) : build();
    graph.replace(v, made, node => users.has(node));
    if (!reads && results.has(v)) {
      made.name ||= v.name;
      graph.results = graph.results.map(result => (result === v ? made : result));
    }
    settled.add(made);
    inserted = true;
  };

  const isDeferred = (y: Value): boolean => {
    const user = results.has(y) ? undefined : graph.onlyUser(y);
    return user !== undefined && commutes(user);
  };

  for (const node of [...graph.nodes]) {
    if (!isInt8(node)) continue;
    const form = borders.form(node);
    const y = node.outputs[0]!;
    for (const v of node.inputs) if (v.type.batched && !settled.has(v) && !pending.has(v)) round(v, rangeOf(v), isInt8);
    const kept = node.op === dropout || (commutes(node) && node.inputs.every(v => !pending.has(v)));
    const fixed = typeof form === "object" ? form : undefined;
    // probabilities that leave the network stay as they are: a loss takes their logarithm
    if (kept || (fixed && results.has(y))) settled.add(y);
    else {
      const range = rangeOf(y, fixed);
      if (isDeferred(y)) pending.add(y);
      else round(y, range);
    }
  }
  graph.prune();
  return inserted;
}

/** A range with this quantization. */
function rangeOfQuantization({ scale, zeroPoint }: Quantization): Float32Array {
  const [step] = scale;
  return Float32Array.of(step! * (-128 - zeroPoint), step! * (127 - zeroPoint), 1, 0);
}
