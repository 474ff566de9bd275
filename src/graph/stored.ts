/** Records of ops in files: the meaning `stored` of an op. Default values are not written at all. */
import type { ByteReader } from "../base/bytes.ts";
import type { Shape } from "../base/shape.ts";
import type { Op, Role, Type } from "./graph.ts";

/**
 * An op's record in a file: its number, its attributes field by field, its parameters with the shapes that follow from
 * the rest.
 */
export interface Stored<A = any> {
  readonly op: Op<A>;
  /**
   * Permanent: never reused for another op; an op that changes its meaning gets a new number. Below 16 it takes one
   * byte in a file.
   */
  readonly number: number;
  /** In the order of their bits. Attributes with default values are not written. */
  readonly fields: Fields<A>;
  /** Inputs that are usually states of this node alone: they follow input 0, which is usually the previous value. */
  readonly parameters?: readonly Parameter<A>[];
}

/**
 * One field per attribute: a missing one is a compile error. Two attributes are excluded: `quantization`, that of
 * output 0, is stored with the node, and `relu`, a fused activation, is only set by a pass after loading.
 */
export type Fields<A> = { readonly [K in Exclude<keyof A, "quantization" | "relu">]-?: Field<NonNullable<A[K]>> };

export interface Field<V = unknown> {
  /**
   * Reads it number by number. A list of words: it is one of them, stored as its index. A flag has none: its bit says
   * that it is not default.
   */
  readonly of?: Kind | ([V] extends [string] ? readonly V[] : never);
  /**
   * The default, or a function that derives it from input 0. A list that always has the length of its default is stored
   * without a length.
   */
  readonly usual?: V | ((input: Type) => V);
}

/** Reads one number of an attribute; the container's writer has the inverse of each. */
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

/** A number, in all its 64 bits. */
export const real: Kind = from => {
  const value = from.f64();
  if (!Number.isFinite(value)) throw new RangeError(`an attribute is ${value}`);
  return value;
};

export interface Parameter<A = any> {
  /** The last part of the leaf's name: `<layer>/<name>`. */
  readonly name: string;
  readonly role: Role;
  /** The last part of the name of a constant that replaces it in a layer without this parameter. */
  readonly standIn?: string;
  /** The shape as far as it follows from the previous inputs and the attributes; 0 for a size that must be stored. */
  shape(inputs: readonly Type[], attrs: A): Shape;
  /**
   * The scales, one for each index of axis 0, are usually that of input 0 times those of input 1; then they are not
   * stored.
   */
  readonly product?: true;
}

/** A kernel of this shape. */
export const kernel = (shape: Parameter["shape"]): Parameter => ({ name: "kernel", role: "weight", shape });

/** One number for each output of the preceding kernel. */
export const bias: Parameter = {
  name: "bias",
  role: "bias",
  shape: ([, weight]) => [weight!.shape[0]!],
  product: true,
};
