/**
 * keras.layers.Add, Subtract, Multiply and Concatenate. Each is called on its inputs, one by one or as an array: `add()(a, b)`;
 * `add([a, b])` is short for that.
 */
import { integer, wrongValue } from "../../base/errors.ts";
import { type Shape, sameShape, showShape } from "../../base/shape.ts";
import type { Op } from "../../graph/graph.ts";
import { add as sum } from "../../ops/arithmetic/add.ts";
import { mul } from "../../ops/arithmetic/mul.ts";
import { sub } from "../../ops/arithmetic/sub.ts";
import { concat } from "../../ops/shape/concat.ts";
import { type Layer, type LayerOptions, layer, type SymbolicTensor } from "../layer.ts";

type Merge<O> = {
  (options?: O): Layer;
  (inputs: readonly SymbolicTensor[], options?: O): SymbolicTensor;
};

/** Both ways of calling what merges. */
function merging<O extends LayerOptions>(make: (options: O) => Layer): Merge<O> {
  return ((first?: O | readonly SymbolicTensor[], options: O = {} as O) =>
    Array.isArray(first) ? make(options)(first) : make((first ?? {}) as O)) as Merge<O>;
}

const elementwise = (kind: string, op: Op<object>, arity: readonly [number, number]): Merge<LayerOptions> =>
  merging(options =>
    layer(
      kind,
      options,
      [],
      () => (inputs, to) => {
        for (const x of inputs)
          if (!sameShape(x.type.shape, inputs[0]!.type.shape))
            throw new RangeError(`expects equal shapes, got ${inputs.map(v => showShape(v.type.shape)).join(" and ")}`);
        return inputs.slice(1).reduce((y, x) => to.graph.one(op, [y, x], {}), inputs[0]!);
      },
      arity,
    ),
  );

/** The sum of inputs of equal shapes: a residual connection ends in one. */
export const add: Merge<LayerOptions> = elementwise("add", sum, [2, Infinity]);
/** The first input less the second. */
export const subtract: Merge<LayerOptions> = elementwise("subtract", sub, [2, 2]);
/** The product, element by element. */
export const multiply: Merge<LayerOptions> = elementwise("multiply", mul, [2, Infinity]);

export interface ConcatenateOptions extends LayerOptions {
  /** Of Keras' counting, the batch being axis 0, or from the end. Default -1: channels. */
  axis?: number;
}

/** Inputs side by side along an axis; all other axes are equal. */
export const concatenate: Merge<ConcatenateOptions> = merging(options =>
  layer(
    "concatenate",
    options,
    ["axis"],
    settings => {
      const axis = integer("axis", settings.axis ?? -1);
      return (inputs, to) => to.graph.one(concat, [...inputs], { axis: imageAxis(axis, inputs[0]!.type.shape) });
    },
    [2, Infinity],
  ),
);

/** An axis of one image, from Keras' counting. */
function imageAxis(axis: number, shape: Shape): number {
  const own = axis < 0 ? shape.length + axis : axis - 1;
  if (own < 0 || own >= shape.length)
    throw wrongValue("axis", `an axis of batches of ${showShape(shape)} other than the batch`, axis);
  return own;
}
