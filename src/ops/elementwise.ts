/** What ops that treat every element alike have in common: their meanings, made from one function of numbers or one kernel's name. */
import { PenjingError } from "../base/errors.ts";
import { sameShape, showShape } from "../base/shape.ts";
import { tensor } from "../base/tensor.ts";
import type { Node, Op, Type, Value } from "../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, type Prefers, refuse } from "../graph/meaning.ts";
import { clamp, halfEven } from "../kernels/reference/stored.ts";
import type { KernelName } from "../kernels/table.ts";
import { affine, elementwiseType, isInt8, lowerTable, type Quantized } from "./quantized/quantized.ts";

/** Every axis of every operand is the same axis of the output. */
export const sameAxes = (node: Node): [number, number][][] =>
  node.outputs[0]!.type.shape.map((_, axis) =>
    [...node.inputs, node.outputs[0]!].map((__, operand): [number, number] => [operand, axis]),
  );

export const free: CostOf = () => ({ macs: 0 });

/** The output is like the first input. */
export const sameType = ([x]: Type[]): Type[] => [x!];

/** The output is like the first input, which is f32: int8 of such an op lies between a dequantize and a quantize. */
export const realType = ([x]: Type[]): Type[] => {
  if (isInt8(x!)) throw new TypeError("expects f32, got i8");
  return [x!];
};

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

export const noSecondDerivative = refuse("second derivatives are not built");
export const noBackwardAxes = refuse("slimming works on forward graphs");
export const noLossAxes = refuse("slimming works on models, which end before their loss");

// ---------------------------------------------------------------- y = f(x)

/** What becomes of one element, in the numbers of both types. */
export type Values<A = any> = (x: Type, y: Type, attrs: A) => (v: number) => number;

/** y = f(x); of int8 the nearest to f of the real number. */
export const each =
  <A>(f: (x: number, attrs: A) => number): Values<A> =>
  (x, y, attrs) => {
    if (!isInt8(x)) return v => f(v, attrs);
    const [from, to] = [affine(x), affine(y)];
    return q => clamp(halfEven(f((q - from.zero) * from.scale, attrs) / to.scale) + to.zero, -128, 127);
  };

export const evaluateEach =
  <A>(values: Values<A>): Evaluate<A> =>
  ([x], attrs, { inputs, outputs }) => {
    const of = values(inputs[0]!, outputs[0]!, attrs);
    return [
      tensor(
        x!.shape,
        x!.data.map(v => of(v)),
      ),
    ];
  };

/** y = f(a, b) of every pair. */
export const eachPair =
  <A>(f: (a: number, b: number, attrs: A) => number): Evaluate<A> =>
  ([a, b], attrs) => [
    tensor(
      a!.shape,
      a!.data.map((v, i) => f(v, b!.data[i]!, attrs)),
    ),
  ];

/** The backward op reads (upstream, output). */
export const fromOutput =
  <A>(backward: Op<A>): Gradient<A> =>
  (node: Node<A>, [upstream], graph) => [graph.one(backward, [upstream!, node.outputs[0]!], node.attrs)];

/** The backward op reads (upstream, input). */
export const fromInput =
  <A>(backward: Op<A>): Gradient<A> =>
  (node: Node<A>, [upstream], graph) => [graph.one(backward, [upstream!, node.inputs[0]!], node.attrs)];

/** A kernel (n, x, y, attributes) on x as it is stored; int8 by a table. */
export const lowerUnary =
  <A>(kernel: KernelName, values: Values<A>): Lower<A> =>
  (node: Node<A>, c) => {
    const x = node.inputs[0]!;
    if (isInt8(x.type)) {
      lowerTable(c, x, node.outputs[0]!, values(x.type, node.outputs[0]!.type, node.attrs));
      return;
    }
    const y = c.out(node.outputs[0]!, c.layoutOf(x));
    c.map(kernel, x, n => ({ n, x: c.ref(x), y, ...node.attrs }) as never);
  };

/** Names of a kernel's two reads and its write. */
type Operands = readonly [first: string, second: string, output: string];

const lowerPair =
  (kernel: KernelName, [first, second, output]: Operands): Lower =>
  (node, c) => {
    const [a, b] = node.inputs;
    if (isInt8(a!.type))
      throw new PenjingError("refused", `layer "${node.name}": op "${node.op.name}" has no int8 kernel`);
    const layout = c.layoutOf(a!);
    const y = c.out(node.outputs[0]!, layout);
    c.map(
      kernel,
      a!,
      n => ({ n, [first]: c.ref(a!), [second]: c.in(b!, layout), [output]: y, ...node.attrs }) as never,
    );
  };

/** A kernel (n, a, b, y, attributes), b brought into the layout of a. */
export const lowerBinary = (kernel: KernelName): Lower => lowerPair(kernel, ["a", "b", "y"]);

/** A kernel (n, dy, y, dx, attributes): a derivative from the output; `saved` is "x" where it is from the input. */
export const lowerGradient = (kernel: KernelName, saved: "x" | "y" = "y"): Lower =>
  lowerPair(kernel, ["dy", saved, "dx"]);

/** Operands like to lie as the readers of the output wish. */
export const asOutput: Prefers = (node, _, c) => c.prefer(node.outputs[0]!);

/** Int8 that keeps its quantization may be passed on as it is, and then lies as the readers of the output wish, their halo included. */
export const passedOn: Prefers = (node, operand, c) =>
  isInt8(node.inputs[0]!.type) ? asOutput(node, operand, c) : undefined;

/** An image's shape as `repeat` rows of `k`: all axes but the last, and the last. */
export function rowsOf(v: Value): { repeat: number; k: number } {
  const { shape } = v.type;
  return { repeat: shape.slice(0, -1).reduce((a, b) => a * b, 1), k: shape.at(-1) ?? 1 };
}
