/**
 * transpose(x) -> x with its axes (one image's) in another order: axis i of the output is axis `permutation[i]` of x.
 */
import { showShape } from "../../base/shape.ts";
import { indices } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { unaryOperands } from "../../graph/operand.ts";
import { index, type Stored } from "../../graph/stored.ts";
import { free } from "../elementwise.ts";
import { evaluateRearranged, gradientOfRearranged, lowerRearranged, type Places, steps } from "./rearrange.ts";

export interface Transpose {
  permutation: readonly number[];
}

export const transpose: Op<Transpose> = {
  name: "transpose",
  takes: unaryOperands,
  infer([x], { permutation }) {
    const { shape } = x!;
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== shape.length || sorted.some((axis, i) => axis !== i))
      throw new RangeError(`[${permutation}] is no order of the axes of ${showShape(shape)}`);
    return [{ ...x!, shape: permutation.map(axis => shape[axis]!) }];
  },
};

const places: Places<Transpose> = (pitches, _, output, { permutation }) =>
  output.map((n, axis) => steps(n, pitches[permutation[axis]!]!));

export const evaluate = { transpose: /* @__PURE__ */ evaluateRearranged(places) } satisfies Record<string, Evaluate>;

export const gradient = { transpose: /* @__PURE__ */ gradientOfRearranged(places) } satisfies Record<string, Gradient>;

export const lower = { transpose: /* @__PURE__ */ lowerRearranged(places) } satisfies Record<string, Lower>;

export const cost = { transpose: free } satisfies Record<string, CostOf>;

export const axes = {
  transpose({ attrs: { permutation }, inputs: [x] }: Node<Transpose>) {
    const all = x!.type.shape.map(indices);
    return { operands: [all, permutation.map(axis => all[axis]!)] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  transpose: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const stored = {
  transpose: { op: transpose, number: 32, fields: { permutation: { of: index } } },
} satisfies Record<string, Stored>;
