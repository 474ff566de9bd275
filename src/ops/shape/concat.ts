/** concat(a, b, ...) -> the operands side by side along `axis`, of one image; all other axes are equal. */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import { type Axis, indices, parts } from "../../graph/axes.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Lowering, Traits } from "../../graph/meaning.ts";
import { NUMBERS } from "../../graph/operand.ts";
import { index, type Stored } from "../../graph/stored.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import { requantized } from "../../kernels/reference/stored.ts";
import { free } from "../elementwise.ts";
import { at, storedLayout } from "../quantized/int8-buffers.ts";
import { affine, elementwiseType, isInt8, type Quantized, stepsOf } from "../quantized/int8-types.ts";
import { copyWhole, spreadOut } from "./rearrange.ts";
import { sliced } from "./strided-slice.ts";

export interface Concat extends Quantized {
  axis: number;
}

export const concat: Op<Concat> = {
  name: "concat",
  takes: { list: [NUMBERS], more: true },
  infer(inputs, attrs) {
    const { axis } = attrs;
    const [first] = inputs;
    const shape = [...first!.shape];
    if (!(axis >= 0 && axis < shape.length))
      throw new RangeError(`expects an axis in 0..${shape.length - 1}, got ${axis}`);
    for (const t of inputs.slice(1)) {
      if (t.batched !== first!.batched)
        throw new RangeError(
          "cannot put what is one of each image beside what is the same for all: broadcast it first",
        );
      if (t.shape.length !== shape.length || t.shape.some((n, a) => a !== axis && n !== shape[a]))
        throw new RangeError(`cannot put ${showShape(t.shape)} beside ${showShape(first!.shape)} along axis ${axis}`);
      shape[axis]! += t.shape[axis]!;
    }
    return [{ ...elementwiseType(first!, attrs, inputs), shape }];
  },
};

/** Changes an operand's numbers into those of the output: int8 of another quantization is requantized. */
function moved(from: Type, to: Type): (v: number) => number {
  if (!isInt8(to)) return v => v;
  const { scale, zero } = requantization(from, to);
  return q => requantized(q - affine(from).zero, scale, zero, -128, 127);
}

const requantization = (from: Type, to: Type) => ({
  scale: /* @__PURE__ */ stepsOf(from, to),
  zero: /* @__PURE__ */ affine(to).zero,
});

export const evaluate = {
  concat(inputs, { axis }: Concat, { inputs: types, outputs: [type] }) {
    const along = axis + (type!.batched ? 1 : 0);
    const y = tensor(inputs[0]!.shape.map((n, a) => (a === along ? type!.shape[axis]! : n)));
    const inner = size(y.shape.slice(along + 1));
    let from = 0;
    for (const [i, x] of inputs.entries()) {
      const of = moved(types[i]!, type!);
      const run = x.shape[along]! * inner;
      x.data.forEach((v, p) => {
        y.data[Math.floor(p / run) * y.shape[along]! * inner + from + (p % run)] = of(v);
      });
      from += run;
    }
    return [y];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  concat(node: Node<Concat>, [dy], graph) {
    const { axis } = node.attrs;
    let from = 0;
    return node.inputs.map(({ type: { shape } }) => {
      const begin = shape.map((_, a) => (a === axis ? from : 0));
      from += shape[axis]!;
      return sliced(graph, dy!, begin, shape);
    });
  },
} satisfies Record<string, Gradient>;

export const lower = {
  concat(node: Node<Concat>, c) {
    const y = node.outputs[0]!;
    const { axis } = node.attrs;
    if (isInt8(y.type)) {
      lowerInt8(node, c);
      return;
    }
    const { ref, pitches } = spreadOut(c, y);
    let from = 0;
    for (const x of node.inputs) {
      copyWhole(c, x, at(ref, from * pitches[axis]!), pitches);
      from += x.type.shape[axis]!;
    }
  },
} satisfies Record<string, Lower>;

/** Rows of `length` elements, from `axis` on. */
const rowsFrom = (shape: Shape, axis: number) => ({
  rows: /* @__PURE__ */ size(shape.slice(0, axis)),
  length: /* @__PURE__ */ size(shape.slice(axis)),
});

function lowerInt8(node: Node<Concat>, c: Lowering): void {
  const y = node.outputs[0]!;
  const { axis } = node.attrs;
  const to = c.out(y, storedLayout(c, y));
  const element = storedBytes(c.variant);
  const rowStride = rowsFrom(y.type.shape, axis).length * element;
  let from = 0;
  for (const x of node.inputs) {
    const { rows, length } = rowsFrom(x.type.shape, axis);
    const { scale, zero } = requantization(x.type, y.type);
    c.each("i8_requantize", {
      x: c.in(x, storedLayout(c, x)),
      x_row_stride: length * element,
      y: at(to, from),
      y_row_stride: rowStride,
      rows,
      length,
      scale,
      from: affine(x.type).zero,
      to: zero,
      qmin: -128,
      qmax: 127,
    });
    from += length * element;
  }
}

export const cost = { concat: free } satisfies Record<string, CostOf>;

export const axes = {
  concat(node: Node<Concat>) {
    const { axis } = node.attrs;
    const common = node.outputs[0]!.type.shape.map(indices);
    const own = node.inputs.map(v => indices(v.type.shape[axis]!));
    const along = (list: Axis): Axis[] => common.map((each, k) => (k === axis ? list : each));
    return { operands: [...own.map(along), along(parts(...own))] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  concat: { int8: "chooses" },
} satisfies Record<string, Traits>;

export const stored = {
  concat: { op: concat, number: 11, fields: { axis: { of: index, usual: 2 } } },
} satisfies Record<string, Stored>;
