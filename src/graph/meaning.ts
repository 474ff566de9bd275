/**
 * Meanings of ops. Each meaning is a table keyed by the op's name, filled by the op's file; for a meaning it cannot
 * have, an op has `refuse("reason")`.
 */
import type { TypedArray } from "../base/shape.ts";
import type { Tensor } from "../base/tensor.ts";
import type { Layout } from "../kernels/layout.ts";
import type { KernelArgs, KernelName } from "../kernels/table.ts";
import type { Axis } from "./axes.ts";
import type { Graph, KernelLayout, Node, Op, Quantization, Type, Value } from "./graph.ts";

/** The reason why an op cannot have a meaning. */
export interface Refusal {
  readonly refused: string;
}
export const refuse = (reason: string): Refusal => ({ refused: reason });
export const refused = (meaning: object): meaning is Refusal => "refused" in meaning;

/** The specification: slow, obvious, in float64 (ops on a weight's edge: in float32, by Math.fround). */
export type Evaluate<A = any> = (inputs: Tensor[], attrs: A, types: { inputs: Type[]; outputs: Type[] }) => Tensor[];

/**
 * Given d(loss)/d(output i), or undefined if no gradient flows, returns one gradient (or undefined) per input, as graph
 * nodes.
 */
export type Gradient<A = any> = (node: Node<A>, upstream: (Value | undefined)[], graph: Graph) => (Value | undefined)[];

/**
 * The result of an op on a weight's edge, given its inputs' numbers. The law: a graph with this result in place of the
 * op gives the same float bits.
 */
export type Bake<A = any> = (node: Node<A>, data: readonly Float32Array[]) => Float32Array;

/** Chooses kernels by dtype and shape. */
export type Lower<A = any> = (node: Node<A>, c: Lowering) => void;

/** The preferred layout of operand i; undefined: no preference (int8 is then stored without a halo). */
export type Prefers<A = any> = (node: Node<A>, operand: number, c: Lowering) => Layout | undefined;

export interface Cost {
  /** Multiply-accumulates of one image. */
  macs: number;
}
export type CostOf<A = any> = (node: Node<A>) => Cost;

/** Describes the axes of a node's operands. The axes are those of one image, without the batch. */
export interface NodeAxes<A = any> {
  /** The axes of each operand: inputs first, then outputs. */
  readonly operands: readonly (readonly Axis[])[];
  /** Makes the attributes for axes of other sizes, where attributes hold sizes; `size` gives the new sizes. */
  readonly attrs?: (size: (axis: Axis) => number) => A;
}

/** Relates the indices of a node's axes (graph/axes.ts). Channel slimming follows them. */
export type Axes<A = any> = (node: Node<A>) => NodeAxes<A>;

// ---------------------------------------------------------------- traits

/**
 * The int8 form of an op whose inputs are int8:
 *
 * - "kernel": it has a kernel of its own with int8 weights, and chooses the quantization of its output;
 * - "chooses": it chooses the quantization of its output, which is in its attributes;
 * - "sums": as "chooses", but its kernel limits the ratio of its operands' scales to that of its output;
 * - "keeps": its output has the quantization of input 0, and no numbers but those of input 0 and 0;
 * - "averages": its output has the quantization of input 0, and numbers between those of input 0, rounded;
 * - "alike": its inputs are requantized to the quantization of its output;
 * - "clamps": as "keeps", and a layer before it may use its range: clamping is monotone;
 * - a quantization: TensorFlow Lite fixes that of its output;
 * - "float": none; it stays between a dequantize and a quantize;
 * - "border": int8 begins or ends here.
 */
export type Int8Form =
  | "kernel"
  | "chooses"
  | "sums"
  | "keeps"
  | "averages"
  | "alike"
  | "clamps"
  | "float"
  | "border"
  | Quantization;

/** Properties of an op that passes, losses and compression need. */
export interface Traits {
  readonly int8: Int8Form;
  /**
   * Operand 1 is a kernel with its outputs along axis 0: pruning, clustering, quantization per channel and the folding
   * of batch normalization apply to it. The value is the order of Keras' axes, unless the kernel's layer has another
   * one.
   */
  readonly kernel?: KernelLayout;
}

/**
 * Kinds of outputs that losses and classifiers know: a distribution, independent probabilities, or logarithms of a
 * distribution.
 */
export type KnownNumbers = "distribution" | "probabilities" | "logarithms";

/** The kind of an op's output, if known; "input": the same as input 0, in another shape, type or quantization. */
export type Gives = KnownNumbers | "input";

/** A named activation function: an op and its attributes. */
export interface Activation {
  readonly op: Op<any>;
  readonly attrs: object;
}

// ---------------------------------------------------------------- lowering, as ops see it

/** A place in the arena: a buffer and a byte offset into it. Opaque to ops. */
export interface Ref {
  readonly buffer: object;
  readonly offset: number;
}

/** An argument. `count`: the number of images of this call; `{ per }`: that many per image. */
export type Arg = number | Ref | "count" | { per: number };
export type Args<K extends KernelName> = KernelArgs<K, Arg>;

export interface Lowering {
  /** Images per run of the program. */
  readonly batch: number;
  /** Images in one group of the tiled loop: a scratch buffer used by `each` must hold that many. */
  readonly group: number;
  /** The binary that will run it. */
  readonly variant: "simd" | "relaxed";
  /** Returns the numbers of a leaf that no run changes; undefined if they may change, as in training. */
  fixed(v: Value): TypedArray | undefined;
  /** Returns v in `layout`, default flat: as it is, or through a conversion emitted here once per (value, layout). */
  in(v: Value, layout?: Layout): Ref;
  /** Returns v as it is stored; for an op that supports `layoutOf(v)`. */
  ref(v: Value): Ref;
  layoutOf(v: Value): Layout;
  /** The layout that the consumers of v prefer; flat if none has a preference. */
  prefer(v: Value): Layout;
  /** True if anything reads v. An unused output need not be computed. */
  used(v: Value): boolean;
  /** Allocates a buffer for v. */
  out(v: Value, layout?: Layout): Ref;
  /** Lets `out` share `input`'s bytes; `overwrites`: the input may not be read any more. */
  alias(out: Value, input: Value, overwrites?: boolean): void;
  /** Bytes from one image of v, as it is stored, to the next (0: not batched). */
  stride(v: Value): number;
  /** Bytes from one image of v to the next once it is in `layout`. */
  strideIn(v: Value, layout: Layout): number;
  /** Allocates temporary memory of one call, or of the group loop that the call is in. */
  scratch(name: string, bytes: number): Ref;
  /** Allocates constant bytes, written once when the program is loaded. */
  constant(name: string, data: TypedArray): Ref;
  /** Emits one call for the whole batch. */
  call<K extends KernelName>(kernel: K, args: Args<K>): void;
  /**
   * Emits a call that may run on any sub-range of the images: the planner tiles such calls into groups that stay in
   * cache.
   */
  each<K extends KernelName>(kernel: K, args: Args<K>): void;
  /** Emits an elementwise call over all stored elements of v, padding included; `args` gets their number. */
  map<K extends KernelName>(kernel: K, v: Value, args: (n: Arg) => Args<K>): void;
  /** Emits a call of *prepare*, which runs once: its outputs never share memory with other buffers. */
  once<K extends KernelName>(kernel: K, args: Args<K>): void;
}
