/** sub(a, b) = a - b of equal shapes, any layout. */
import type { Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { asOutput, eachPair, free, lowerBinary, sameAxes, sameTypes } from "./elementwise.ts";
import { scale } from "./scale.ts";

export const sub: Op = { name: "sub", infer: sameTypes("subtract") };

export const evaluate = { sub: eachPair((a, b) => a - b) } satisfies Record<string, Evaluate>;

export const gradient = {
  sub: (_, [upstream], graph) => [upstream, graph.one(scale, [upstream!], { scale: -1 })],
} satisfies Record<string, Gradient>;

export const lower = { sub: lowerBinary("f32_sub") } satisfies Record<string, Lower>;

export const prefers = { sub: asOutput } satisfies Record<string, Prefers>;

export const cost = { sub: free } satisfies Record<string, CostOf>;

export const axes = { sub: sameAxes } satisfies Record<string, Axes>;
