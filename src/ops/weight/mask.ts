/**
 * mask(w, m) = w * m, on a weight's edge between a state and its consumers: pruning. `m` holds zeros and ones, is a
 * frozen state of the weight's shape, and lies as the weight does; it changes between steps, on a schedule, never
 * inside a step. The gradient is exact: dy * m, so a pruned weight is not pulled anywhere.
 */
import { sameShape, showShape } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import {
  type Axes,
  type Bake,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Prefers,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { PARAMETER } from "../../graph/operand.ts";
import { asOutput, free, lowerBinary, sameAxes } from "../elementwise.ts";

export const mask: Op = {
  name: "mask",
  takes: { list: [PARAMETER, PARAMETER] },
  infer([w, m]) {
    if (!sameShape(w!.shape, m!.shape))
      throw new RangeError(`a mask of ${showShape(m!.shape)} does not fit weights of ${showShape(w!.shape)}`);
    if (w!.dtype !== "f32" || m!.dtype !== "f32")
      throw new TypeError(`expects f32 weights and mask, got ${w!.dtype} and ${m!.dtype}`);
    return [w!];
  },
  // zeros would be one value more behind a codebook, and need not lie on the grid of a quantized range
  weightEdge: { gives: ["zeros"], keeps: ["zeros"] },
};

export const evaluate = {
  mask: ([w, m]) => [
    tensor(
      w!.shape,
      w!.data.map((v, i) => Math.fround(Math.fround(v) * Math.fround(m!.data[i]!))),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  mask: (node: Node, [dy], graph) => [graph.one(mask, [dy!, node.inputs[1]!]), undefined],
} satisfies Record<string, Gradient>;

/**
 * The sign of a zero is dropped, since a stored -0 would cost a place in the file: adding +0 or -0 to a sum is the
 * same.
 */
export const bake = { mask: (_, [w, m]) => w!.map((v, i) => v * m![i]! + 0) } satisfies Record<string, Bake>;

export const lower = { mask: /* @__PURE__ */ lowerBinary("f32_mul") } satisfies Record<string, Lower>;

/** Weight and mask lie as the consumer of the masked weight wants it. */
export const prefers = { mask: asOutput } satisfies Record<string, Prefers>;

export const cost = { mask: free } satisfies Record<string, CostOf>;

export const axes = { mask: sameAxes } satisfies Record<string, Axes>;

export const traits = {
  mask: { int8: "float" },
} satisfies Record<string, Traits>;

export const unstored = {
  mask: /* @__PURE__ */ refuse("masks are baked into their weights before saving"),
} satisfies Record<string, Refusal>;
