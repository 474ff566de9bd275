/** What a graph of a stranger claims of a budget: memory of its values, work of its nodes, of float and integer networks alike. */
import type { Budget } from "../base/budget.ts";
import { show } from "../base/errors.ts";
import { BYTES, size } from "../base/shape.ts";
import type { Graph, Node, Type } from "../graph/graph.ts";
import { STORED } from "./op-numbers.ts";

/** Memory that a node or a leaf takes besides its contents while a network is loaded, in bytes; measured with chains of 50 000 layers. */
export const NODE_BYTES = 8192;

/** Bytes of one image of a value, or of all of it. */
export const bytesOf = ({ shape, dtype }: Type): number => size(shape) * BYTES[dtype];

/** A node whose inference has been checked. No output may be larger than all memory. */
export function claimNode(budget: Budget, node: Node, hasKernel: boolean): void {
  const layer = `layer ${show(node.name)}`;
  budget.claim(NODE_BYTES, layer);
  for (const { type } of node.outputs) budget.demand(bytesOf(type), layer);
  budget.work(workOf(node, hasKernel), layer);
}

/**
 * Multiply-accumulates of layers with a kernel; of pools the taps of all windows; of any other op the elements it makes. A page that only
 * runs does not carry the table of costs, which also knows backward ops.
 */
function workOf({ inputs, outputs, attrs }: Node, hasKernel: boolean): number {
  const { shape } = outputs[0]!.type;
  // every position of the output, all channels at once, takes the whole kernel
  if (hasKernel) return size(shape.slice(0, -1)) * size(inputs[1]!.type.shape);
  const taps = "strides" in attrs && "size" in attrs ? size(attrs.size) : 1;
  return size(shape) * taps;
}

/** All of a graph that was read from another format. */
export function claimGraph(budget: Budget, graph: Graph): void {
  const stored = Object.values(STORED);
  const weighted = new Set<string>(
    stored.filter(({ parameters: [first] }) => first?.name === "kernel").map(({ op }) => op.name),
  );
  for (const leaf of graph.leaves) budget.claim(NODE_BYTES + bytesOf(leaf.type), `tensor ${show(leaf.name)}`);
  for (const node of graph.nodes) claimNode(budget, node, weighted.has(node.op.name));
}
