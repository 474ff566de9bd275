/** reshape(x) to `shape` (one image's), flatten among it. Moves nothing. */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { unaryOperands } from "../../graph/operand.ts";
import { count, type Stored } from "../../graph/stored.ts";
import { flat } from "../../kernels/layout.ts";
import { covers, isStored, NO_HALO } from "../../kernels/stored.ts";
import { isInt8, storedLayout } from "../quantized/quantized.ts";
import { copyWhole, elementBytes, spreadOut, stridesOf } from "./rearrange.ts";

export interface Reshape {
  shape: Shape;
}

export const reshape: Op<Reshape> = {
  name: "reshape",
  takes: unaryOperands,
  infer([x], { shape }) {
    if (size(shape) !== size(x!.shape))
      throw new RangeError(`${showShape(x!.shape)} cannot be reshaped to ${showShape(shape)}`);
    return [{ ...x!, shape }];
  },
};

export const evaluate = {
  reshape: ([x], { shape }, { inputs: [type] }) => [tensor(type!.batched ? [x!.shape[0]!, ...shape] : shape, x!.data)],
} satisfies Record<string, Evaluate>;

export const gradient = {
  reshape: (node: Node<Reshape>, [upstream], graph) => [
    graph.one(reshape, [upstream!], { shape: node.inputs[0]!.type.shape }),
  ],
} satisfies Record<string, Gradient>;

export const lower = {
  reshape(node: Node<Reshape>, c) {
    const [x] = node.inputs;
    const y = node.outputs[0]!;
    const layout = c.layoutOf(x!);
    // stored int8 without a halo is in logical order too
    if (layout === flat || (isStored(layout) && covers(NO_HALO, layout.halo))) c.alias(y, x!);
    else {
      const ref = isInt8(y.type) ? c.out(y, storedLayout(c, y)) : spreadOut(c, y).ref;
      const pitches = stridesOf(x!.type.shape).map(stride => stride * elementBytes(c, y));
      copyWhole(c, x!, ref, pitches);
    }
  },
} satisfies Record<string, Lower>;

export const cost = { reshape: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

/** Axes that survive whole on both sides; a flattened axis is followed by its position, which slimming works out from the shapes. */
export const axes = {
  reshape(node: Node<Reshape>) {
    const from = node.inputs[0]!.type.shape;
    const to = node.attrs.shape;
    const classes: [number, number][][] = [];
    let i = 0;
    while (i < Math.min(from.length, to.length) && from[i] === to[i])
      classes.push([
        [0, i],
        [1, i++],
      ]);
    return classes;
  },
} satisfies Record<string, Axes>;

export const traits = {
  reshape: { int8: "keeps", carries: true },
} satisfies Record<string, Traits>;

export const stored = {
  reshape: {
    op: reshape,
    number: 4,
    fields: { shape: { of: count, usual: ({ shape }: Type): Shape => [size(shape)] } },
  },
} satisfies Record<string, Stored>;
