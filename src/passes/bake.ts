/**
 * Replaces the chains of ops on weight edges by what they come to: a mask and its weight become one weight with zeros, whose positions the
 * file then stores sparsely.
 *
 * Requires the numbers of every weight and mask (`data` of their leaves) and a model's graph, without loss or optimizer.
 * Ensures a graph without weight-edge ops whose other nodes are untouched. The law: it gives the same float bits as before.
 * (The sign of a zero weight is dropped, since a stored -0 would cost a place in the file: adding +0 or -0 to a sum is the same.)
 */
import { PenjingError } from "../base/errors.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { mask } from "../ops/weight/mask.ts";

/** Bakes a copy of `from`; baked weights keep the names their states had. */
export function bake(from: Graph): Graph {
  const { graph } = from.copy();
  const baked = new Map<Value, Value>();
  for (const node of graph.nodes) {
    if (node.op !== mask) continue;
    const [w, m] = node.inputs.map(v => baked.get(v) ?? v);
    const data = masked(numbersOf(w!, node.name), numbersOf(m!, node.name));
    const made: Value = { ...w!, id: node.outputs[0]!.id, data };
    baked.set(node.outputs[0]!, made);
  }
  for (const [chain, weight] of baked) {
    graph.replace(chain, weight);
    graph.leaves.splice(graph.leaves.findIndex(v => v.name === weight.name) + 1, 0, weight); // weights keep their order
  }
  graph.nodes = graph.nodes.filter(node => node.op !== mask);
  graph.prune();
  unify(graph);
  return graph;
}

/** Does any weight of the graph go through an op before it is used? */
export const bakeable = (graph: Graph): boolean => graph.nodes.some(node => node.op === mask);

/** The effective weights of a mask node: w * m, zeros without sign. */
export function masked(w: Float32Array, m: Float32Array): Float32Array {
  return w.map((v, i) => v * m[i]! + 0);
}

function numbersOf(v: Value, layer: string): Float32Array {
  if (v.leaf !== "state" || !(v.data instanceof Float32Array))
    throw new PenjingError("bake", `layer "${layer}": "${v.name}" is no state with numbers`, { path: layer });
  return v.data;
}

/** A weight used both through a mask and directly is two weights now: the second gets a name of its own. */
function unify(graph: Graph): void {
  const names = new Set<string>();
  for (const leaf of graph.leaves) {
    let name = leaf.name;
    for (let k = 2; names.has(name); k++) name = `${leaf.name} ${k}`;
    leaf.name = name;
    names.add(name);
  }
}
