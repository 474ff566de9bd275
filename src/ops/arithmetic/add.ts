/** add(a, b) of equal shapes, any layout. */
import type { Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { binaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { evaluateSum, lowerSum, prefersPair, sumType } from "./pairs-int8.ts";

export const add: Op = { name: "add", takes: binaryOperands, infer: sumType("add", 1) };

export const evaluate = { add: /* @__PURE__ */ evaluateSum(1) } satisfies Record<string, Evaluate>;

export const gradient = { add: (_, [dy]) => [dy, dy] } satisfies Record<string, Gradient>;

export const lower = { add: /* @__PURE__ */ lowerSum("f32_add", 1) } satisfies Record<string, Lower>;

export const prefers = { add: prefersPair } satisfies Record<string, Prefers>;

export const cost = { add: free } satisfies Record<string, CostOf>;

export const axes = { add: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  add: { int8: "sums" },
} satisfies Record<string, Traits>;

export const stored = {
  add: { op: add, number: 7, fields: {} },
} satisfies Record<string, Stored>;
