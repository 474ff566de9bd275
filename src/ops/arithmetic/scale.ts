/** scale(x) = scale x, any shape and layout. */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { unaryOperands } from "../../graph/operand.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { chosenType, each, evaluateEach, free, lowerUnary, sameAxes } from "../elementwise.ts";

export interface Scale {
  scale: number;
}

export const scale: Op<Scale> = { name: "scale", takes: unaryOperands, infer: chosenType };

const values = each((x, attrs: Scale) => attrs.scale * x);

export const evaluate = { scale: evaluateEach(values) } satisfies Record<string, Evaluate>;

export const gradient = {
  scale: (node: Node<Scale>, [upstream], graph) => [graph.one(scale, [upstream!], node.attrs)],
} satisfies Record<string, Gradient>;

export const lower = { scale: lowerUnary("f32_scale", values) } satisfies Record<string, Lower>;

export const cost = { scale: free } satisfies Record<string, CostOf>;

export const axes = { scale: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  scale: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  scale: { op: scale, number: 40, fields: { scale: { of: real, usual: -1 } } },
} satisfies Record<string, Stored>;
