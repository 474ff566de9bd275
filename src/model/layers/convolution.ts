/** Convolutions: keras.layers.Conv2D and DepthwiseConv2D, over images of height x width x channels. */
import { integer, wrongType } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { conv2d as convolution } from "../../ops/convolution/conv2d.ts";
import { depthwiseConv2d as depthwiseConvolution } from "../../ops/convolution/depthwise-conv2d.ts";
import { type Activation, activate, activationOf } from "../activations.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { kernelFans, type Layer, type LayerOptions, layer } from "../layer.ts";
import { imageShape, type Padding, type Pair, padding, padsOf, pair } from "../options.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";

export interface ConvolutionOptions extends LayerOptions {
  kernelSize: Pair;
  /** Default 1. */
  strides?: Pair;
  /** Default "valid". */
  padding?: Padding;
  /** Default 1. */
  dilationRate?: Pair;
  /** Default: none. */
  activation?: Activation;
  /** Default true. */
  useBias?: boolean;
  /** Default "zeros". */
  biasInitializer?: InitializerOption;
  biasRegularizer?: Regularizer;
}

export interface Conv2dOptions extends ConvolutionOptions {
  filters: number;
  /** Number of groups of channels that are convolved separately. Default 1. */
  groups?: number;
  /** Default "glorotUniform". */
  kernelInitializer?: InitializerOption;
  kernelRegularizer?: Regularizer;
}

export interface DepthwiseConv2dOptions extends ConvolutionOptions {
  /** Filters per channel. Default 1. */
  depthMultiplier?: number;
  /** Default "glorotUniform". */
  depthwiseInitializer?: InitializerOption;
  depthwiseRegularizer?: Regularizer;
}

export const SHARED = [
  "kernelSize",
  "strides",
  "padding",
  "dilationRate",
  "activation",
  "useBias",
  "biasInitializer",
  "biasRegularizer",
] as const;

/** A convolution with `filters` filters. Weights: kernel [kh][kw][in / groups][filters], bias [filters]. */
export function conv2d(options: Conv2dOptions): Layer {
  const own = [...SHARED, "filters", "groups", "kernelInitializer", "kernelRegularizer"];
  return layer(
    "conv2d",
    options,
    own,
    settings => {
      const { kernel, window, biased, activation } = shared(settings);
      const filters = integer("filters", settings.filters, 1);
      const groups = integer("groups", settings.groups ?? 1, 1);
      const initializer = initializerOf("kernelInitializer", settings.kernelInitializer, "glorotUniform");
      const regularizer = regularizerOf("kernelRegularizer", settings.kernelRegularizer);
      return ([x], to) => {
        const image = imageShape(x!);
        if (image[2] % groups || filters % groups)
          throw new RangeError(
            `images of ${showShape(image)} and ${filters} filters do not divide into ${groups} groups`,
          );
        const depth = image[2] / groups;
        const fans = kernelFans(kernel, depth, filters);
        const weight = to.parameter("kernel", [filters, ...kernel, depth], {
          role: "weight",
          initializer,
          fans,
          regularizer,
        });
        const bias = biased && to.parameter("bias", [filters], biased);
        const y = to.graph.one(convolution, bias ? [x!, weight, bias] : [x!, weight], { ...window(image), groups });
        return activate(activation, y, to);
      };
    },
    { prunable: ["kernel"] },
  );
}

/**
 * A separate convolution of each channel. Weights: kernel [kh][kw][in][depthMultiplier], bias [in * depthMultiplier].
 */
export function depthwiseConv2d(options: DepthwiseConv2dOptions): Layer {
  const own = [...SHARED, "depthMultiplier", "depthwiseInitializer", "depthwiseRegularizer"];
  return layer("depthwiseConv2d", options, own, settings => {
    const { kernel, window, biased, activation } = shared(settings);
    const multiplier = integer("depthMultiplier", settings.depthMultiplier ?? 1, 1);
    const initializer = initializerOf("depthwiseInitializer", settings.depthwiseInitializer, "glorotUniform");
    const regularizer = regularizerOf("depthwiseRegularizer", settings.depthwiseRegularizer);
    return ([x], to) => {
      const image = imageShape(x!);
      const filters = image[2] * multiplier;
      const fans = kernelFans(kernel, image[2], multiplier);
      const weight = to.parameter("kernel", [filters, ...kernel, 1], {
        role: "weight",
        initializer,
        fans,
        regularizer,
      });
      const bias = biased && to.parameter("bias", [filters], biased);
      const y = to.graph.one(depthwiseConvolution, bias ? [x!, weight, bias] : [x!, weight], window(image));
      return activate(activation, y, to);
    };
  });
}

/** Checks the options that all convolutions take. */
export function shared(options: ConvolutionOptions) {
  const kernel = pair("kernelSize", options.kernelSize, undefined);
  const strides = pair("strides", options.strides, 1);
  const dilations = pair("dilationRate", options.dilationRate, 1);
  const pads = padding(options.padding);
  return {
    kernel,
    window: (image: readonly number[]) => ({
      strides,
      dilations,
      pads: padsOf(pads, image, kernel, strides, dilations),
    }),
    biased: biasOf(options),
    activation: activationOf(options.activation),
  };
}

/** The initializer of the bias; undefined without bias. */
export function biasOf(options: Pick<ConvolutionOptions, "useBias" | "biasInitializer" | "biasRegularizer">) {
  const { useBias = true } = options;
  if (typeof useBias !== "boolean") throw wrongType("useBias", "a boolean", useBias);
  const initializer = initializerOf("biasInitializer", options.biasInitializer, "zeros");
  const regularizer = regularizerOf("biasRegularizer", options.biasRegularizer);
  return useBias ? { role: "bias" as const, initializer, regularizer } : undefined;
}
