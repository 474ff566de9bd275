/**
 * Replaces the chains of ops on weight edges by what they come to: a mask and its weight become one weight with zeros, whose positions the
 * file then stores sparsely. Each op brings the numbers it comes to (`Bake`); other nodes are untouched. The law: the graph gives the same
 * float bits as before.
 */
import { PenjingError } from "../base/errors.ts";
import type { Graph, Node, Rule, Value } from "../graph/graph.ts";
import type { Bake } from "../graph/meaning.ts";
import { baked, pass, running } from "../graph/pass.ts";
import { BAKE } from "../ops/index.ts";

/**
 * Baked weights keep the names their states had; a weight that is used also without its chain, or through two of them, becomes two.
 * A PenjingError "bake", before anything is changed, for an op that has no such meaning and a state without numbers.
 */
export const bake = pass({ name: "bake", needs: [running], ensures: [baked] }, bakeChains);

/** Does any weight of the graph go through an op before it is used? */
export const bakeable = (graph: Graph): boolean => !baked.holds(graph);

function bakeChains(graph: Graph, rules: Readonly<Record<string, Bake>> = BAKE): boolean {
  for (const node of graph.nodes) if (node.op.weightEdge) check(node, rules);
  const chain: Rule = node => {
    if (!node.op.weightEdge) return;
    const weight = node.inputs[0]!;
    const data = rules[node.op.name]!(
      node,
      node.inputs.map(v => v.data as Float32Array),
    );
    if (graph.onlyUser(weight) !== node) return [graph.twin(weight, data)];
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
