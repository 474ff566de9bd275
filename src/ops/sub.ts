/** sub(a, b) = a - b of equal shapes, any layout. */
import type { Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { free, lowerBinary, sameAxes, sameTypes } from "./elementwise.ts";
import { evaluateSum, lowerInt8Sum, prefersPair } from "./pairs-int8.ts";
import { isInt8 } from "./quantized.ts";
import { scale } from "./scale.ts";

export const sub: Op = { name: "sub", infer: sameTypes("subtract") };

export const evaluate = { sub: evaluateSum(-1) } satisfies Record<string, Evaluate>;

export const gradient = {
  sub: (_, [upstream], graph) => [upstream, graph.one(scale, [upstream!], { scale: -1 })],
} satisfies Record<string, Gradient>;

export const lower = {
  sub(node, c) {
    if (isInt8(node.outputs[0]!.type)) lowerInt8Sum(node, c, -1);
    else lowerBinary("f32_sub")(node, c);
  },
} satisfies Record<string, Lower>;

export const prefers = { sub: prefersPair } satisfies Record<string, Prefers>;

export const cost = { sub: free } satisfies Record<string, CostOf>;

export const axes = { sub: sameAxes } satisfies Record<string, Axes>;
