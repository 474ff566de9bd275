/** sub(a, b) = a - b of equal shapes, any layout. */
import type { Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { binaryOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { evaluateSum, lowerSum, prefersPair, sumType } from "./pairs-int8.ts";
import { scale } from "./scale.ts";

export const sub: Op = { name: "sub", takes: binaryOperands, infer: sumType("subtract", -1) };

export const evaluate = { sub: /* @__PURE__ */ evaluateSum(-1) } satisfies Record<string, Evaluate>;

export const gradient = {
  sub: (_, [dy], graph) => [dy, graph.one(scale, [dy!], { scale: -1 })],
} satisfies Record<string, Gradient>;

export const lower = { sub: /* @__PURE__ */ lowerSum("f32_sub", -1) } satisfies Record<string, Lower>;

export const prefers = { sub: prefersPair } satisfies Record<string, Prefers>;

export const cost = { sub: free } satisfies Record<string, CostOf>;

export const axes = { sub: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  sub: { int8: "sums" },
} satisfies Record<string, Traits>;

export const stored = {
  sub: { op: sub, number: 25, fields: {} },
} satisfies Record<string, Stored>;
