/**
 * The meanings of ops that treat every element alike, made from one function of numbers or one kernel's name.
 */
import { PenjingError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { tensor } from "../base/tensor.ts";
import { fixed, indices, whole } from "../graph/axes.ts";
import type { Node, Op, Type, Value } from "../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Prefers,
  refuse,
} from "../graph/meaning.ts";
import { elementwiseType, isInt8, type Quantized } from "./quantized/int8-types.ts";

/** Every axis of every operand is the same axis of the output. */
export const sameAxes: Axes = node => {
  const all = node.outputs[0]!.type.shape.map(indices);
  return { operands: [...node.inputs, ...node.outputs].map(() => all) };
};

/** The axes of functions that read the numbers along the last axis together, such as softmax. */
export const wholeRowAxes: Axes = node => {
  const all = node.outputs[0]!.type.shape.map((n, axis, { length }) => (axis === length - 1 ? whole(n) : indices(n)));
  return { operands: [...node.inputs, ...node.outputs].map(() => all) };
};

/** The last axis of every operand is the same one; the others are pixels, which stay. */
export const channelAxes: Axes = node => {
  const channels = indices(node.outputs[0]!.type.shape.at(-1)!);
  const operands = [...node.inputs, ...node.outputs];
  return { operands: operands.map(v => [...v.type.shape.slice(0, -1).map(fixed), channels]) };
};

export const free: CostOf = () => ({ macs: 0 });

/** The output is like the first input. */
export const sameType = ([x]: Type[]): Type[] => [x!];

/** The output is like the input, or, where that is int8, of the quantization in the attributes. */
export const chosenType = ([x]: Type[], attrs: unknown): Type[] => [elementwiseType(x!, attrs as Quantized)];

/** The output is like both inputs, which are alike. `verb` is for the message. */
export const sameTypes =
  (verb: string) =>
  ([a, b]: Type[], attrs: unknown): Type[] => {
    if (!sameShape(a!.shape, b!.shape) || a!.batched !== b!.batched)
      throw new RangeError(`cannot ${verb} ${showShape(a!.shape)} and ${showShape(b!.shape)}`);
    return [elementwiseType(a!, attrs as Quantized, [b!])];
  };

export const noSecondDerivative = /* @__PURE__ */ refuse("second derivatives are not built");
export const noIntegerAxes = /* @__PURE__ */ refuse("only float networks are slimmed");

/** y = f(a, b) of every pair. */
export const eachPair =
  <A>(f: (a: number, b: number, attrs: A) => number): Evaluate<A> =>
  ([a, b], attrs) => [
    tensor(
      a!.shape,
      a!.data.map((v, i) => f(v, b!.data[i]!, attrs)),
    ),
  ];

/** The gradient of a function of rows: its backward op reads (dy, y). */
export const fromOutput =
  <A>(backward: Op<A>): Gradient<A> =>
  (node: Node<A>, [dy], graph) => [graph.one(backward, [dy!, node.outputs[0]!], node.attrs)];

type BinaryKernel = "f32_add" | "f32_sub" | "f32_mul" | "f32_div" | "f32_min" | "f32_max";

/** A kernel over a as it is stored, b brought into its layout. */
export const lowerBinary =
  (kernel: BinaryKernel): Lower =>
  (node, c) => {
    const [a, b] = node.inputs;
    if (isInt8(a!.type))
      throw new PenjingError("refused", `layer "${node.name}": op "${node.op.name}" has no int8 kernel`);
    const layout = c.layoutOf(a!);
    const y = c.out(node.outputs[0]!, layout);
    c.map(kernel, a!, n => ({ n, a: c.ref(a!), b: c.in(b!, layout), y }));
  };

/** Operands prefer the layout that the consumers of the output prefer. */
export const asOutput: Prefers = (node, _, c) => c.prefer(node.outputs[0]!);

/**
 * Int8 that keeps its quantization may be passed on as it is, and then lies as the readers of the output wish, their
 * halo included.
 */
export const passedOn: Prefers = (node, operand, c) =>
  isInt8(node.inputs[0]!.type) ? asOutput(node, operand, c) : undefined;

/** An image's shape as `repeat` rows of `k`: all axes but the last, and the last. */
export function rowsOf(v: Value): { repeat: number; k: number } {
  const { shape } = v.type;
  return { repeat: shape.slice(0, -1).reduce((a, b) => a * b, 1), k: shape.at(-1) ?? 1 };
}
