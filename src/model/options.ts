/** Options that several layers share: pairs of sizes, padding; and checks of input shapes. */
import { integer, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, showShape } from "../base/shape.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { samePads } from "../ops/convolution/window.ts";
import { reshape } from "../ops/shape/reshape.ts";

/** One number for both directions, or [down, right]. */
export type Pair = number | readonly [number, number];

/** [top, left, bottom, right] */
export type Pads = readonly [number, number, number, number];

/** "valid": none; "same": as in TensorFlow, so that a stride of 1 keeps the size; or explicit. */
export type Padding = "valid" | "same" | Pads;

export function pair(what: string, value: Pair | undefined, usual: Pair | undefined): [number, number] {
  const given = value ?? usual;
  if (typeof given === "number") return [integer(what, given, 1), integer(what, given, 1)];
  if (!Array.isArray(given)) throw wrongType(what, "a number or [down, right]", given);
  if (given.length !== 2) throw wrongValue(what, "a number or [down, right]", given);
  return [integer(`${what}[0]`, given[0], 1), integer(`${what}[1]`, given[1], 1)];
}

export function padding(value: unknown): Padding {
  const expected = '"valid", "same" or [top, left, bottom, right]';
  if (value === undefined) return "valid";
  if (value === "valid" || value === "same") return value;
  if (!Array.isArray(value)) throw (typeof value === "string" ? wrongValue : wrongType)("padding", expected, value);
  if (value.length !== 4) throw wrongValue("padding", expected, value);
  return value.map((n, i) => integer(`padding[${i}]`, n, 0)) as unknown as Pads;
}

/** Resolves a padding for these images and this window. */
export function padsOf(
  padding: Padding,
  image: Shape,
  kernel: readonly [number, number],
  strides: readonly [number, number],
  dilations: readonly [number, number] = [1, 1],
): Pads {
  if (padding === "valid") return [0, 0, 0, 0];
  return padding === "same" ? samePads(image, kernel, strides, dilations) : padding;
}

/** The shape of x's images, or a RangeError. */
export function imageShape(x: Value): readonly [number, number, number] {
  const { shape } = x.type;
  if (shape.length !== 3) throw new RangeError(`expects images of height x width x channels, got ${showShape(shape)}`);
  return shape as unknown as readonly [number, number, number];
}

/** The shape of x's sequences, or a RangeError. */
export function sequenceShape(x: Value): readonly [length: number, channels: number] {
  const { shape } = x.type;
  if (shape.length !== 2) throw new RangeError(`expects sequences of length x channels, got ${showShape(shape)}`);
  return shape as unknown as readonly [number, number];
}

/** Calls `build` on sequences as images of height 1; an image that results becomes a sequence again. */
export function asImages(x: Value, graph: Graph, build: (image: Value) => Value): Value {
  const y = build(graph.one(reshape, [x], { shape: [1, ...sequenceShape(x)] }));
  return graph.one(reshape, [y], { shape: y.type.shape.slice(1) });
}

/** Checks a size along a sequence. */
export const along = (what: string, value: unknown, usual?: number): number => integer(what, value ?? usual, 1);
