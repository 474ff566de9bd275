/** concat(a, b, ...) -> the operands side by side along `axis`, of one image; all other axes are equal. slice(x) is one of them again. */
import { type Shape, showShape, size } from "../base/shape.ts";
import { type Tensor, tensor } from "../base/tensor.ts";
import type { Node, Op, Type, Value } from "../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Lowering,
  type Prefers,
  refuse,
} from "../graph/meaning.ts";

import { requantized } from "../kernels/reference/stored.ts";
import { storedBytes } from "../kernels/stored.ts";
import { free, noBackwardAxes } from "./elementwise.ts";
import { affine, at, elementwiseType, isInt8, type Quantized, storedLayout, storedWhole } from "./quantized.ts";

export interface Concat extends Quantized {
  axis: number;
}

export const concat: Op<Concat> = {
  name: "concat",
  infer(inputs, attrs) {
    const { axis } = attrs;
    const [first] = inputs;
    const shape = [...first!.shape];
    if (!(axis >= 0 && axis < shape.length))
      throw new RangeError(`expects an axis in 0..${shape.length - 1}, got ${axis}`);
    for (const t of inputs.slice(1)) {
      if (t.shape.length !== shape.length || t.shape.some((n, a) => a !== axis && n !== shape[a]))
        throw new RangeError(`cannot put ${showShape(t.shape)} beside ${showShape(first!.shape)} along axis ${axis}`);
      shape[axis]! += t.shape[axis]!;
    }
    return [{ ...elementwiseType(first!, attrs, inputs), shape }];
  },
};

export interface Slice extends Concat {
  from: number;
  length: number;
}

/** (x) -> the part of x from index `from` of `axis` on, `length` long. */
export const slice: Op<Slice> = {
  name: "slice",
  infer([x], { axis, from, length }) {
    if (!(from >= 0 && length > 0 && from + length <= (x!.shape[axis] ?? 0)))
      throw new RangeError(`${showShape(x!.shape)} has no ${from}..${from + length - 1} along axis ${axis}`);
    return [{ ...x!, shape: x!.shape.map((n, a) => (a === axis ? length : n)) }];
  },
};

/** Copies elements between a part of `whole` along `axis` and `part`, whose shapes begin with the same axes. */
function pair(
  whole: Tensor,
  part: Tensor,
  axis: number,
  from: number,
  visit: (whole: number, part: number) => void,
): void {
  const inner = size(part.shape.slice(axis + 1));
  const run = part.shape[axis]! * inner;
  const pitch = whole.shape[axis]! * inner;
  for (let row = 0; row < part.data.length / run; row++)
    for (let i = 0; i < run; i++) visit(row * pitch + from * inner + i, row * run + i);
}

/** The axis of a tensor that holds a batch first. */
const batchedAxis = (axis: number, type: Type): number => axis + (type.batched ? 1 : 0);

/** What becomes of an operand's numbers: int8 of another quantization is requantized. */
function moved(from: Type, to: Type): (v: number) => number {
  if (!isInt8(to)) return v => v;
  const { scale, zero } = requantization(from, to);
  return q => requantized(q - affine(from).zero, scale, zero, -128, 127);
}

const requantization = (from: Type, to: Type) => ({
  scale: Math.fround(Math.fround(affine(from).scale) / Math.fround(affine(to).scale)),
  zero: affine(to).zero,
});

export const evaluate = {
  concat(inputs, { axis }: Concat, { inputs: types, outputs: [type] }) {
    const along = batchedAxis(axis, type!);
    const y = tensor([...inputs[0]!.shape.slice(0, along), type!.shape[axis]!, ...inputs[0]!.shape.slice(along + 1)]);
    let from = 0;
    for (const [i, x] of inputs.entries()) {
      const of = moved(types[i]!, type!);
      pair(y, x, along, from, (w, p) => (y.data[w] = of(x.data[p]!)));
      from += x.shape[along]!;
    }
    return [y];
  },
  slice([x], { axis, from, length }: Slice, { outputs: [type] }) {
    const along = batchedAxis(axis, type!);
    const y = tensor(x!.shape.map((n, a) => (a === along ? length : n)));
    pair(x!, y, along, from, (w, p) => (y.data[p] = x!.data[w]!));
    return [y];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  concat(node: Node<Concat>, [upstream], graph) {
    const { axis } = node.attrs;
    let from = 0;
    return node.inputs.map(x => {
      const length = x.type.shape[axis]!;
      from += length;
      return graph.one(slice, [upstream!], { axis, from: from - length, length });
    });
  },
  slice: refuse("it is made by backward passes only"),
} satisfies Record<string, Gradient | object>;

/** Bytes of the part of `shape` that is contiguous from `axis` on, and how many such runs there are. */
const runs = (shape: Shape, axis: number): { rows: number; bytes: number } => ({
  rows: size(shape.slice(0, axis)),
  bytes: size(shape.slice(axis)) * 4,
});

/** The padding of y is kept zero. */
function zeroTail(y: Value, c: Lowering, ref: ReturnType<Lowering["out"]>): void {
  if (c.stride(y) > size(y.type.shape) * 4) c.each("zero", { y: ref, bytes: { per: c.stride(y) } });
}

export const lower = {
  concat(node: Node<Concat>, c) {
    const y = node.outputs[0]!;
    const { axis } = node.attrs;
    if (isInt8(y.type)) {
      lowerInt8(node, c);
      return;
    }
    const to = c.out(y);
    zeroTail(y, c, to);
    const whole = runs(y.type.shape, axis);
    let at = 0;
    for (const x of node.inputs) {
      const { rows, bytes } = runs(x.type.shape, axis);
      const from = c.in(x);
      c.each("copy_blocks", {
        x: from,
        y: { ...to, offset: to.offset + at },
        rows,
        xr: bytes,
        yr: whole.bytes,
        bytes,
      });
      at += bytes;
    }
  },
} satisfies Record<string, Lower>;

function lowerInt8(node: Node<Concat>, c: Lowering): void {
  const y = node.outputs[0]!;
  const { axis } = node.attrs;
  const to = c.out(y, storedLayout(c, y));
  const size = storedBytes(c.variant) / 4;
  const ypitch = runs(y.type.shape, axis).bytes * size;
  let from = 0;
  for (const x of node.inputs) {
    const { rows, bytes } = runs(x.type.shape, axis);
    const { scale, zero } = requantization(x.type, y.type);
    c.each("i8_requantize", {
      ...storedWhole(c, x),
      xpitch: bytes * size,
      y: at(to, from),
      ypitch,
      rows,
      length: bytes / 4,
      scale,
      from: affine(x.type).zero,
      to: zero,
      qmin: -128,
      qmax: 127,
    });
    from += bytes * size;
  }
}

export const prefers = {
  concat(node, operand, c) {
    const v = node.inputs[operand]!;
    return isInt8(v.type) ? storedLayout(c, v) : undefined;
  },
} satisfies Record<string, Prefers>;

export const lowerBackward = {
  slice(node: Node<Slice>, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const { axis, from } = node.attrs;
    const source = c.in(x);
    const to = c.out(y);
    zeroTail(y, c, to);
    const { rows, bytes } = runs(y.type.shape, axis);
    c.each("copy_blocks", {
      x: { ...source, offset: source.offset + from * size(x.type.shape.slice(axis + 1)) * 4 },
      y: to,
      rows,
      xr: runs(x.type.shape, axis).bytes,
      yr: bytes,
      bytes,
    });
  },
} satisfies Record<string, Lower>;

export const cost = { concat: free, slice: free } satisfies Record<string, CostOf>;

/** All axes but the one along which they stand side by side; that one is followed by its position, which slimming works out from the shapes. */
export const axes = {
  concat: (node: Node<Concat>) =>
    node.outputs[0]!.type.shape.flatMap((_, axis) =>
      axis === node.attrs.axis
        ? []
        : [[...node.inputs, node.outputs[0]!].map((__, operand): [number, number] => [operand, axis])],
    ),
  slice: noBackwardAxes,
} satisfies Record<string, Axes | object>;
