/**
 * Constant folding of the chains of ops on weight edges: a mask and its weight become one weight with zeros, which the
 * file then stores sparsely. Each op computes its own result (`Bake`); other nodes are unchanged. The law: the graph
 * gives the same float bits as before.
 */
import { PenjingError } from "../base/errors.ts";
import type { Graph, Node, RewriteRule, Value } from "../graph/graph.ts";
import type { Bake } from "../graph/meaning.ts";
import { baked, pass, running } from "../graph/pass.ts";
import { BAKE } from "../ops/index.ts";

/**
 * Baked weights keep the names of their states; a weight that is also used without its chain, or through two chains,
 * becomes two. Throws a PenjingError "bake", before anything is changed, for an op without that meaning and for a state
 * without numbers.
 */
export const bake = pass({ name: "bake", needs: [running], ensures: [baked] }, bakeChains);

/** True if any weight of the graph goes through an op before it is used. */
export const bakeable = (graph: Graph): boolean => !baked.holds(graph);

function bakeChains(graph: Graph, rules: Readonly<Record<string, Bake>> = BAKE): boolean {
  for (const node of graph.nodes) if (node.op.weightEdge) check(node, rules);
  const chain: RewriteRule = node => {
    if (!node.op.weightEdge) return;
    const weight = node.inputs[0]!;
    const data = rules[node.op.name]!(
      node,
      node.inputs.map(v => v.data as Float32Array),
    );
    if (graph.onlyUser(weight) !== node) return [graph.copyState(weight, data)];
    weight.data = data;
    return [weight];
  };
  return graph.rewrite([chain]);
}

function check(node: Node, rules: Readonly<Record<string, Bake>>): void {
  const wrong = (what: string) => new PenjingError("bake", `layer "${node.name}": ${what}`, { path: node.name });
  if (!rules[node.op.name]) throw wrong(`op "${node.op.name}" is not among those that can be baked`);
  const made = (v: Value): boolean => v.node?.op.weightEdge !== undefined;
  for (const v of node.inputs)
    if (!made(v) && !(v.leaf === "state" && v.data instanceof Float32Array))
      throw wrong(`"${v.name}" is no state with numbers`);
}

/** The numbers that the ops on the edge of a weight make of it. */
export function bakedNumbers({ node, data }: Value): Float32Array {
  return node ? BAKE[node.op.name]!(node, node.inputs.map(bakedNumbers)) : (data as Float32Array);
}
