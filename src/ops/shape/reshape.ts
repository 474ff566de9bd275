/** reshape(x) to `shape` (one image's), flatten among it. Moves nothing. */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import { fixed, type Indices, indices, type Product, product } from "../../graph/axes.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gives, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { unaryOperands } from "../../graph/operand.ts";
import { count, type Stored } from "../../graph/stored.ts";
import { covers, isStored, NO_HALO } from "../../kernels/i8/stored.ts";
import { flat } from "../../kernels/layout.ts";
import { storedLayout } from "../quantized/int8-buffers.ts";
import { isInt8 } from "../quantized/int8-types.ts";
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
  reshape: (node: Node<Reshape>, [dy], graph) => [graph.one(reshape, [dy!], { shape: node.inputs[0]!.type.shape })],
} satisfies Record<string, Gradient>;

export const lower = {
  reshape(node: Node<Reshape>, c) {
    const [x] = node.inputs;
    const y = node.outputs[0]!;
    const layout = c.layoutOf(x!);
    // stored int8 without a halo is in logical order too; images of one number lie closer than others
    const alike = c.strideIn(x!, flat) === c.strideIn(y, flat);
    if ((layout === flat && alike) || (isStored(layout) && covers(NO_HALO, layout.halo))) c.alias(y, x!);
    else {
      const ref = isInt8(y.type) ? c.out(y, storedLayout(c, y)) : spreadOut(c, y).ref;
      const pitches = stridesOf(x!.type.shape).map(stride => stride * elementBytes(c, y));
      copyWhole(c, x!, ref, pitches);
    }
  },
} satisfies Record<string, Lower>;

export const cost = { reshape: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

/**
 * Both shapes are products of the same factors: flattened [h][w][c] is h w c, and [6][4] as [3][8] is (3 2) 4 and 3
 * (2 4). Where two sizes have no factors in common, nothing may move.
 */
export const axes = {
  reshape(node: Node<Reshape>) {
    const [from, to] = [node.inputs[0]!.type.shape, node.attrs.shape];
    const made = factors(from, to) ?? [from.map(n => [fixed(n)]), to.map(n => [fixed(n)])];
    const [before, after] = made.map(list => list.map(axis => product(...axis))) as [Product[], Product[]];
    return { operands: [before, after], attrs: size => ({ shape: after.map(size) }) };
  },
} satisfies Record<string, Axes>;

/** Finds the factors of each axis of both shapes, outermost first. */
function factors(from: Shape, to: Shape): Indices[][][] | undefined {
  const made: Indices[][][] = [from.map(() => []), to.map(() => [])];
  const sides = [from, to];
  const axis = [0, 0];
  const left = [from[0] ?? 1, to[0] ?? 1];
  while (axis[0]! < from.length && axis[1]! < to.length) {
    const least = Math.min(...left);
    if (left.some(n => n % least)) return undefined;
    const factor = indices(least);
    sides.forEach((shape, side) => {
      made[side]![axis[side]!]!.push(factor);
      left[side]! /= least;
      // an axis is done with its last factor
      if (left[side] === 1) left[side] = shape[++axis[side]!] ?? 1;
    });
  }
  return made;
}

export const traits = {
  reshape: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const gives = { reshape: "input" } satisfies Record<string, Gives>;

export const stored = {
  reshape: {
    op: reshape,
    number: 4,
    fields: { shape: { of: count, usual: ({ shape }: Type): Shape => [size(shape)] } },
  },
} satisfies Record<string, Stored>;
