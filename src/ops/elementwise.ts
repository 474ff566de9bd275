/** What ops that treat every element alike have in common. */
import type { Node } from "../graph/graph.ts";

/** Every axis of every operand is the same axis of the output. */
export const sameAxes = (node: Node): [number, number][][] =>
  node.outputs[0]!.type.shape.map((_, axis) =>
    [...node.inputs, node.outputs[0]!].map((__, operand): [number, number] => [operand, axis]),
  );
