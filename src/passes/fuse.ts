/**
 * Fusion: a rule looks at one node and, where it and its producers together are a fused op that has kernels for these shapes,
 * gives the outputs that replace its own. Works on a copy of the model; the fused op brings its own gradient.
 * Requires nodes in order of use, ensures the same and fewer nodes.
 */
import type { Graph, Node, Op, Value } from "../graph/graph.ts";
import { type Dense, dense, denseInputGradient } from "../ops/dense.ts";
import { relu, reluGradient } from "../ops/relu.ts";

export type Rule = (node: Node, graph: Graph) => (Value | undefined)[] | undefined;

/** The node of kind `op` that makes v, where nobody else reads v. */
export function soleProducer<A>(graph: Graph, v: Value, op: Op<A>): Node<A> | undefined {
  return v.node?.op === op && graph.users(v).length === 1 && !graph.results.includes(v) ? v.node : undefined;
}

/** relu(dense(x)) -> dense with relu. */
const denseRelu: Rule = (node, graph) => {
  if (node.op !== relu) return;
  const inner = soleProducer<Dense>(graph, node.inputs[0]!, dense);
  if (!inner || inner.attrs.relu || inner.inputs.length < 3 || inner.inputs[0]!.type.dtype !== "f32") return;
  return graph.add(dense, inner.inputs, { ...inner.attrs, relu: true });
};

/** reluGradient(denseInputGradient(weight, d), y) -> denseInputGradient(weight, d, y). */
const denseInputReluGradient: Rule = (node, graph) => {
  if (node.op !== reluGradient) return;
  const inner = soleProducer(graph, node.inputs[0]!, denseInputGradient);
  if (!inner || inner.inputs.length > 2) return;
  return graph.add(denseInputGradient, [...inner.inputs, node.inputs[1]!]);
};

export const FORWARD: readonly Rule[] = [denseRelu];
export const BACKWARD: readonly Rule[] = [denseInputReluGradient];

/** Applies `rules` to every node in order; says whether anything changed. */
export function fuse(graph: Graph, rules: readonly Rule[]): boolean {
  let changed = false;
  for (let i = 0; i < graph.nodes.length; i++)
    for (const rule of rules) {
      const node = graph.nodes[i]!;
      const before = graph.nodes.length;
      const outputs = graph.scope(node.name, () => rule(node, graph));
      if (!outputs) continue;
      // the nodes a rule made stand last: they take the place of the one they replace
      const made = graph.nodes.splice(before);
      graph.nodes.splice(i, 1, ...made);
      node.outputs.forEach((o, k) => {
        const twin = outputs[k];
        if (twin) graph.replace(o, twin);
      });
      changed = true;
    }
  graph.prune();
  return changed;
}
