/**
 * broadcast(x, like) -> x repeated along its axes of size 1, and along axes it lacks in front, to `shape`; one for
 * every image of `like`, also where x itself is not batched. It makes the operands of add, mul ... alike.
 */
import { type Shape, showShape } from "../../base/shape.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { NUMBERS } from "../../graph/operand.ts";
import { count, type Stored } from "../../graph/stored.ts";
import { free } from "../elementwise.ts";
import { evaluateRearranged, gradientOfRearranged, lowerRearranged, type Places, steps } from "./rearrange.ts";

export interface Broadcast {
  shape: Shape;
}

export const broadcast: Op<Broadcast> = {
  name: "broadcast",
  takes: { list: [NUMBERS, { dtypes: ["f32", "i8", "u8"], batched: true }] },
  infer([x, _like], { shape }) {
    const missing = shape.length - x!.shape.length;
    if (missing < 0 || x!.shape.some((n, axis) => n !== 1 && n !== shape[axis + missing]))
      throw new RangeError(`${showShape(x!.shape)} cannot be repeated to ${showShape(shape)}`);
    return [{ ...x!, shape, batched: true }];
  },
};

const places: Places<Broadcast> = (pitches, input, output) => {
  const missing = output.length - input.length;
  return output.map((n, axis) => steps(n, input[axis - missing] === n ? pitches[axis - missing]! : 0));
};

export const evaluate = { broadcast: /* @__PURE__ */ evaluateRearranged(places) } satisfies Record<string, Evaluate>;

export const gradient = { broadcast: /* @__PURE__ */ gradientOfRearranged(places) } satisfies Record<string, Gradient>;

export const lower = { broadcast: /* @__PURE__ */ lowerRearranged(places) } satisfies Record<string, Lower>;

export const cost = { broadcast: free } satisfies Record<string, CostOf>;

/** The indices of a repeated axis are all alike; operand 1 only counts images. */
export const axes = {
  broadcast(node: Node<Broadcast>) {
    const [x, like] = node.inputs;
    const to = node.attrs.shape.map(indices);
    const missing = to.length - x!.type.shape.length;
    const from = x!.type.shape.map((n, axis) => (n === to[axis + missing]!.size ? to[axis + missing]! : fixed(1)));
    return { operands: [from, like!.type.shape.map(indices), to], attrs: size => ({ shape: to.map(size) }) };
  },
} satisfies Record<string, Axes>;

export const traits = {
  broadcast: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const stored = {
  broadcast: { op: broadcast, number: 31, fields: { shape: { of: count } } },
} satisfies Record<string, Stored>;
