/**
 * keras.layers.MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D and GlobalAveragePooling2D, over images of height x
 * width x channels, and the same in 1D, over sequences of length x channels. Internally a sequence is an image of
 * height 1.
 */
import { oneOf } from "../../base/errors.ts";
import type { Op, Value } from "../../graph/graph.ts";
import { plainWindow } from "../../ops/convolution/window.ts";
import { averagePool2d as meanOfWindows } from "../../ops/pooling/average-pool2d.ts";
import { maxPool2d as largestOfWindows, type Pool2d } from "../../ops/pooling/max-pool2d.ts";
import { reshape } from "../../ops/shape/reshape.ts";
import { type Building, type Layer, type LayerOptions, layer } from "../layer.ts";
import {
  along,
  asImages,
  imageShape,
  type Padding,
  type Pair,
  padding,
  padsOf,
  pair,
  sequenceShape,
} from "../options.ts";

export interface PoolOptions extends LayerOptions {
  /** Default 2. */
  poolSize?: Pair;
  /** Default: poolSize. */
  strides?: Pair;
  /** Default "valid". Padding is ignored by the maximum and by the mean. */
  padding?: Padding;
}

export interface Pool1dOptions extends LayerOptions {
  /** Default 2. */
  poolSize?: number;
  /** Default: poolSize. */
  strides?: number;
  /** Default "valid". Padding is ignored by the maximum and by the mean. */
  padding?: "valid" | "same";
}

const OWN = ["poolSize", "strides", "padding"] as const;

function windowOf(options: PoolOptions): (image: readonly number[]) => Pool2d {
  const size = pair("poolSize", options.poolSize, 2);
  const strides = pair("strides", options.strides, size);
  const pads = padding(options.padding);
  return image => ({ size, strides, dilations: [1, 1], pads: padsOf(pads, image, size, strides) });
}

/** The same for a sequence, which is an image of height 1. */
function windowAlong(options: Pool1dOptions): (image: readonly number[]) => Pool2d {
  const length = along("poolSize", options.poolSize, 2);
  const stride = along("strides", options.strides, length);
  const pads = oneOf("padding", options.padding ?? "valid", ["valid", "same"]);
  const [size, strides] = [[1, length] as const, [1, stride] as const];
  return image => ({ size, strides, dilations: [1, 1], pads: padsOf(pads, image, size, strides) });
}

const pool2d = (kind: string, op: Op<Pool2d>, options: PoolOptions): Layer =>
  layer(kind, options, OWN, settings => {
    const window = windowOf(settings);
    return ([x], to) => to.graph.one(op, [x!], window(imageShape(x!)));
  });

const pool1d = (kind: string, op: Op<Pool2d>, options: Pool1dOptions): Layer =>
  layer(kind, options, OWN, settings => {
    const window = windowAlong(settings);
    return ([x], to) => asImages(x!, to.graph, image => to.graph.one(op, [image], window(image.type.shape)));
  });

/** One window over the whole `image`: a vector. */
function global(op: Op<Pool2d>, image: Value, { graph }: Building): Value {
  const [height, width, channels] = imageShape(image);
  const pooled = graph.one(op, [image], { ...plainWindow, size: [height, width] });
  return graph.one(reshape, [pooled], { shape: [channels] });
}

const globalPool2d = (kind: string, op: Op<Pool2d>, options: LayerOptions): Layer =>
  layer(
    kind,
    options,
    [],
    () =>
      ([x], to) =>
        global(op, x!, to),
  );

const globalPool1d = (kind: string, op: Op<Pool2d>, options: LayerOptions): Layer =>
  layer(
    kind,
    options,
    [],
    () =>
      ([x], to) =>
        global(op, to.graph.one(reshape, [x!], { shape: [1, ...sequenceShape(x!)] }), to),
  );

/** The maximum of each window. */
export const maxPool2d = (options: PoolOptions = {}): Layer => pool2d("maxPool2d", largestOfWindows, options);
/** The mean of each window. */
export const averagePool2d = (options: PoolOptions = {}): Layer => pool2d("averagePool2d", meanOfWindows, options);
/** The maximum of each window of a sequence. */
export const maxPool1d = (options: Pool1dOptions = {}): Layer => pool1d("maxPool1d", largestOfWindows, options);
/** The mean of each window of a sequence. */
export const averagePool1d = (options: Pool1dOptions = {}): Layer => pool1d("averagePool1d", meanOfWindows, options);

/** The maximum of each channel: a vector. */
export const globalMaxPool2d = (options: LayerOptions = {}): Layer =>
  globalPool2d("globalMaxPool2d", largestOfWindows, options);
/** The mean of each channel: a vector. */
export const globalAveragePool2d = (options: LayerOptions = {}): Layer =>
  globalPool2d("globalAveragePool2d", meanOfWindows, options);
/** The maximum of each channel of a sequence: a vector. */
export const globalMaxPool1d = (options: LayerOptions = {}): Layer =>
  globalPool1d("globalMaxPool1d", largestOfWindows, options);
/** The mean of each channel of a sequence: a vector. */
export const globalAveragePool1d = (options: LayerOptions = {}): Layer =>
  globalPool1d("globalAveragePool1d", meanOfWindows, options);
