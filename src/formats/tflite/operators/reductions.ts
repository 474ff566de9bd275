/** Means, sums and extremes along axes. */
import { size } from "../../../base/shape.ts";
import type { Value } from "../../../graph/graph.ts";
import { mean } from "../../../ops/arithmetic/mean.ts";
import { scale } from "../../../ops/arithmetic/scale.ts";
import { plainWindow } from "../../../ops/convolution/window.ts";
import { maxPool2d } from "../../../ops/pooling/max-pool2d.ts";
import { isInt8 } from "../../../ops/quantized/int8-types.ts";
import { transpose } from "../../../ops/shape/transpose.ts";
import { axisOf, batchAxis, type Dimension, rowsOf } from "../dimensions.ts";
import { type OperatorContext, type OperatorReader, unsupported } from "../operator-context.ts";
import { negative } from "./functions.ts";
import { reinterpreted } from "./quantization.ts";

interface Reduced {
  readonly value: Value;
  /** Adjacent, ascending. */
  readonly axes: readonly number[];
  readonly after: readonly Dimension[];
}

/** Makes the axes that an operator reduces adjacent; returns the value, those axes of it, and the shape after. */
function reducedAxes(s: OperatorContext): Reduced {
  const x = s.activation();
  const { value, dimensions } = x;
  const rank = dimensions.length;
  const batch = batchAxis(dimensions);
  const axes = [...new Set(s.integers(1).map(a => axisOf(rank, a)))].sort((a, b) => a - b);
  if (axes.includes(batch) && !s.importer.single) unsupported("reduces over the batch");
  // a batch of one image is reduced by dropping its axis
  const absent = dimensions[batch]!.n === 1 ? batch : -1;
  const keep = s.options.flag(0);
  const kept = dimensions.flatMap((d, a) => (axes.includes(a) ? (keep ? [{ ...d, n: 1 }] : []) : [d]));
  const after = kept.some(d => d.batched)
    ? kept
    : kept.length
      ? rowsOf(kept)
      : unsupported("leaves nothing of a batch");
  const image = axes.filter(a => a !== absent).map(a => s.axisWithin(x, a, "reduces over"));
  if (!image.length) unsupported("reduces no axis of an image");
  if (image.every((a, i) => a === image[0]! + i)) return { value, axes: image, after };
  const rest = value.type.shape.map((_, a) => a).filter(a => !image.includes(a));
  const moved = s.add(transpose, [value], { permutation: [...rest, ...image] });
  return { value: moved, axes: image.map((_, i) => rest.length + i), after };
}

export const meanOf: OperatorReader = s => {
  const { value, axes, after } = reducedAxes(s);
  s.give(s.add(mean, [value], { axes, keepDims: false, ...s.chosen(value) }), after);
};

/** The mean times the count; in int8, the mean with a smaller scale. */
export const total: OperatorReader = s => {
  const { value, axes, after } = reducedAxes(s);
  const length = size(axes.map(axis => value.type.shape[axis]!));
  const { quantization } = s.chosen(value);
  if (!quantization)
    return s.give(s.add(scale, [s.add(mean, [value], { axes, keepDims: false })], { scale: length }), after);
  const finer = { ...quantization, scale: quantization.scale.map(step => step / length) };
  s.give(reinterpreted(s, s.add(mean, [value], { axes, keepDims: false, quantization: finer }), quantization), after);
};

/** The maximum along axes, as a pool over an image of one column per element. */
function largest(s: OperatorContext, { value, axes }: Reduced): Value {
  const { shape } = value.type;
  const length = size(axes.map(a => shape[a]!));
  const columns = s.reshape(value, [size(shape.slice(0, axes[0])), length, size(shape.slice(axes.at(-1)! + 1))]);
  return s.add(maxPool2d, [columns], { ...plainWindow, size: [1, length], strides: [1, length] });
}

export const greatest: OperatorReader = s => {
  const reduced = reducedAxes(s);
  s.give(largest(s, reduced), reduced.after);
};

/** The minimum as the negated maximum of negated values. */
export const least: OperatorReader = s => {
  const reduced = reducedAxes(s);
  const turned = (x: Value): Value =>
    isInt8(x.type)
      ? s.table(x, [Int8Array.from({ length: 256 }, (_, i) => 127 - i)], x.type.quantization!)
      : negative(s, x);
  s.give(turned(largest(s, { ...reduced, value: turned(reduced.value) })), reduced.after);
};
