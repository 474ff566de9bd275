/** Records of ops in files: the meaning `stored` of an op. What is as usual is not written at all. */
import type { ByteReader } from "../base/bytes.ts";
import type { Shape } from "../base/shape.ts";
import type { Op, Role, Type } from "./graph.ts";

/** An op's record in a file: its number, its attributes field by field, its parameters with the shapes that follow from the rest. */
export interface Stored<A = any> {
  readonly op: Op<A>;
  /** Given for ever: never to another op; an op that changes its meaning gets a new number. Below 16 it takes one byte in a file. */
  readonly number: number;
  /** In the order of their bits. Attributes that are as usual are not written. */
  readonly fields: Fields<A>;
  /** Inputs that are usually states of this node alone: they come after input 0, which is usually the value before. */
  readonly parameters?: readonly Parameter<A>[];
}

/**
 * One field for every attribute: one without a field is a compile error. Two are never among them: `quantization`, that of output 0, is
 * stored with the node, and `relu`, an activation fused into its layer, is only set by a pass after loading.
 */
export type Fields<A> = { readonly [K in Exclude<keyof A, "quantization" | "relu">]-?: Field<NonNullable<A[K]>> };

export interface Field<V = unknown> {
  /** Reads it number by number; a list of words: it is one of them, by its place. A flag has none: its bit says that it is not as usual. */
  readonly of?: Kind | ([V] extends [string] ? readonly V[] : never);
  /** The value of an absent field, or how it follows from input 0. A list that is always as long as its usual one is stored without its length. */
  readonly usual?: V | ((input: Type) => V);
}

/** Reads one number of an attribute; the container's writer has the opposite of each. */
export type Kind = (from: ByteReader) => number;

/** An integer >= 0. */
export const index: Kind = from => from.varint();

/** An integer >= 1. */
export const count: Kind = from => from.varint() + 1;

/** A 32-bit integer of either sign, zigzag: 0, -1, 1, -2 ... are 0, 1, 2, 3 ... */
export const signed: Kind = from => {
  const zigzag = from.varint();
  return (zigzag >>> 1) ^ -(zigzag & 1);
};

/** A number, to all its 64 bits. */
export const real: Kind = from => {
  const value = from.f64();
  if (!Number.isFinite(value)) throw new RangeError(`an attribute is ${value}`);
  return value;
};

export interface Parameter<A = any> {
  /** In the names of leaves: `<layer>/<name>`. */
  readonly name: string;
  readonly role: Role;
  /** Ends the name of a constant that stands for it, in a layer that does without. */
  readonly standIn?: string;
  /** The shape as far as it follows from the inputs before it and the attributes; 0 where a size must be stored. */
  shape(inputs: readonly Type[], attrs: A): Shape;
  /** Its scales, one for each index of axis 0, are usually that of input 0 times those of input 1, and not stored. */
  readonly product?: true;
}

/** A kernel of this shape. */
export const kernel = (shape: Parameter["shape"]): Parameter => ({ name: "kernel", role: "weight", shape });

/** One number for each output of the weights before it. */
export const bias: Parameter = {
  name: "bias",
  role: "bias",
  shape: ([, weight]) => [weight!.shape[0]!],
  product: true,
};
