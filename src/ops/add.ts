/** add(a, b) of equal shapes, any layout. */
import type { Node, Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { free, lowerBinary, sameAxes, sameTypes } from "./elementwise.ts";
import { evaluateSum, lowerInt8Sum, prefersPair } from "./pairs-int8.ts";
import { isInt8 } from "./quantized.ts";

export const add: Op = { name: "add", infer: sameTypes("add") };

export const evaluate = { add: evaluateSum(1) } satisfies Record<string, Evaluate>;

export const gradient = { add: (_, [upstream]) => [upstream, upstream] } satisfies Record<string, Gradient>;

export const lower = {
  add(node: Node, c) {
    if (isInt8(node.outputs[0]!.type)) lowerInt8Sum(node, c, 1);
    else lowerBinary("f32_add")(node, c);
  },
} satisfies Record<string, Lower>;

export const prefers = { add: prefersPair } satisfies Record<string, Prefers>;

export const cost = { add: free } satisfies Record<string, CostOf>;

export const axes = { add: sameAxes } satisfies Record<string, Axes>;
