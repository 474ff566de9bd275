/** Claims the memory of a graph's values and the work of its nodes from a budget, for float and integer networks. */
import type { Budget } from "../base/budget.ts";
import { show } from "../base/errors.ts";
import { BYTES, size } from "../base/shape.ts";
import type { Graph, Node, Type } from "../graph/graph.ts";
import { STORED } from "./op-numbers.ts";

/**
 * Memory of a node or a leaf besides its contents while a network is loaded, in bytes; measured with chains of 50 000
 * layers.
 */
export const NODE_BYTES = 8192;

/** Bytes of one image of a value if it is batched, else of the whole value. */
export const bytesOf = ({ shape, dtype }: Type): number => size(shape) * BYTES[dtype];

/** Claims a node whose types have been inferred. No output may exceed all memory. */
export function claimNode(budget: Budget, node: Node, hasKernel: boolean): void {
  const layer = `layer ${show(node.name)}`;
  budget.claim(NODE_BYTES, layer);
  for (const { type } of node.outputs) budget.demand(bytesOf(type), layer);
  budget.work(workOf(node, hasKernel), layer);
}

/**
 * Multiply-accumulates: of the kernel for layers that have one, the taps of all windows for pools, the output elements
 * for any other op. `penjing/run` does not include the table of costs, which also covers backward ops.
 */
function workOf({ inputs, outputs, attrs }: Node, hasKernel: boolean): number {
  const { shape } = outputs[0]!.type;
  // each output position, all channels at once, takes the whole kernel
  if (hasKernel) return size(shape.slice(0, -1)) * size(inputs[1]!.type.shape);
  const taps = "strides" in attrs && "size" in attrs ? size(attrs.size) : 1;
  return size(shape) * taps;
}

/** Claims a whole graph that was read from another format. */
export function claimGraph(budget: Budget, graph: Graph): void {
  const stored = Object.values(STORED);
  const weighted = new Set<string>(
    stored.filter(({ parameters: [first] }) => first?.name === "kernel").map(({ op }) => op.name),
  );
  for (const leaf of graph.leaves) budget.claim(NODE_BYTES + bytesOf(leaf.type), `tensor ${show(leaf.name)}`);
  for (const node of graph.nodes) claimNode(budget, node, weighted.has(node.op.name));
}
