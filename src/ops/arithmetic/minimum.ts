/**
 * minimum(a, b): the smaller of each pair, of equal shapes, any layout; int8 of one quantization. Where both are equal
 * the gradient is a's, as in TensorFlow.
 */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { binaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { eachPair, free, sameAxes } from "../elementwise.ts";
import { lowerPairs, prefersPair, sameQuantization } from "./pairs-int8.ts";
import { where } from "./where.ts";

export const minimum: Op = { name: "minimum", takes: binaryOperands, infer: sameQuantization("take the minimum of") };

export const evaluate = { minimum: /* @__PURE__ */ eachPair((a, b) => Math.min(a, b)) } satisfies Record<
  string,
  Evaluate
>;

export const gradient = {
  minimum: (node: Node, [dy], graph) => {
    const [a, b] = node.inputs;
    return [graph.one(where, [dy!, b!, a!], { equal: true }), graph.one(where, [dy!, a!, b!], { equal: false })];
  },
} satisfies Record<string, Gradient>;

export const lower = {
  minimum: /* @__PURE__ */ lowerPairs("f32_min", (c, args) => c.each("i8_min", args)),
} satisfies Record<string, Lower>;

export const prefers = { minimum: prefersPair } satisfies Record<string, Prefers>;

export const cost = { minimum: free } satisfies Record<string, CostOf>;

export const axes = { minimum: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  minimum: { int8: "alike" },
} satisfies Record<string, Traits>;

export const stored = {
  minimum: { op: minimum, number: 29, fields: {} },
} satisfies Record<string, Stored>;
