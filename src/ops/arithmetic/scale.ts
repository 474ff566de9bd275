/** scale(x) = scale x, any shape and layout. */
import type { Node } from "../../graph/graph.ts";
import type { Axes, CostOf, Gradient, Traits } from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { evaluateUnary, lowerUnary, type UnaryFunction, unary } from "../unary.ts";

export interface Scale {
  scale: number;
}

const f: UnaryFunction<"scale", Scale> = { name: "scale", kernel: "f32_scale", of: (x, { scale }) => scale * x };

export const scale = /* @__PURE__ */ unary(f);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const gradient = {
  scale: (node: Node<Scale>, [dy], graph) => [graph.one(scale, [dy!], node.attrs)],
} satisfies Record<string, Gradient>;
export const lower = /* @__PURE__ */ lowerUnary(f);
export const cost = { scale: free } satisfies Record<string, CostOf>;
export const axes = { scale: sameAxes } satisfies Record<string, Axes>;
export const traits = { scale: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = {
  scale: { op: scale, number: 40, fields: { scale: { of: real, usual: -1 } } },
} satisfies Record<string, Stored>;
