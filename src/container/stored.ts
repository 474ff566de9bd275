/** Reads the attributes of a stored op: graph/stored.ts has their records. */
import type { ByteReader } from "../base/bytes.ts";
import type { Type } from "../graph/graph.ts";
import type { Field, Parameter, Stored } from "../graph/stored.ts";

export { count, type Field, index, type Kind, real, signed } from "../graph/stored.ts";

/** A record with the properties derived from its op. */
export interface StoredOp<A = any> extends Stored<A> {
  /** The number of inputs the op takes; a file that lists another number is refused. */
  readonly inputs: readonly [least: number, most: number];
  readonly parameters: readonly Parameter<A>[];
}

/** The ops a file may name, by number. */
export type OpNumbers = Readonly<Record<number, StoredOp>>;

/** The default value of `field`. */
export const usualValue = ({ usual }: Field<any>, input: Type): unknown =>
  typeof usual === "function" ? usual(input) : usual;

/** Reads the stored value of `field`. */
export function storedValue({ of, usual }: Field<any>, from: ByteReader): unknown {
  if (!of) return !usual;
  if (typeof of === "function")
    return typeof usual === "number" ? of(from) : from.list(of, Array.isArray(usual) ? usual.length : from.varint());
  const word = of[from.varint()];
  if (word === undefined) throw new RangeError(`an attribute is none of ${of.join(", ")}`);
  return word;
}

/** The products of the activations' scale and the weights' scales, in float32; undefined if either has none. */
export function productOfScales(
  [x, weights]: readonly Type[],
  channels: number | undefined,
): (() => Float32Array) | undefined {
  const scale = x?.quantization?.scale;
  const each = weights?.quantization?.scale;
  return scale?.length === 1 && each && each.length === channels ? () => each.map(s => s * scale[0]!) : undefined;
}
