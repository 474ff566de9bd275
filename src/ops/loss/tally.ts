/**
 * tally(x per image, sum [, weight per image]): adds weight * x of every image, and the weights, to a leaf the host
 * reads. The leaf is two f64 numbers (declared as four f32): the weighted sum and the sum of weights. `penalty`: x is
 * one number for the whole batch.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, refuse } from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";

export const TALLY: Type = { shape: [4], dtype: "f32", batched: false };

export const tally: Op = { name: "tally", takes: anyOperands, infer: ([, sum]) => [sum!], updates: [1] };

/** (x, sum, any value of the batch): sum += images * x. */
export const tallyPenalty: Op = { name: "tallyPenalty", takes: anyOperands, infer: ([, sum]) => [sum!], updates: [1] };

export const evaluateBackward = {
  tally([x, sum, weights]) {
    const next = tensor(sum!.shape, sum!.data.slice());
    x!.data.forEach((v, i) => {
      const w = weights?.data[i] ?? 1;
      next.data[0]! += w * v;
      next.data[1]! += w;
    });
    return [next];
  },
  tallyPenalty([x, sum, batch]) {
    const next = tensor(sum!.shape, sum!.data.slice());
    next.data[0]! += batch!.shape[0]! * x!.data[0]!;
    return [next];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  tally: /* @__PURE__ */ refuse("sums for the host are not differentiated"),
  tallyPenalty: /* @__PURE__ */ refuse("sums for the host are not differentiated"),
} satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  tally(node: Node, c) {
    const [x, sum, weights] = node.inputs;
    c.each("tally", {
      x: c.ref(x!),
      w: weights ? c.ref(weights) : 0,
      weighted: weights ? 1 : 0,
      sum: c.ref(sum!),
    });
    c.alias(node.outputs[0]!, sum!, true);
  },
  tallyPenalty(node: Node, c) {
    const [x, sum] = node.inputs;
    c.call("tally_penalty", { x: c.ref(x!), sum: c.ref(sum!) });
    c.alias(node.outputs[0]!, sum!, true);
  },
} satisfies Record<string, Lower>;

export const cost = { tally: () => ({ macs: 0 }), tallyPenalty: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;
