/** Weights that users pass to a model: by name or in order, each as numbers, nested arrays, or with its shape. */
import { knownOptions, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, sameShape, showShape, size } from "../base/shape.ts";
import type { NestedNumbers } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { fromKeras, kerasShape, weightsOf } from "./weights.ts";

export type { NestedNumbers };

/** One weight in Keras' layout. Nested arrays have its shape; flat ones all its numbers, in order. */
export type GivenWeight = NestedNumbers | { readonly shape?: Shape; readonly data: NestedNumbers };

/** Some or all by name, or all in the order of `getWeights`. */
export type GivenWeights = Readonly<Record<string, GivenWeight>> | readonly GivenWeight[];

/** Converts `weights` to new contents of leaves. Throws a TypeError or RangeError for one that does not fit. */
export function givenContents(graph: Graph, weights: GivenWeights): [Value, Float32Array][] {
  if (weights === null || typeof weights !== "object" || ArrayBuffer.isView(weights))
    throw wrongType("weights", "weights by name, or a list of all", weights);
  const leaves = weightsOf(graph);
  if (Array.isArray(weights) && weights.length !== leaves.length)
    throw new RangeError(`"weights" expected ${leaves.length} weights, got ${weights.length}`);
  const entries = Array.isArray(weights)
    ? weights.map((given, i): [string, GivenWeight] => [leaves[i]!.name, given])
    : Object.entries<GivenWeight>(weights as Readonly<Record<string, GivenWeight>>);
  return entries.map(([name, given]) => {
    const leaf = leaves.find(v => v.name === name);
    if (!leaf) throw wrongValue("weights", `names among ${leaves.map(v => v.name).join(", ")}`, name);
    return [leaf, fromKeras(graph, leaf, numbersOf(name, given, kerasShape(graph, leaf)))];
  });
}

const isNumbers = (x: unknown): x is NestedNumbers => Array.isArray(x) || ArrayBuffer.isView(x);

function numbersOf(name: string, given: GivenWeight, expected: Shape): ArrayLike<number> {
  let data = given as NestedNumbers;
  if (!isNumbers(given)) {
    if (given === null || typeof given !== "object") throw wrongType(name, `${showShape(expected)} numbers`, given);
    const { shape, ...rest } = given as { shape?: Shape; data: NestedNumbers };
    knownOptions(name, rest, ["data", "shape"]);
    if (shape && String(shape) !== String(expected))
      throw new RangeError(`"${name}" expected ${showShape(expected)}, got ${showShape(shape)}`);
    data = rest.data;
  }
  const flat = flattened(name, data, expected);
  if (flat?.length !== size(expected))
    throw new RangeError(
      `"${name}" expected ${showShape(expected)} = ${size(expected)} numbers, got ${flat?.length ?? "none"}`,
    );
  for (let i = 0; i < flat.length; i++)
    if (!Number.isFinite(flat[i]))
      throw (typeof flat[i] === "number" ? wrongValue : wrongType)(`${name}[${i}]`, "finite number", flat[i]);
  return flat;
}

/** Flattens nested arrays after checking that they have the expected shape. */
function flattened(name: string, data: NestedNumbers, expected: Shape): ArrayLike<number> {
  if (!isNumbers(data) || !isNumbers(data[0])) return data as ArrayLike<number>;
  const shape: number[] = [];
  for (let at: unknown = data; isNumbers(at); at = at[0]) shape.push(at.length);
  let rows: readonly unknown[] = [data];
  for (const length of shape) {
    if (!rows.every(row => isNumbers(row) && row.length === length))
      throw new RangeError(`"${name}" expected ${showShape(expected)}, got arrays of different lengths`);
    rows = rows.flatMap(row => Array.from(row as ArrayLike<unknown>));
  }
  if (!sameShape(shape, expected))
    throw new RangeError(`"${name}" expected ${showShape(expected)}, got ${showShape(shape)}`);
  return rows as readonly number[];
}
