/**
 * How an op lies in a file: its number for ever, its attributes field by field, its parameters with the shapes that follow from the rest.
 * What is as usual is not written at all.
 */
import type { ByteReader, ByteWriter } from "../base/bytes.ts";
import { PenjingError } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Op, Quantization, Type } from "../graph/graph.ts";

export interface Stored<A = any> {
  readonly op: Op<A>;
  /** How many inputs it takes, at least and at most; a file that lists others is refused. */
  readonly inputs: readonly [least: number, most: number];
  /**
   * One field for every attribute, in the order of their bits. An attribute without a field is a compile error; `quantization`, that of
   * output 0, is stored with the output.
   */
  readonly fields: { readonly [K in Exclude<keyof A, "quantization">]-?: Field<A[K]> };
  /** Inputs that are usually states of this node alone: they come after input 0, which is usually the output of the node before. */
  readonly parameters: readonly Parameter<A>[];
}

/** The ops a file may name, by number. */
export type OpNumbers = Readonly<Record<number, Stored>>;

export interface Field<V> {
  write(to: ByteWriter, value: NonNullable<V>): void;
  read(from: ByteReader): NonNullable<V>;
  /** What an absent field means, from the inputs known by then (input 0 and other listed ones). */
  usual(inputs: readonly Type[]): V | undefined;
}

export interface Parameter<A = any> {
  /** In the names of leaves: `<layer>/<name>`. */
  readonly name: string;
  /** The shape as far as it follows from the inputs before it and the attributes; 0 where a size must be stored. */
  shape(inputs: readonly Type[], attrs: A): Shape;
  /** `channels`: one scale per index of axis 0, zero point 0. `product`: the same, and each scale is that of input 0 times that of input 1. */
  readonly quantized: "channels" | "product";
}

/** Types of values are numbered from 0; 2^31 elements are more than any engine's memory holds. */
export const MAX_ELEMENTS = 2 ** 31 - 1;

const always =
  <V>(value: V) =>
  () =>
    value;

const usually = <V>(usual: V | ((inputs: readonly Type[]) => V)): ((inputs: readonly Type[]) => V) =>
  typeof usual === "function" ? (usual as (inputs: readonly Type[]) => V) : always(usual);

/** Integers >= `min`, as many as `usual` has. */
export function counts<V extends readonly number[]>(
  length: V["length"],
  min: number,
  usual: V | ((inputs: readonly Type[]) => V),
): Field<V> {
  return {
    write(to, value) {
      for (const n of value) to.varint(n);
    },
    read: from => Array.from({ length }, () => atLeast(from, min)) as readonly number[] as NonNullable<V>,
    usual: usually(usual),
  };
}

/** Integers of either sign. */
export function integers<V extends readonly number[]>(length: V["length"], usual: V): Field<V> {
  return {
    write(to, value) {
      for (const n of value) to.signed(n);
    },
    read: from => Array.from({ length }, () => from.signed()) as readonly number[] as NonNullable<V>,
    usual: always(usual),
  };
}

/** A list of any length of integers >= `min`. */
export function list(min: number, usual?: (inputs: readonly Type[]) => Shape): Field<Shape> {
  return {
    write(to, value) {
      to.varint(value.length);
      for (const n of value) to.varint(n);
    },
    read(from) {
      const length = from.varint();
      // Each takes a byte at least: a length no file can hold is refused before anything is made.
      if (length > from.left) throw from.error("truncated", `the file ends inside a list of ${length} numbers`);
      return Array.from({ length }, () => atLeast(from, min));
    },
    usual: usual ?? always(undefined),
  };
}

/** A list of any length of integers of either sign. */
export function signedList(): Field<readonly number[]> {
  return {
    write(to, value) {
      to.varint(value.length);
      for (const n of value) to.signed(n);
    },
    read(from) {
      const length = from.varint();
      if (length > from.left) throw from.error("truncated", `the file ends inside a list of ${length} numbers`);
      return Array.from({ length }, () => from.signed());
    },
    usual: always(undefined),
  };
}

/** One of a list of words, by its place in it; the first is the usual one. The list may grow at its end. */
export function choice<V extends string>(words: readonly V[]): Field<V> {
  return {
    write: (to, value) => to.varint(words.indexOf(value)),
    read(from) {
      const { offset } = from;
      const word = words[from.varint()] as NonNullable<V> | undefined;
      if (word === undefined) throw from.error("damaged", `an attribute is none of ${words.join(", ")}`, offset);
      return word;
    },
    usual: always(words[0]),
  };
}

/** An integer >= `min`. */
export function count<V extends number | undefined>(min: number, usual?: NonNullable<V>): Field<V> {
  return {
    write: (to, value) => to.varint(value),
    read: from => atLeast(from, min) as NonNullable<V>,
    usual: always(usual as V),
  };
}

/** A number, to all its 64 bits. */
export function real<V extends number | undefined>(usual?: NonNullable<V>): Field<V> {
  return {
    write: (to, value) => to.f64(value),
    read: from => finite(from) as NonNullable<V>,
    usual: always(usual as V),
  };
}

/** True or false: where it is not as usual it is the other, and takes no byte but its bit. */
export function flag<V extends boolean | undefined>(usual: NonNullable<V>): Field<V> {
  return {
    write: () => {},
    read: () => !usual as NonNullable<V>,
    usual: always(usual as V),
  };
}

/** An attribute that only a pass sets, after loading: a graph that has it set is not one to be stored. */
export function never<V>(usual: NonNullable<V>, reason: string): Field<V> {
  return {
    write() {
      throw new PenjingError("unsupported", reason);
    },
    read(from) {
      throw from.error("damaged", reason);
    },
    usual: always(usual as V),
  };
}

function atLeast(from: ByteReader, min: number): number {
  const offset = from.offset;
  const value = from.varint();
  if (value < min) throw from.error("damaged", `an attribute is ${value}, expected at least ${min}`, offset);
  return value;
}

function finite(from: ByteReader): number {
  const offset = from.offset;
  const value = from.f64();
  if (!Number.isFinite(value)) throw from.error("damaged", `an attribute is ${value}`, offset);
  return value;
}

/** Equal numbers, flags or lists; an absent flag or list is the usual one. */
export const sameValue = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((v, i) => Object.is(v, b[i]))
    : Object.is(a, b);

/**
 * The quantization a parameter usually has, given its scales where they are stored; undefined where there is none.
 * The scales of a bias follow from those of the activations and weights before it, multiplied in float32.
 */
export function usualQuantization(
  parameter: Parameter | undefined,
  before: readonly Type[],
  shape: Shape,
  scales: Float32Array | undefined,
): Quantization | undefined {
  const channels = shape[0];
  if (channels === undefined) return undefined;
  if (parameter?.quantized !== "product")
    return scales && scales.length === channels ? { scale: scales, zeroPoint: 0, axis: 0 } : undefined;
  const [x, weights] = before;
  const activation = x?.quantization?.scale;
  const weight = weights?.quantization?.scale;
  if (activation?.length !== 1 || weight?.length !== channels) return undefined;
  return { scale: weight.map(s => Math.fround(s * activation[0]!)), zeroPoint: 0, axis: 0 };
}
