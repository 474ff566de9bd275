/** mul(a, b) = a b of equal shapes, any layout. */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { binaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, sameAxes, sameTypes } from "../elementwise.ts";
import { evaluateProduct, lowerProduct, prefersPair } from "./pairs-int8.ts";

export const mul: Op = { name: "mul", takes: binaryOperands, infer: sameTypes("multiply") };

export const evaluate = { mul: evaluateProduct } satisfies Record<string, Evaluate>;

export const gradient = {
  mul: (node: Node, [dy], graph) => {
    const [a, b] = node.inputs;
    return [graph.one(mul, [dy!, b!]), graph.one(mul, [dy!, a!])];
  },
} satisfies Record<string, Gradient>;

export const lower = { mul: lowerProduct } satisfies Record<string, Lower>;

export const prefers = { mul: prefersPair } satisfies Record<string, Prefers>;

export const cost = { mul: free } satisfies Record<string, CostOf>;

export const axes = { mul: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  mul: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  mul: { op: mul, number: 26, fields: {} },
} satisfies Record<string, Stored>;
