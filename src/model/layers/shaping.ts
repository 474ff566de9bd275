/** keras.layers.Flatten, Reshape, ZeroPadding2D and UpSampling2D. */
import { integer, oneOf, wrongType, wrongValue } from "../../base/errors.ts";
import { type Shape, showShape, size } from "../../base/shape.ts";
import { pad } from "../../ops/shape/pad.ts";
import { reshape as toShape } from "../../ops/shape/reshape.ts";
import { resizeBilinear } from "../../ops/shape/resize-bilinear.ts";
import { resizeNearest } from "../../ops/shape/resize-nearest.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";
import { imageShape, type Pads, type Pair, pair } from "../options.ts";

/** The numbers of an image as one vector, channels last (varying fastest). */
export function flatten(options: LayerOptions = {}): Layer {
  return layer("flatten", options, [], () => ([x], to) => {
    return to.graph.one(toShape, [x!], { shape: [size(x!.type.shape)] });
  });
}

export interface ReshapeOptions extends LayerOptions {
  /** Shape of one image; one size may be -1: it is computed. */
  targetShape: Shape;
}

/** The same numbers in another shape. */
export function reshape(options: ReshapeOptions): Layer {
  return layer("reshape", options, ["targetShape"], settings => {
    const target = settings.targetShape;
    if (!Array.isArray(target)) throw wrongType("targetShape", "an array of sizes", target);
    if (!target.every(n => n === -1 || (Number.isInteger(n) && n > 0)) || target.indexOf(-1) !== target.lastIndexOf(-1))
      throw wrongValue("targetShape", "integers >= 1, one of them -1 at most", target);
    return ([x], to) => {
      const { shape } = x!.type;
      const rest = size(shape) / Math.abs(size(target));
      if (target.includes(-1) && !Number.isInteger(rest))
        throw new RangeError(`${showShape(shape)} cannot be reshaped to ${showShape(target)}`);
      return to.graph.one(toShape, [x!], { shape: target.map(n => (n === -1 ? rest : n)) });
    };
  });
}

export interface ZeroPadding2dOptions extends LayerOptions {
  /** One number for all sides, [down, right], or [[top, bottom], [left, right]]. Default 1. */
  padding?: number | readonly [number, number] | readonly [readonly [number, number], readonly [number, number]];
}

/** Adds zeros around each image. */
export function zeroPadding2d(options: ZeroPadding2dOptions = {}): Layer {
  return layer("zeroPadding2d", options, ["padding"], settings => {
    const pads = sides(settings.padding ?? 1);
    return ([x], to) => {
      imageShape(x!);
      return to.graph.one(pad, [x!], { pads });
    };
  });
}

function sides(padding: NonNullable<ZeroPadding2dOptions["padding"]>): Pads {
  const axes = typeof padding === "number" ? [padding, padding] : padding;
  const expected = "a number, [down, right] or [[top, bottom], [left, right]]";
  if (!Array.isArray(axes)) throw wrongType("padding", expected, padding);
  const [[top, bottom], [left, right]] = axes.map(axis => (typeof axis === "number" ? [axis, axis] : axis)) as [
    [number, number],
    [number, number],
  ];
  return [top, left, bottom, right].map(n => integer("padding", n, 0)) as unknown as Pads;
}

export interface UpSampling2dOptions extends LayerOptions {
  /** Scale factors. Default 2. */
  size?: Pair;
  /** "nearest": each pixel is repeated; "bilinear": interpolates between the centres of pixels. Default "nearest". */
  interpolation?: "nearest" | "bilinear";
}

/** Enlarges images. */
export function upSampling2d(options: UpSampling2dOptions = {}): Layer {
  return layer("upSampling2d", options, ["size", "interpolation"], settings => {
    const [down, right] = pair("size", settings.size, 2);
    const interpolation = oneOf("interpolation", settings.interpolation ?? "nearest", ["nearest", "bilinear"]);
    return ([x], { graph }) => {
      const [height, width] = imageShape(x!);
      const size = [height * down, width * right] as const;
      if (interpolation === "bilinear") return graph.one(resizeBilinear, [x!], { size, coordinates: "halfPixel" });
      // the centre of an output is never on the border of two pixels
      return graph.one(resizeNearest, [x!], { size, coordinates: "tfHalfPixelForNn", rounding: "floor" });
    };
  });
}
