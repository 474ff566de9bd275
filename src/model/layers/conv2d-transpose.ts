/**
 * keras.layers.Conv2DTranspose: the gradient of a convolution for its input, as a layer that enlarges images.
 * Internally it is a convolution of stride 1 over the image with zeros inserted between its pixels, by the kernel with
 * its taps in the opposite order:
 *
 *     strides 2, kernel 3, padding "same":   a b   ->   a . b .   padded, then by  k2 k1 k0   ->   y0 y1 y2 y3
 */
import { integer, wrongValue } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import type { Graph, Value } from "../../graph/graph.ts";
import { conv2d as convolution } from "../../ops/convolution/conv2d.ts";
import { plainWindow, reach, samePads } from "../../ops/convolution/window.ts";
import { pad } from "../../ops/shape/pad.ts";
import { reshape } from "../../ops/shape/reshape.ts";
import { activate, activationOf } from "../activations.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Build, kernelFans, type Layer, layer } from "../layer.ts";
import { imageShape, type Pads, type Pair, pair } from "../options.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";
import { biasOf, type ConvolutionOptions, SHARED } from "./convolution.ts";

export interface Conv2dTransposeOptions extends Omit<ConvolutionOptions, "padding"> {
  filters: number;
  /**
   * "same": the output is `strides` times as large; "valid" (the default): it includes all positions that a tap of the
   * kernel reaches.
   */
  padding?: "valid" | "same";
  /**
   * Rows and columns beyond the smallest output that fits, less than `strides`. Default: as many as make "same"
   * `strides` times as large, and "valid" at least that large.
   */
  outputPadding?: Pair;
  /** Default "glorotUniform". */
  kernelInitializer?: InitializerOption;
  kernelRegularizer?: Regularizer;
}

const OWN = [...SHARED, "filters", "outputPadding", "kernelInitializer", "kernelRegularizer"] as const;

/** A transposed convolution. Weights: kernel [kh][kw][filters][in], bias [filters]. */
export function conv2dTranspose(options: Conv2dTransposeOptions): Layer {
  return layer("conv2dTranspose", options, OWN, prepare, { prunable: ["kernel"] });
}

function prepare(settings: Conv2dTransposeOptions): Build {
  const filters = integer("filters", settings.filters, 1);
  const kernel = pair("kernelSize", settings.kernelSize, undefined);
  const strides = pair("strides", settings.strides, 1);
  const dilations = pair("dilationRate", settings.dilationRate, 1);
  const padding = settings.padding ?? "valid";
  if (padding !== "valid" && padding !== "same") throw wrongValue("padding", '"valid" or "same"', padding);
  const more = outputPaddingOf(settings.outputPadding, strides);
  const initializer = initializerOf("kernelInitializer", settings.kernelInitializer, "glorotUniform");
  const regularizer = regularizerOf("kernelRegularizer", settings.kernelRegularizer);
  const biased = biasOf(settings);
  const activation = activationOf(settings.activation);

  /**
   * Pads of the internal convolution. A pixel reaches `reach - 1` pixels before it; of these, the opposite
   * convolution's padding before the image is cropped. The pads after the image give the size of Keras; they may be
   * negative.
   */
  const padsFor = (image: readonly number[]): Pads => {
    const reaches = [0, 1].map(i => reach(kernel[i]!, dilations[i]!));
    const out = [0, 1].map(i => outputSize(image[i]!, reaches[i]!, strides[i]!, padding, more?.[i]));
    const own = padding === "same" ? samePads(out, kernel, strides, dilations) : [0, 0, 0, 0];
    const before = [0, 1].map(i => reaches[i]! - 1 - own[i]!);
    const after = [0, 1].map(i => out[i]! - image[i]! * strides[i]! - before[i]! + reaches[i]! - 1);
    if ([0, 1].some(i => Math.ceil((out[i]! - (padding === "same" ? 0 : reaches[i]! - 1)) / strides[i]!) !== image[i]))
      throw wrongValue(
        "outputPadding",
        `numbers that give an output of which strides ${showShape(strides)} make ${showShape(image.slice(0, 2))} again`,
        settings.outputPadding,
      );
    return [before[0]!, before[1]!, after[0]!, after[1]!];
  };

  return ([x], to) => {
    const image = imageShape(x!);
    const weight = to.parameter("kernel", [filters, ...kernel, image[2]], {
      role: "weight",
      initializer,
      fans: kernelFans(kernel, filters, image[2]),
      regularizer,
      layout: "transposed",
    });
    const bias = biased && to.parameter("bias", [filters], biased);
    const operands = [apart(x!, strides, to.graph), weight, ...(bias ? [bias] : [])];
    const window = { ...plainWindow, dilations, pads: padsFor(image) };
    return activate(activation, to.graph.one(convolution, operands, { ...window, groups: 1 }), to);
  };
}

function outputPaddingOf(given: Pair | undefined, strides: readonly [number, number]): [number, number] | undefined {
  if (given === undefined) return undefined;
  const [down, right] = (typeof given === "number" ? [given, given] : given) as [number, number];
  const sizes = [integer("outputPadding", down, 0), integer("outputPadding", right, 0)] as [number, number];
  if (sizes.some((n, i) => n >= strides[i]!))
    throw wrongValue("outputPadding", `numbers below the strides ${showShape(strides)}`, given);
  return sizes;
}

/** Keras' size of the output along one axis. */
function outputSize(size: number, reach: number, stride: number, padding: "valid" | "same", more?: number): number {
  if (padding === "valid") return (size - 1) * stride + reach + (more ?? Math.max(reach, stride) - reach);
  return more === undefined ? size * stride : (size - 1) * stride + (reach % 2) + more;
}

/** Every pixel becomes `strides` pixels: itself, and zeros below and to the right of it. */
function apart(x: Value, [down, right]: readonly [number, number], graph: Graph): Value {
  const [height, width, channels] = imageShape(x);
  // rows of `size` numbers, each followed by rows of zeros
  const spread = (y: Value, count: number, size: number, zeros: number): Value =>
    zeros === 0
      ? y
      : graph.one(pad, [graph.one(reshape, [y], { shape: [count, 1, size] })], { pads: [0, 0, 0, zeros] });
  const wide = spread(x, height * width, channels, right - 1);
  const high = spread(wide, height, width * right * channels, down - 1);
  return high === x ? x : graph.one(reshape, [high], { shape: [height * down, width * right, channels] });
}
