/**
 * mean(x) over neighbouring `axes` of one image; `keepDims` keeps them with size 1. Of int8 the sum, requantized to the
 * quantization of the output as XNNPACK does it. Axes that do not stand side by side are brought together by a
 * transpose first.
 */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { ACTIVATION } from "../../graph/operand.ts";
import { index, type Stored } from "../../graph/stored.ts";
import { averaged } from "../../kernels/reference/i8-reduce.ts";
import { plainWindow, windowGeometry } from "../convolution/window.ts";
import { free } from "../elementwise.ts";
import { type AveragePool2d, averagePool2dGradient } from "../pooling/average-pool2d.ts";
import { wholeLayout } from "../quantized/int8-buffers.ts";
import { affine, checkSummed, elementwiseType, isInt8, type Quantized, stepsOf } from "../quantized/int8-types.ts";
import { reshape } from "../shape/reshape.ts";

export interface Mean extends Quantized {
  /** Ascending, without a gap. */
  axes: readonly number[];
  keepDims: boolean;
}

export const mean: Op<Mean> = {
  name: "mean",
  takes: { list: [ACTIVATION] },
  infer([x], attrs) {
    const { axes, keepDims } = attrs;
    const { shape } = x!;
    const first = axes[0]!;
    if (!axes.length || axes.some((axis, i) => axis !== first + i || axis < 0 || axis >= shape.length))
      throw new RangeError(`expects neighbouring axes of ${showShape(shape)}, got [${axes}]`);
    const rest = keepDims
      ? shape.map((n, axis) => (axes.includes(axis) ? 1 : n))
      : shape.filter((_, axis) => !axes.includes(axis));
    checkSummed(x!, parts(shape, attrs).length);
    return [{ ...elementwiseType(x!, attrs), shape: rest }];
  },
};

/** An image as [outer][length][inner], the mean being over the middle. */
function parts(shape: Shape, { axes }: Mean): { outer: number; length: number; inner: number } {
  const [first, last] = [axes[0]!, axes.at(-1)!];
  return {
    outer: size(shape.slice(0, first)),
    length: size(shape.slice(first, last + 1)),
    inner: size(shape.slice(last + 1)),
  };
}

/** The factor of the sum and the offset added to that: XNNPACK's numbers, every step in f32. */
function quantizedMean(x: Type, y: Type, length: number): { scale: number; offset: number } {
  const f = Math.fround;
  const [from, to] = [affine(x), affine(y)];
  const scale = f(stepsOf(x, y) * f(1 / length));
  return { scale, offset: f(to.zero - f(length * from.zero * scale)) };
}

export const evaluate = {
  mean([x], attrs: Mean, { inputs: [from], outputs: [to] }): Tensor[] {
    const { length, inner } = parts(from!.shape, attrs);
    const images = x!.shape[0]!;
    const y = tensor([images, ...to!.shape]);
    x!.data.forEach((v, i) => {
      const row = Math.floor(i / (length * inner));
      y.data[row * inner + (i % inner)]! += v;
    });
    if (!isInt8(from!))
      return [
        tensor(
          y.shape,
          y.data.map(sum => sum / length),
        ),
      ];
    const { scale, offset } = quantizedMean(from!, to!, length);
    return [
      tensor(
        y.shape,
        y.data.map(sum => averaged(sum, scale, offset)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

/** The same as an average over windows of one row: images of height `outer`, width `length`, `inner` channels. */
const asPool = (length: number): AveragePool2d => ({ ...plainWindow, size: [1, length], strides: [1, length] });

export const gradient = {
  mean(node: Node<Mean>, [dy], graph) {
    const { shape } = node.inputs[0]!.type;
    const { outer, length, inner } = parts(shape, node.attrs);
    const rows = graph.one(reshape, [dy!], { shape: [outer, 1, inner] });
    const dx = graph.one(averagePool2dGradient, [rows], { ...asPool(length), image: [outer, length, inner] });
    return [graph.one(reshape, [dx], { shape })];
  },
} satisfies Record<string, Gradient>;

export const lower = {
  mean(node: Node<Mean>, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const { outer, length, inner } = parts(x.type.shape, node.attrs);
    const ends = { x: c.in(x, wholeLayout(c, x)), y: c.out(y, wholeLayout(c, y)) };
    if (isInt8(x.type)) c.each("i8_mean", { ...ends, outer, length, inner, ...quantizedMean(x.type, y.type, length) });
    else {
      const window = asPool(length);
      const geometry = windowGeometry([outer, length, inner], window.size, [outer, 1, inner], window);
      c.each("f32_average_pool2d", { ...ends, ...geometry, include_pad: 0 });
    }
  },
} satisfies Record<string, Lower>;

export const cost = { mean: free } satisfies Record<string, CostOf>;

export const axes = {
  mean({ attrs, inputs: [x] }: Node<Mean>) {
    const from = x!.type.shape.map((n, axis) => (attrs.axes.includes(axis) ? fixed(n) : indices(n)));
    const to = from.flatMap((each, axis) => (!attrs.axes.includes(axis) ? [each] : attrs.keepDims ? [fixed(1)] : []));
    return { operands: [from, to] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  mean: { int8: "float" },
} satisfies Record<string, Traits>;

export const stored = {
  mean: { op: mean, number: 35, fields: { axes: { of: index }, keepDims: { usual: false } } },
} satisfies Record<string, Stored>;
