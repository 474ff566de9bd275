/**
 * Functions of one value: all meanings of an op that treats every element alike, made of its formula and its kernel's
 * name. int8 goes by a table of 256 entries: the nearest codes to the function of the real numbers, unless the function
 * has an int8 form of its own.
 */

import { halfEven } from "../base/rounding.ts";
import { tensor } from "../base/tensor.ts";
import type { Node, Op, Type } from "../graph/graph.ts";
import type { Arg, Args, Evaluate, Gradient, Lower } from "../graph/meaning.ts";
import { realOperands, unaryOperands } from "../graph/operand.ts";
import { clamp } from "../kernels/reference/stored.ts";
import type { KernelName } from "../kernels/table.ts";
import { eachPair, sameType } from "./elementwise.ts";
import { lowerTable } from "./quantized/int8-buffers.ts";
import { affine, elementwiseType, isInt8, type Quantized } from "./quantized/int8-types.ts";

/** Kernels that have the arguments Keys, among others. */
type KernelWith<Keys extends string> = {
  [K in KernelName]: [Keys] extends [keyof Args<K>] ? K : never;
}[KernelName];

/** Those for which the attributes A are all they need besides. */
type KernelTaking<Keys extends string, A> = {
  [K in KernelWith<Keys>]: Record<Keys | (keyof A & string), Arg> extends Args<K> ? K : never;
}[KernelWith<Keys>];

type UnaryKernel = KernelWith<"n" | "x" | "y">;
type InputDerivativeKernel = KernelWith<"n" | "dy" | "x" | "dx">;
type OutputDerivativeKernel = KernelWith<"n" | "dy" | "y" | "dx">;

/** A kernel, or the choice of one by the attributes. */
type Chosen<K, A> = K | ((attrs: A) => K);

/** One element of the output, in the numbers of its type, for one of the input. */
export type Values<A = unknown> = (x: Type, y: Type, attrs: A) => (v: number) => number;

export interface UnaryFunction<N extends string, A = object> {
  readonly name: N;
  /** Runs over all stored elements: (n, x, y, attributes). A function: the kernel for these attributes. */
  readonly kernel: Chosen<KernelTaking<"n" | "x" | "y", A>, A>;
  /** f(x) in float64. */
  readonly of: (x: number, attrs: A) => number;
  /** The function of int8, where it is not the nearest code to f of the real number. */
  readonly int8?: Values<A>;
  /** int8 keeps the quantization of the input. Default: the attributes say that of the output. */
  readonly keeps?: true;
}

/** dx from dy and the forward's input x or its output y. */
export type Derivative<N extends string, A = object> = {
  readonly name: N;
  /** dx in float64. */
  readonly of: (dy: number, v: number, attrs: A) => number;
} & (
  | { readonly from: "x"; readonly kernel: Chosen<KernelTaking<"n" | "dy" | "x" | "dx", A>, A> }
  | { readonly from: "y"; readonly kernel: Chosen<KernelTaking<"n" | "dy" | "y" | "dx", A>, A> }
);

export const unary = <N extends string, A>({ name, keeps }: UnaryFunction<N, A>): Op<A> => ({
  name,
  takes: unaryOperands,
  infer: keeps ? sameType : ([x], attrs) => [elementwiseType(x!, attrs as Quantized)],
});

/** (dy, x or y) -> dx. */
export const derivative = <N extends string, A>({ name }: Derivative<N, A>): Op<A> => ({
  name,
  takes: realOperands,
  infer: sameType,
});

/** The nearest code to f of the real number; the lowest where f is not defined. */
export const nearest =
  <A>(of: (x: number, attrs: A) => number): Values<A> =>
  (x, y, attrs) => {
    const [from, to] = [affine(x), affine(y)];
    return q => {
      const y = of((q - from.zero) * from.scale, attrs);
      return Number.isNaN(y) ? -128 : clamp(halfEven(y / to.scale) + to.zero, -128, 127);
    };
  };

const evaluateFunction =
  <N extends string, A>({ of, int8 = nearest(of) }: UnaryFunction<N, A>): Evaluate<A> =>
  ([x], attrs, { inputs, outputs }) => {
    const each = isInt8(inputs[0]!) ? int8(inputs[0]!, outputs[0]!, attrs) : (v: number) => of(v, attrs);
    return [
      tensor(
        x!.shape,
        x!.data.map(v => each(v)),
      ),
    ];
  };

type Table<N extends string, M> = Readonly<Record<N, M>>;

export const evaluateUnary = <N extends string, A>(f: UnaryFunction<N, A>) =>
  ({ [f.name]: evaluateFunction(f) }) as Table<N, Evaluate<A>>;

export const evaluateDerivative = <N extends string, A>(d: Derivative<N, A>) =>
  ({ [d.name]: eachPair(d.of) }) as Table<N, Evaluate<A>>;

/** The gradient of f: one node of `op`, the op of the derivative. */
export const gradientOfUnary = <N extends string, D extends string, A>(
  { name }: UnaryFunction<N, A>,
  { from }: Derivative<D, A>,
  op: Op<A>,
) => {
  const rule: Gradient<A> = (node: Node<A>, [dy], graph) => {
    const read = from === "x" ? node.inputs[0]! : node.outputs[0]!;
    return [graph.one(op, [dy!, read], node.attrs)];
  };
  return { [name]: rule } as Table<N, Gradient<A>>;
};

/** A kernel over x as it is stored; int8 by a table. */
export const lowerUnary = <N extends string, A>(f: UnaryFunction<N, A>) => {
  const { of, int8 = nearest(of) } = f;
  const kernelOf: Chosen<UnaryKernel, A> = f.kernel;
  const rule: Lower<A> = (node: Node<A>, c) => {
    const x = node.inputs[0]!;
    const [output] = node.outputs;
    if (isInt8(x.type)) lowerTable(c, x, output!, int8(x.type, output!.type, node.attrs));
    else {
      const kernel = typeof kernelOf === "function" ? kernelOf(node.attrs) : kernelOf;
      const y = c.out(output!, c.layoutOf(x));
      c.map(kernel, x, n => ({ n, x: c.ref(x), y, ...node.attrs }));
    }
  };
  return { [f.name]: rule } as Table<N, Lower<A>>;
};

/** A kernel over dy as it is stored, the other operand brought into its layout. */
export const lowerDerivative = <N extends string, A>(d: Derivative<N, A>) => {
  const rule: Lower<A> = (node: Node<A>, c) => {
    const [dy, read] = node.inputs;
    const layout = c.layoutOf(dy!);
    const dx = c.out(node.outputs[0]!, layout);
    const v = c.in(read!, layout);
    if (d.from === "x") {
      const kernel: InputDerivativeKernel = typeof d.kernel === "function" ? d.kernel(node.attrs) : d.kernel;
      c.map(kernel, dy!, n => ({ n, dy: c.ref(dy!), x: v, dx, ...node.attrs }));
    } else {
      const kernel: OutputDerivativeKernel = typeof d.kernel === "function" ? d.kernel(node.attrs) : d.kernel;
      c.map(kernel, dy!, n => ({ n, dy: c.ref(dy!), y: v, dx, ...node.attrs }));
    }
  };
  return { [d.name]: rule } as Table<N, Lower<A>>;
};
