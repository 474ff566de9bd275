/** div(a, b) = a / b of equal shapes, any layout. */
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { REAL } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { asOutput, eachPair, free, lowerBinary, sameAxes, sameTypes } from "../elementwise.ts";
import { mul } from "./mul.ts";
import { scale } from "./scale.ts";

export const div: Op = { name: "div", takes: { list: [REAL, REAL] }, infer: sameTypes("divide") };

export const evaluate = { div: /* @__PURE__ */ eachPair((a, b) => a / b) } satisfies Record<string, Evaluate>;

/** d(a / b) = da / b - (a / b) db / b */
export const gradient = {
  div: (node: Node, [dy], graph) => {
    const b = node.inputs[1]!;
    const da = graph.one(div, [dy!, b]);
    const product = graph.one(mul, [da, node.outputs[0]!]);
    return [da, graph.one(scale, [product], { scale: -1 })];
  },
} satisfies Record<string, Gradient>;

export const lower = { div: /* @__PURE__ */ lowerBinary("f32_div") } satisfies Record<string, Lower>;

export const prefers = { div: asOutput } satisfies Record<string, Prefers>;

export const cost = { div: free } satisfies Record<string, CostOf>;

export const axes = { div: sameAxes } satisfies Record<string, Axes>;

export const traits = { div: { int8: "float" } } satisfies Record<string, Traits>;

export const stored = { div: { op: div, number: 47, fields: {} } } satisfies Record<string, Stored>;
