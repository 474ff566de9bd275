/** The arguments of kernels of losses: (predictions, targets) -> one number per image. */
import { size } from "../../base/shape.ts";
import type { Node } from "../../graph/graph.ts";
import type { Lowering } from "../../graph/meaning.ts";

function operands(node: Node, c: Lowering) {
  const [x, t] = node.inputs;
  return { x: c.in(x!), t: c.in(t!), k: size(x!.type.shape) };
}

export const lossArgs = (node: Node, c: Lowering) => ({
  ...operands(node, c),
  loss: c.out(node.outputs[0]!),
});

/** dy is the last input, dx the output. */
export const flowArgs = (node: Node, c: Lowering) => ({
  dy: c.ref(node.inputs.at(-1)!),
  dx: c.out(node.outputs[0]!),
});

export const slopeArgs = (node: Node, c: Lowering) => ({
  ...operands(node, c),
  ...flowArgs(node, c),
});
