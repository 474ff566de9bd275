/**
 * maximum(a, b): the larger of each pair, of equal shapes, any layout; int8 of one quantization. Where both are equal
 * the gradient is a's, as in TensorFlow.
 */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { binaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { eachPair, free, sameAxes } from "../elementwise.ts";
import { lowerPairs, prefersPair, sameQuantization } from "./pairs-int8.ts";
import { where } from "./where.ts";

export const maximum: Op = { name: "maximum", takes: binaryOperands, infer: sameQuantization("take the maximum of") };

export const evaluate = { maximum: /* @__PURE__ */ eachPair((a, b) => Math.max(a, b)) } satisfies Record<
  string,
  Evaluate
>;

export const gradient = {
  maximum: (node: Node, [dy], graph) => {
    const [a, b] = node.inputs;
    return [graph.one(where, [dy!, a!, b!], { equal: true }), graph.one(where, [dy!, b!, a!], { equal: false })];
  },
} satisfies Record<string, Gradient>;

export const lower = {
  maximum: /* @__PURE__ */ lowerPairs("f32_max", (c, args) => c.each("i8_max", args)),
} satisfies Record<string, Lower>;

export const prefers = { maximum: prefersPair } satisfies Record<string, Prefers>;

export const cost = { maximum: free } satisfies Record<string, CostOf>;

export const axes = { maximum: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  maximum: { int8: "alike" },
} satisfies Record<string, Traits>;

export const stored = {
  maximum: { op: maximum, number: 30, fields: {} },
} satisfies Record<string, Stored>;
