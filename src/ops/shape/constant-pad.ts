/**
 * constantPad(x) -> x with `before[axis]` and `after[axis]` elements of `value` around it along every axis of one
 * image; of int8 the number nearest to `value`. For zeros around the height and width of an image, `pad` is the faster
 * op.
 */
import { type Shape, showShape } from "../../base/shape.ts";
import { indices, parts } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { unaryOperands } from "../../graph/operand.ts";
import { index, real, type Stored } from "../../graph/stored.ts";
import { free } from "../elementwise.ts";
import { nearest } from "../quantized/int8-arithmetic.ts";
import { affine, isInt8 } from "../quantized/int8-types.ts";
import { evaluateRearranged, type Filling, lowerRearranged, type Places, padding, steps } from "./rearrange.ts";
import { sliced } from "./strided-slice.ts";

export interface ConstantPad {
  before: readonly number[];
  after: readonly number[];
  value: number;
}

export const constantPad: Op<ConstantPad> = {
  name: "constantPad",
  takes: unaryOperands,
  infer([x], { before, after }) {
    const { shape } = x!;
    if (before.length !== shape.length || after.length !== shape.length)
      throw new RangeError(`expects pads for ${shape.length} axes, got [${before}] and [${after}]`);
    if (Math.min(0, ...before, ...after) < 0)
      throw new RangeError(`expects pads >= 0 of ${showShape(shape)}, got [${before}] and [${after}]`);
    return [{ ...x!, shape: shape.map((n, axis) => before[axis]! + n + after[axis]!) }];
  },
};

/** An image with so much before it along each axis. */
export const insetPlaces = (pitches: readonly number[], input: Shape, output: Shape, before: readonly number[]) =>
  output.map((n, axis) => [
    ...padding(before[axis]!),
    ...steps(input[axis]!, pitches[axis]!),
    ...padding(n - before[axis]! - input[axis]!),
  ]);

const places: Places<ConstantPad> = (pitches, input, output, { before }) => insetPlaces(pitches, input, output, before);

const filling: Filling<ConstantPad> = (type, { value }) => {
  if (!isInt8(type)) return Math.fround(value);
  const { scale, zero } = affine(type);
  return nearest(value, Math.fround(1 / scale), zero);
};

export const evaluate = { constantPad: /* @__PURE__ */ evaluateRearranged(places, filling) } satisfies Record<
  string,
  Evaluate
>;

/** The gradient is the part of dy that lies inside. */
export const gradient = {
  constantPad: (node: Node<ConstantPad>, [dy], graph) => [
    sliced(graph, dy!, node.attrs.before, node.inputs[0]!.type.shape),
  ],
} satisfies Record<string, Gradient>;

export const lower = { constantPad: /* @__PURE__ */ lowerRearranged(places, filling) } satisfies Record<string, Lower>;

export const cost = { constantPad: free } satisfies Record<string, CostOf>;

/** The added elements are all alike, so they are indices in any order. */
export const axes = {
  constantPad(node: Node<ConstantPad>) {
    const { before, after, value } = node.attrs;
    const [first, last] = [before.map(indices), after.map(indices)];
    const inside = node.inputs[0]!.type.shape.map(indices);
    return {
      operands: [inside, inside.map((each, axis) => parts(first[axis]!, each, last[axis]!))],
      attrs: size => ({ before: first.map(size), after: last.map(size), value }),
    };
  },
} satisfies Record<string, Axes>;

export const traits = {
  constantPad: { int8: "float" },
} satisfies Record<string, Traits>;

export const stored = {
  constantPad: {
    op: constantPad,
    number: 34,
    fields: { before: { of: index }, after: { of: index }, value: { of: real, usual: 0 } },
  },
} satisfies Record<string, Stored>;
