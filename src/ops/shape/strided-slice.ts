/**
 * stridedSlice(x) -> along each axis of one image the `shape[axis]` elements from `begin[axis]` on, `strides[axis]`
 * apart; a negative stride reverses.
 */
import { type Shape, showShape } from "../../base/shape.ts";
import { fixed, indices, parts } from "../../graph/axes.ts";
import type { Graph, Node, Op, Value } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { unaryOperands } from "../../graph/operand.ts";
import { count, index, type Stored, signed } from "../../graph/stored.ts";
import { free } from "../elementwise.ts";
import { evaluateRearranged, gradientOfRearranged, lowerRearranged, type Places, steps } from "./rearrange.ts";

export interface StridedSlice {
  begin: readonly number[];
  strides: readonly number[];
  shape: Shape;
}

export const stridedSlice: Op<StridedSlice> = {
  name: "stridedSlice",
  takes: unaryOperands,
  infer([x], { begin, strides, shape }) {
    const from = x!.shape;
    const fits =
      [begin, strides, shape].every(list => list.length === from.length) &&
      from.every((n, axis) => {
        const last = begin[axis]! + (shape[axis]! - 1) * strides[axis]!;
        return (
          shape[axis]! > 0 && strides[axis] !== 0 && begin[axis]! >= 0 && begin[axis]! < n && last >= 0 && last < n
        );
      });
    if (!fits)
      throw new RangeError(`${showShape(from)} has no ${showShape(shape)} from [${begin}] on in steps of [${strides}]`);
    return [{ ...x!, shape }];
  },
};

const places: Places<StridedSlice> = (pitches, _, output, { begin, strides }) =>
  output.map((n, axis) => steps(n, strides[axis]! * pitches[axis]!, begin[axis]! * pitches[axis]!));

/** The elements of x from `begin` on that `shape` has room for. */
export const sliced = (graph: Graph, x: Value, begin: readonly number[], shape: Shape): Value =>
  graph.one(stridedSlice, [x], { begin, strides: begin.map(() => 1), shape });

export const evaluate = { stridedSlice: /* @__PURE__ */ evaluateRearranged(places) } satisfies Record<string, Evaluate>;

export const gradient = { stridedSlice: /* @__PURE__ */ gradientOfRearranged(places) } satisfies Record<
  string,
  Gradient
>;

export const lower = { stridedSlice: /* @__PURE__ */ lowerRearranged(places) } satisfies Record<string, Lower>;

export const cost = { stridedSlice: free } satisfies Record<string, CostOf>;

/** Elements side by side are a part of their axis. An axis that is sliced otherwise stays as it is. */
export const axes = {
  stridedSlice(node: Node<StridedSlice>) {
    const { begin, strides, shape } = node.attrs;
    const all = node.inputs[0]!.type.shape.map((n, axis) => {
      const [from, taken] = [begin[axis]!, shape[axis]!];
      if (strides[axis] !== 1 && taken > 1) return { whole: fixed(n), before: fixed(from), taken: fixed(taken) };
      const [before, inside] = [indices(from), indices(taken)];
      return { whole: parts(before, inside, indices(n - from - taken)), before, taken: inside };
    });
    return {
      operands: [all.map(axis => axis.whole), all.map(axis => axis.taken)],
      attrs: size => ({
        begin: all.map(axis => size(axis.before)),
        strides,
        shape: all.map(axis => size(axis.taken)),
      }),
    };
  },
} satisfies Record<string, Axes>;

export const traits = {
  stridedSlice: { int8: "float" },
} satisfies Record<string, Traits>;

export const stored = {
  stridedSlice: {
    op: stridedSlice,
    number: 33,
    fields: { begin: { of: index }, strides: { of: signed }, shape: { of: count } },
  },
} satisfies Record<string, Stored>;
