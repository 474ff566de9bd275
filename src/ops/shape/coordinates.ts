/**
 * The places along an axis of a resized image's elements in the image they are made from: the coordinate modes of
 * TensorFlow Lite and ONNX, in float32.
 */
import type { Shape } from "../../base/shape.ts";
import type { Type } from "../../graph/graph.ts";
import { count, real } from "../../graph/stored.ts";

/**
 * The place in the input of output element o, for axes of `size` and `out` elements:
 * - asymmetric: o * size / out
 * - halfPixel: (o + 1/2) * size / out - 1/2, pixel centres on pixel centres
 * - pytorchHalfPixel: the same, but 0 where there is one output
 * - alignCorners: o * (size - 1) / (out - 1), first on first and last on last
 * - tfHalfPixelForNn: (o + 1/2) * size / out, what TensorFlow rounds down to the nearest with half_pixel_centers
 * - affine: (o + shift) / scale + offset, by numbers of its own for height and width: scales that are not the ratio of
 *   the sizes, and ONNX's half_pixel_symmetric and tf_crop_and_resize (the outside of the image is a constantPad around
 *   the result)
 */
export type Coordinates = (typeof COORDINATES)[number];

export const COORDINATES = [
  "halfPixel",
  "asymmetric",
  "alignCorners",
  "tfHalfPixelForNn",
  "pytorchHalfPixel",
  "affine",
] as const;

/** The rule by which an op that resizes finds its pixels. */
export interface Placement {
  /** [height, width] of the output. */
  size: readonly [number, number];
  coordinates: Coordinates;
  /** For affine coordinates alone; height and width. */
  scales?: readonly [number, number];
  shifts?: readonly [number, number];
  offsets?: readonly [number, number];
}

const { fround } = Math;

/** The coordinate of output o along `axis` of images of `length` there, which may lie outside. */
export function coordinate(placement: Placement, axis: 0 | 1, o: number, length: number): number {
  const { coordinates: mode, scales, shifts, offsets } = placement;
  const out = placement.size[axis];
  if (mode === "affine") return (o + shifts![axis]) / scales![axis] + offsets![axis];
  if (mode === "alignCorners") return out > 1 ? fround(o * fround(fround(length - 1) / fround(out - 1))) : 0;
  if (mode === "pytorchHalfPixel" && out === 1) return 0;
  const scale = fround(length / out);
  if (mode === "asymmetric") return fround(o * scale);
  if (mode === "tfHalfPixelForNn") return fround((o + 0.5) * scale);
  return fround(fround(o * scale) + fround(fround(0.5 * scale) - 0.5));
}

/** The two neighbours of each output along `axis`, and the share of the second, in 0..1. */
export function* neighbours(placement: Placement, axis: 0 | 1, length: number): Generator<[number, number, number]> {
  for (let o = 0; o < placement.size[axis]; o++) {
    const at = Math.min(length - 1, Math.max(0, coordinate(placement, axis, o, length)));
    const first = Math.floor(at);
    yield [first, Math.min(first + 1, length - 1), fround(at - first)];
  }
}

/** The shape of an image after resizing. */
export function resized(image: Shape, { size, coordinates, ...affine }: Placement): Shape {
  if (size.length !== 2 || !size.every(n => Number.isInteger(n) && n > 0))
    throw new RangeError(`expects a height and width >= 1, got [${size}]`);
  const { scales, shifts, offsets } = affine;
  if (coordinates === "affine" && !(scales?.every(s => s > 0) && shifts && offsets))
    throw new RangeError("affine coordinates need scales > 0, shifts and offsets");
  return [...size, image[2]!];
}

/** Attributes of a resized image in a file. */
export const sizeFields = {
  size: { of: count, usual: ({ shape }: Type) => [2 * shape[0]!, 2 * shape[1]!] as const },
  coordinates: { of: COORDINATES, usual: COORDINATES[0] },
};

/** Those of affine coordinates. */
export const affineFields = {
  scales: { of: real, usual: [1, 1] as const },
  shifts: { of: real, usual: [0, 0] as const },
  offsets: { of: real, usual: [0, 0] as const },
};
