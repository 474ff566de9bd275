/**
 * How an op lies in a file: its number for ever, its attributes field by field, its parameters with the shapes that follow from the rest.
 * What is as usual is not written at all.
 */
import type { ByteReader } from "../base/bytes.ts";
import type { Shape } from "../base/shape.ts";
import type { Op, Role, Type } from "../graph/graph.ts";

export interface Stored<A = any> {
  readonly op: Op<A>;
  /** How many inputs it takes, at least and at most; a file that lists others is refused. */
  readonly inputs: readonly [least: number, most: number];
  /** In the order of their bits. */
  readonly fields: Fields<A>;
  /** Inputs that are usually states of this node alone: they come after input 0, which is usually the value before. */
  readonly parameters: readonly Parameter<A>[];
}

/** The ops a file may name, by number. */
export type OpNumbers = Readonly<Record<number, Stored>>;

/**
 * One field for every attribute: one without a field is a compile error. Two never lie among them: `quantization`, that of output 0, is
 * stored with the node, and `relu`, an activation fused into its layer, is only set by a pass after loading.
 */
export type Fields<A> = { readonly [K in Exclude<keyof A, "quantization" | "relu">]-?: Field<NonNullable<A[K]>> };

export interface Field<V = unknown> {
  /** How it is read, number by number; a list of words: one of them, by its place. A flag has none: where its bit is set, it is not as usual. */
  readonly of?: Kind | ([V] extends [string] ? readonly V[] : never);
  /**
   * What an absent field means, or how that follows from input 0. A list that is always as long as its usual one is stored without its length.
   */
  readonly usual?: V | ((input: Type) => V);
}

/** How one number of an attribute is read; write.ts has the opposite of each. */
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

/** What `field` is where it is not stored. */
export const usualValue = ({ usual }: Field<any>, input: Type): unknown =>
  typeof usual === "function" ? usual(input) : usual;

/** What `field` is where it is stored. */
export function storedValue({ of, usual }: Field<any>, from: ByteReader): unknown {
  if (!of) return !usual;
  if (typeof of === "function")
    return typeof usual === "number" ? of(from) : from.list(of, Array.isArray(usual) ? usual.length : from.varint());
  const word = of[from.varint()];
  if (word === undefined) throw new RangeError(`an attribute is none of ${of.join(", ")}`);
  return word;
}

/** Makes the scales of activations times those of weights, in float32; undefined where there are none. */
export function productOfScales(
  [x, weights]: readonly Type[],
  channels: number | undefined,
): (() => Float32Array) | undefined {
  const scale = x?.quantization?.scale;
  const each = weights?.quantization?.scale;
  return scale?.length === 1 && each?.length === channels ? () => each!.map(s => s * scale[0]!) : undefined;
}
