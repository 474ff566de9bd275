/** mul(a, b) = a b of equal shapes, any layout. */
import type { Node, Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { free, lowerBinary, sameAxes, sameTypes } from "./elementwise.ts";
import { evaluateProduct, lowerInt8Product, prefersPair } from "./pairs-int8.ts";
import { isInt8 } from "./quantized.ts";

export const mul: Op = { name: "mul", infer: sameTypes("multiply") };

export const evaluate = { mul: evaluateProduct } satisfies Record<string, Evaluate>;

export const gradient = {
  mul: (node: Node, [upstream], graph) => {
    const [a, b] = node.inputs;
    return [graph.one(mul, [upstream!, b!]), graph.one(mul, [upstream!, a!])];
  },
} satisfies Record<string, Gradient>;

export const lower = {
  mul(node, c) {
    if (isInt8(node.outputs[0]!.type)) lowerInt8Product(node, c);
    else lowerBinary("f32_mul")(node, c);
  },
} satisfies Record<string, Lower>;

export const prefers = { mul: prefersPair } satisfies Record<string, Prefers>;

export const cost = { mul: free } satisfies Record<string, CostOf>;

export const axes = { mul: sameAxes } satisfies Record<string, Axes>;
