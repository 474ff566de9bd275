/** resizeNearest(x [h, w, c]) -> [size[0], size[1], c]: each pixel is the one of x that lies nearest, by the coordinate modes and roundings of TensorFlow Lite and ONNX. */
import { type Shape, showShape } from "../base/shape.ts";
import type { Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { type Coordinates, coordinate } from "./coordinates.ts";
import { free } from "./elementwise.ts";
import { evaluateRearranged, gradientOfRearranged, lowerRearranged, type Places, prefersStored } from "./rearrange.ts";

/** Which neighbour a coordinate is taken for; the last two differ where it lies in the middle. */
export const ROUNDINGS = ["floor", "roundPreferFloor", "roundPreferCeil", "ceil"] as const;

export interface ResizeNearest {
  /** [height, width] of the output. */
  size: readonly [number, number];
  coordinates: Coordinates;
  rounding: (typeof ROUNDINGS)[number];
}

/** The shape of an image after resizing. */
export function resized(image: Shape, size: readonly [number, number]): Shape {
  if (image.length !== 3) throw new RangeError(`expects images of height x width x channels, got ${showShape(image)}`);
  if (!size.every(n => Number.isInteger(n) && n > 0)) throw new RangeError(`expects a size >= 1, got [${size}]`);
  return [...size, image[2]!];
}

export const resizeNearest: Op<ResizeNearest> = {
  name: "resizeNearest",
  infer: ([x], { size }) => [{ ...x!, shape: resized(x!.shape, size) }],
};

const ROUND = {
  floor: Math.floor,
  ceil: Math.ceil,
  roundPreferFloor: (x: number) => Math.ceil(x - 0.5),
  roundPreferCeil: (x: number) => Math.floor(x + 0.5),
};

function along(size: number, out: number, { coordinates, rounding }: ResizeNearest): number[] {
  return Array.from({ length: out }, (_, o) =>
    Math.min(size - 1, Math.max(0, ROUND[rounding](coordinate(coordinates, o, size, out)))),
  );
}

const places: Places<ResizeNearest> = ([h, w, channels], output, attrs) => {
  const rows = along(h!, output[0]!, attrs);
  const columns = along(w!, output[1]!, attrs);
  const all = new Int32Array(rows.length * columns.length * channels!);
  let i = 0;
  for (const row of rows)
    for (const column of columns) for (let c = 0; c < channels!; c++) all[i++] = (row * w! + column) * channels! + c;
  return all;
};

export const evaluate = { resizeNearest: evaluateRearranged(places) } satisfies Record<string, Evaluate>;

export const gradient = { resizeNearest: gradientOfRearranged(places) } satisfies Record<string, Gradient>;

export const lower = { resizeNearest: lowerRearranged(places) } satisfies Record<string, Lower>;

export const prefers = { resizeNearest: prefersStored } satisfies Record<string, Prefers>;

export const cost = { resizeNearest: free } satisfies Record<string, CostOf>;

/** Channels stay channels. */
export const axes = {
  resizeNearest: () => [
    [
      [0, 2],
      [1, 2],
    ],
  ],
} satisfies Record<string, Axes>;
