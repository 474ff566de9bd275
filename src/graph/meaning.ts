/**
 * What an op may mean. Each meaning is a table keyed by the op's name, filled by the op's file;
 * an op that cannot have one says `refuse("reason")`.
 */
import type { TypedArray } from "../base/shape.ts";
import type { Tensor } from "../base/tensor.ts";
import type { Layout } from "../kernels/layout.ts";
import type { KernelArgs, KernelName } from "../kernels/table.ts";
import type { Axis } from "./axes.ts";
import type { Graph, KernelLayout, Node, Op, Quantization, Type, Value } from "./graph.ts";

/** A meaning an op cannot have, and why. */
export interface Refusal {
  readonly refused: string;
}
export const refuse = (reason: string): Refusal => ({ refused: reason });
export const refused = (meaning: object): meaning is Refusal => "refused" in meaning;

/** The specification: slow, obvious, in float64 (ops on a weight's edge: in float32, by Math.fround). */
export type Evaluate<A = any> = (inputs: Tensor[], attrs: A, types: { inputs: Type[]; outputs: Type[] }) => Tensor[];

/** Given d(loss)/d(output i), or undefined where nothing flows, gives one gradient (or undefined) per input, as graph nodes. */
export type Gradient<A = any> = (node: Node<A>, upstream: (Value | undefined)[], graph: Graph) => (Value | undefined)[];

/**
 * The numbers an op on a weight's edge comes to, of the numbers of its inputs. The law: a graph with these numbers in the op's place gives
 * the same float bits.
 */
export type Bake<A = any> = (node: Node<A>, data: readonly Float32Array[]) => Float32Array;

/** Chooses kernels by dtype and shape. */
export type Lower<A = any> = (node: Node<A>, c: Lowering) => void;

/** How operand i is best stored; undefined: no wish (int8 then lies as kernels take it, without a halo). */
export type Prefers<A = any> = (node: Node<A>, operand: number, c: Lowering) => Layout | undefined;

export interface Cost {
  /** Multiply-accumulates of one image. */
  macs: number;
}
export type CostOf<A = any> = (node: Node<A>) => Cost;

/** Describes the axes of a node's operands. The axes are one image's: the batch is none of them. */
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
 * - "kernel": it has a kernel of its own with int8 weights, and chooses the quantization of its output;
 * - "chooses": it chooses the quantization of its output, which is in its attributes;
 * - "sums": it chooses, but its kernel holds no more than a certain ratio of its operands' scales to that of its output;
 * - "keeps": its output has the quantization of input 0;
 * - "alike": its inputs are brought into the quantization that its output chooses;
 * - "clamps": it keeps it too, and a layer in front of it may be given its range: clamping is monotone;
 * - a quantization: TensorFlow Lite fixes that of its output;
 * - "float": none; it stays between a dequantize and a quantize;
 * - "border": it is where int8 begins or ends.
 */
export type Int8Form = "kernel" | "chooses" | "sums" | "keeps" | "alike" | "clamps" | "float" | "border" | Quantization;

/** What passes, losses and compression need to know of an op besides its numbers. */
export interface Traits {
  readonly int8: Int8Form;
  /**
   * Operand 1 is a kernel, its outputs along axis 0: what pruning, clustering, quantization per channel and the folding of batch
   * normalization act on. The value is the order of Keras' axes, unless the kernel's layer has another one.
   */
  readonly kernel?: KernelLayout;
}

/** Numbers that losses and classifiers know: shares of one, probabilities each by itself, or logarithms of shares. */
export type KnownNumbers = "distribution" | "probabilities" | "logarithms";

/** What the numbers of an op's output are, where that is known; "input": those of input 0, in another shape, type or quantization. */
export type Gives = KnownNumbers | "input";

/** An activation function that layers have a name for: an op and its attributes. */
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

/** `count`: how many images this call is for; `{ per }`: that many per image of the call. */
export type Arg = number | Ref | "count" | { per: number };
export type Args<K extends KernelName> = KernelArgs<K, Arg>;

export interface Lowering {
  /** Images a run of the program is for. */
  readonly batch: number;
  /** Images in one group of the tiled loop: how many a scratch used by `each` must hold. */
  readonly group: number;
  /** Which kernels will run it. */
  readonly variant: "simd" | "relaxed";
  /** The numbers of a leaf that no run changes; undefined where they may change, as in training. */
  fixed(v: Value): TypedArray | undefined;
  /** v in `layout`, default flat: as it is, or through a conversion emitted here once per (value, layout). */
  in(v: Value, layout?: Layout): Ref;
  /** v as it is stored; for an op that copes with `layoutOf(v)`. */
  ref(v: Value): Ref;
  layoutOf(v: Value): Layout;
  /** The layout the consumers of v wish for; flat where none has a wish. */
  prefer(v: Value): Layout;
  /** Does anything read v? An output nobody reads need not be made. */
  used(v: Value): boolean;
  /** A new buffer for v. */
  out(v: Value, layout?: Layout): Ref;
  /** `out` is `input`'s bytes; `overwrites`: the input may not be read any more. */
  alias(out: Value, input: Value, overwrites?: boolean): void;
  /** Bytes from one image of v, as it is stored, to the next (0: not batched). */
  stride(v: Value): number;
  /** Bytes from one image of v to the next once it is in `layout`. */
  strideIn(v: Value, layout: Layout): number;
  /** Temporary memory of one call, or of the group loop the call is in. */
  scratch(name: string, bytes: number): Ref;
  /** Constant bytes, written once when the program is loaded. */
  constant(name: string, data: TypedArray): Ref;
  /** One call for the whole batch. */
  call<K extends KernelName>(kernel: K, args: Args<K>): void;
  /** One call, on any sub-range of the images: the planner tiles such calls into groups that stay in cache. */
  each<K extends KernelName>(kernel: K, args: Args<K>): void;
  /** An elementwise call over all stored elements of v, padding included: `args` gets their number. */
  map<K extends KernelName>(kernel: K, v: Value, args: (n: Arg) => Args<K>): void;
  /** A call made once, before the first run: what it writes is never shared with other buffers. */
  once<K extends KernelName>(kernel: K, args: Args<K>): void;
}
