/** Questions about nodes that tables of their ops answer. */
import type { Node, Value } from "../graph/graph.ts";
import type { KnownNumbers, Traits } from "../graph/meaning.ts";
import { GIVES, TRAITS } from "./index.ts";

/** Ops of training graphs have no traits of their own. */
const NONE: Traits = { int8: "float" };

export const traitsOf = ({ op }: Pick<Node, "op">): Traits =>
  (TRAITS as Readonly<Record<string, Traits>>)[op.name] ?? NONE;

/** True where operand 1 of the node is a kernel, with its outputs along axis 0. */
export const hasKernel = (node: Node): boolean => traitsOf(node).kernel !== undefined;

/** The node that made the numbers of a result: before ops that change their shape, type or quantization only. */
export function makerOf({ node }: Value): Node | undefined {
  let maker = node;
  while (maker && GIVES[maker.op.name] === "input") maker = maker.inputs[0]!.node;
  return maker;
}

/** The numbers of a result, as its op gives them; undefined: logits, or any other numbers. */
export function givenBy(result: Value): KnownNumbers | undefined {
  const maker = makerOf(result);
  const gives = maker && GIVES[maker.op.name];
  return gives === "input" ? undefined : gives;
}
