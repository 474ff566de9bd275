/**
 * Float graph -> a graph of int8 weights and float activations. Requires a model's graph without weight-edge ops: bake
 * first.
 */
import { Graph, type Node, type Value } from "../../graph/graph.ts";
import { hasKernel } from "../../ops/traits.ts";
import { keepNames, Parameters, type WeightForms } from "./parameters.ts";

/** Dynamic quantization: int8 weights, float activations that kernels quantize by the range of each image. */
export function quantizeDynamic(
  from: Graph,
  includes: (node: Node) => boolean = () => true,
  weights: WeightForms = {},
): Graph {
  const graph = new Graph();
  const of = new Map<Value, Value>();
  const parameters = new Parameters(graph, weights);
  for (const leaf of from.leaves) if (leaf.leaf === "input") of.set(leaf, graph.leaf("input", leaf.name, leaf.type));
  for (const node of from.nodes) {
    const operands = node.inputs.map(v => of.get(v) ?? v);
    const inputs =
      hasKernel(node) && includes(node)
        ? [operands[0]!, ...parameters.dynamic(node)]
        : operands.map(v => (v.leaf === "state" ? parameters.plain(v) : v));
    const outputs = graph.scope(node.name, () => graph.add(node.op, inputs, node.attrs));
    node.outputs.forEach((o, i) => of.set(o, outputs[i]!));
  }
  graph.results = from.results.map(v => of.get(v)!);
  keepNames(graph, from);
  graph.prune();
  return graph;
}
