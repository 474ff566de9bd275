/** Questions about nodes that their ops' traits answer. */
import type { Node, Value } from "../graph/graph.ts";
import type { Traits } from "../graph/meaning.ts";
import { TRAITS } from "./index.ts";

/** Ops of training graphs have no traits of their own. */
const NONE: Traits = { int8: "float" };

export const traitsOf = ({ op }: Pick<Node, "op">): Traits =>
  (TRAITS as Readonly<Record<string, Traits>>)[op.name] ?? NONE;

/** Is operand 1 of the node a kernel, with its outputs along axis 0? */
export const hasKernel = (node: Node): boolean => traitsOf(node).kernel !== undefined;

/** The node that makes the numbers of `value`, behind those that only change their shape, type or quantization; undefined: an input does. */
export function makerOf(value: Value): Node | undefined {
  let { node } = value;
  while (node && traitsOf(node).carries) node = node.inputs[0]!.node;
  return node;
}

/** The numbers of a result, as its op gives them; undefined: logits, or any other numbers. */
export function givenBy(result: Value): Traits["gives"] {
  const node = makerOf(result);
  return node && traitsOf(node).gives;
}
