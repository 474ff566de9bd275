/**
 * rescaling(x) = scale x + offset of numbers, any shape and layout; `rescale` is the same of pixels. Of int8 by table.
 */
import type { Node } from "../../graph/graph.ts";
import type { Axes, CostOf, Gradient, Traits } from "../../graph/meaning.ts";
import { real, type Stored } from "../../graph/stored.ts";
import { free, sameAxes } from "../elementwise.ts";
import { evaluateUnary, lowerUnary, type UnaryFunction, unary } from "../unary.ts";
import { scale } from "./scale.ts";

export interface Rescaling {
  scale: number;
  offset: number;
}

const f: UnaryFunction<"rescaling", Rescaling> = {
  name: "rescaling",
  kernel: "f32_rescale",
  of: (x, { scale, offset }) => scale * x + offset,
};

export const rescaling = /* @__PURE__ */ unary(f);

export const evaluate = /* @__PURE__ */ evaluateUnary(f);
export const gradient = {
  rescaling: (node: Node<Rescaling>, [dy], graph) => [graph.one(scale, [dy!], { scale: node.attrs.scale })],
} satisfies Record<string, Gradient>;
export const lower = /* @__PURE__ */ lowerUnary(f);
export const cost = { rescaling: free } satisfies Record<string, CostOf>;
export const axes = { rescaling: sameAxes } satisfies Record<string, Axes>;
export const traits = { rescaling: { int8: "chooses" } } satisfies Record<string, Traits>;
export const stored = {
  rescaling: {
    op: rescaling,
    number: 49,
    fields: { scale: { of: real, usual: 1 / 255 }, offset: { of: real, usual: 0 } },
  },
} satisfies Record<string, Stored>;
