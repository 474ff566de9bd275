/** Edits of a graph that passes share, besides the methods of `Graph`. */
import { PenjingError } from "../base/errors.ts";
import type { Graph, Node, Op, Value } from "./graph.ts";

/** One operand of one node. */
export interface Operand {
  readonly node: Node;
  readonly operand: number;
}

/**
 * Inserts `op(value, ...inputs)` between `value` and `at`: one operand of one node, or all nodes that read `value`.
 * Returns the op's output. Results are not redirected. The new node stands before the first of the nodes that read it
 * and has that node's name.
 */
export function insertOnEdge<A>(
  graph: Graph,
  value: Value,
  at: Operand | "all users",
  op: Op<A>,
  inputs: readonly Value[] = [],
  attrs?: A,
): Value {
  const users = new Set(graph.users(value));
  const reads =
    at === "all users"
      ? (node: Node) => users.has(node)
      : (node: Node, operand = at.operand) => node === at.node && operand === at.operand;
  const first = graph.nodes.find(node => reads(node));
  if (!first || !users.has(first))
    throw new PenjingError("graph", `nothing reads "${value.name || `%${value.id}`}" where "${op.name}" is to stand`);
  const made = graph.insertBefore(first, () => graph.scope(first.name, () => graph.one(op, [value, ...inputs], attrs)));
  graph.replace(value, made, (node, operand) => node !== made.node && reads(node, operand));
  return made;
}

/** Replaces each input by the output of `stream`; nodes that it adds come first in the graph. */
export function streamInputs(graph: Graph, stream: (input: Value, index: number) => Value): void {
  const inputs = graph.leaves.filter(v => v.leaf === "input");
  const replacements = graph.insertBefore(graph.nodes[0], () => new Map(inputs.map((v, i) => [v, stream(v, i)])));
  graph.replaceAll(replacements);
}
