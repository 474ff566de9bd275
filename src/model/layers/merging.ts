/**
 * keras.layers.Add, Subtract, Multiply, Average, Maximum, Minimum and Concatenate. Each is called on its inputs, one by
 * one or as an array: `add()(a, b)`; `add([a, b])` is short for that. The elementwise ones broadcast: [1, 1, C] and [C]
 * are compatible with [H, W, C].
 */
import { integer, wrongValue } from "../../base/errors.ts";
import { type Shape, sameShape, showShape } from "../../base/shape.ts";
import type { Graph, Op, Value } from "../../graph/graph.ts";
import { add as sum } from "../../ops/arithmetic/add.ts";
import { maximum as largest } from "../../ops/arithmetic/maximum.ts";
import { minimum as smallest } from "../../ops/arithmetic/minimum.ts";
import { mul } from "../../ops/arithmetic/mul.ts";
import { scale } from "../../ops/arithmetic/scale.ts";
import { sub } from "../../ops/arithmetic/sub.ts";
import { broadcast } from "../../ops/shape/broadcast.ts";
import { concat } from "../../ops/shape/concat.ts";
import { type Layer, type LayerOptions, layer, type SymbolicTensor } from "../layer.ts";

type Merge<O> = {
  (options?: O): Layer;
  (inputs: readonly SymbolicTensor[], options?: O): SymbolicTensor;
};

/** Supports both ways of calling a merging layer. */
function merging<O extends LayerOptions>(make: (options: O) => Layer): Merge<O> {
  return ((first?: O | readonly SymbolicTensor[], options: O = {} as O) =>
    Array.isArray(first) ? make(options)(first) : make((first ?? {}) as O)) as Merge<O>;
}

const elementwise = (kind: string, op: Op<object>, arity: readonly [number, number]): Merge<LayerOptions> =>
  merging(options => layer(kind, options, [], () => (inputs, to) => joined(op, inputs, to.graph), { arity }));

/** op(op(a, b), c) ... */
const joined = (op: Op<object>, [first, ...rest]: readonly Value[], graph: Graph): Value =>
  rest.reduce((y, x) => graph.one(op, alike(y, x, graph), {}), first!);

/** Broadcasts both to their common shape. */
function alike(a: Value, b: Value, graph: Graph): [Value, Value] {
  const shape = together(a.type.shape, b.type.shape);
  const repeated = (x: Value, like: Value) =>
    sameShape(x.type.shape, shape) ? x : graph.one(broadcast, [x, like], { shape });
  return [repeated(a, b), repeated(b, a)];
}

/** Keras' broadcasting rule: NumPy's, without the batch axis. */
function together(a: Shape, b: Shape): Shape {
  const [longer, shorter] = a.length < b.length ? [b, a] : [a, b];
  const missing = longer.length - shorter.length;
  return longer.map((n, axis) => {
    const m = axis < missing ? 1 : shorter[axis - missing]!;
    if (n !== m && n !== 1 && m !== 1) {
      const got = `${showShape(a)} and ${showShape(b)}`;
      throw new RangeError(`expects shapes that are equal but for axes of 1, counted from the last, got ${got}`);
    }
    return n === 1 ? m : n;
  });
}

/** The sum, as at the end of a residual connection. */
export const add: Merge<LayerOptions> = elementwise("add", sum, [2, Infinity]);
/** The first input minus the second. */
export const subtract: Merge<LayerOptions> = elementwise("subtract", sub, [2, 2]);
/** The product, element by element. */
export const multiply: Merge<LayerOptions> = elementwise("multiply", mul, [2, Infinity]);
/** The elementwise maximum. */
export const maximum: Merge<LayerOptions> = elementwise("maximum", largest, [2, Infinity]);
/** The elementwise minimum. */
export const minimum: Merge<LayerOptions> = elementwise("minimum", smallest, [2, Infinity]);
/** The elementwise mean. */
export const average: Merge<LayerOptions> = merging(options =>
  layer(
    "average",
    options,
    [],
    () => (inputs, to) => to.graph.one(scale, [joined(sum, inputs, to.graph)], { scale: 1 / inputs.length }),
    { arity: [2, Infinity] },
  ),
);

export interface ConcatenateOptions extends LayerOptions {
  /** The axis in Keras' numbering, in which the batch is axis 0, or negative from the end. Default -1: channels. */
  axis?: number;
}

/** Concatenates inputs along an axis; all other axes are equal. */
export const concatenate: Merge<ConcatenateOptions> = merging(options =>
  layer(
    "concatenate",
    options,
    ["axis"],
    settings => {
      const axis = integer("axis", settings.axis ?? -1);
      return (inputs, to) => to.graph.one(concat, [...inputs], { axis: imageAxis(axis, inputs[0]!.type.shape) });
    },
    { arity: [2, Infinity] },
  ),
);

/** An axis of one image, from Keras' numbering. */
function imageAxis(axis: number, shape: Shape): number {
  const own = axis < 0 ? shape.length + axis : axis - 1;
  if (own < 0 || own >= shape.length)
    throw wrongValue("axis", `an axis of batches of ${showShape(shape)} other than the batch`, axis);
  return own;
}
