/** keras.layers.MaxPooling2D, AveragePooling2D and GlobalAveragePooling2D. */

import { plainWindow } from "../../ops/convolution/window.ts";
import { type AveragePool2d, averagePool2d as meanOfWindows } from "../../ops/pooling/average-pool2d.ts";
import { maxPool2d as largestOfWindows, type Pool2d } from "../../ops/pooling/max-pool2d.ts";
import { reshape } from "../../ops/shape/reshape.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";
import { imageShape, type Padding, type Pair, padding, padsOf, pair } from "../options.ts";

export interface PoolOptions extends LayerOptions {
  /** Default 2. */
  poolSize?: Pair;
  /** Default: poolSize. */
  strides?: Pair;
  /** Default "valid". Padding never counts: not as a maximum, not in a mean. */
  padding?: Padding;
}

const OWN = ["poolSize", "strides", "padding"] as const;

function windowOf(options: PoolOptions): (image: readonly number[]) => Pool2d {
  const size = pair("poolSize", options.poolSize, 2);
  const strides = pair("strides", options.strides, size);
  const pads = padding(options.padding);
  return image => ({ size, strides, dilations: [1, 1], pads: padsOf(pads, image, size, strides) });
}

/** The largest number of each window. */
export function maxPool2d(options: PoolOptions = {}): Layer {
  return layer("maxPool2d", options, OWN, settings => {
    const window = windowOf(settings);
    return ([x], to) => to.graph.one(largestOfWindows, [x!], window(imageShape(x!)));
  });
}

/** The mean of each window. */
export function averagePool2d(options: PoolOptions = {}): Layer {
  return layer("averagePool2d", options, OWN, settings => {
    const window: (image: readonly number[]) => AveragePool2d = windowOf(settings);
    return ([x], to) => to.graph.one(meanOfWindows, [x!], window(imageShape(x!)));
  });
}

/** The mean of each channel: a vector. */
export function globalAveragePool2d(options: LayerOptions = {}): Layer {
  return layer("globalAveragePool2d", options, [], () => ([x], to) => {
    const [height, width, channels] = imageShape(x!);
    const mean = to.graph.one(meanOfWindows, [x!], { ...plainWindow, size: [height, width] as const });
    return to.graph.one(reshape, [mean], { shape: [channels] });
  });
}
