/** keras.layers.SeparableConv2D: a depthwise convolution, then a pointwise (1 x 1) one. */
import { integer } from "../../base/errors.ts";
import { conv2d as convolution } from "../../ops/convolution/conv2d.ts";
import { depthwiseConv2d as depthwiseConvolution } from "../../ops/convolution/depthwise-conv2d.ts";
import { plainWindow } from "../../ops/convolution/window.ts";
import { activate } from "../activations.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Build, kernelFans, type Layer, layer } from "../layer.ts";
import { imageShape } from "../options.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";
import { type ConvolutionOptions, SHARED, shared } from "./convolution.ts";

export interface SeparableConv2dOptions extends ConvolutionOptions {
  filters: number;
  /** Filters of the depthwise convolution per channel. Default 1. */
  depthMultiplier?: number;
  /** Default "glorotUniform". */
  depthwiseInitializer?: InitializerOption;
  /** Default "glorotUniform". */
  pointwiseInitializer?: InitializerOption;
  depthwiseRegularizer?: Regularizer;
  pointwiseRegularizer?: Regularizer;
}

const OWN = [
  ...SHARED,
  "filters",
  "depthMultiplier",
  "depthwiseInitializer",
  "pointwiseInitializer",
  "depthwiseRegularizer",
  "pointwiseRegularizer",
] as const;

/**
 * Strides, padding and dilation apply to the depthwise convolution, bias and activation to the pointwise one. Weights:
 * depthwise_kernel [kh][kw][in][depthMultiplier], pointwise_kernel [1][1][in * depthMultiplier][filters], bias
 * [filters].
 */
export function separableConv2d(options: SeparableConv2dOptions): Layer {
  const prepare = (settings: SeparableConv2dOptions): Build => {
    const { kernel, window, biased, activation } = shared(settings);
    const filters = integer("filters", settings.filters, 1);
    const multiplier = integer("depthMultiplier", settings.depthMultiplier ?? 1, 1);
    const depthwise = {
      role: "weight",
      initializer: initializerOf("depthwiseInitializer", settings.depthwiseInitializer, "glorotUniform"),
      regularizer: regularizerOf("depthwiseRegularizer", settings.depthwiseRegularizer),
    } as const;
    const pointwise = {
      role: "weight",
      initializer: initializerOf("pointwiseInitializer", settings.pointwiseInitializer, "glorotUniform"),
      regularizer: regularizerOf("pointwiseRegularizer", settings.pointwiseRegularizer),
    } as const;
    return ([x], to) => {
      const image = imageShape(x!);
      const between = image[2] * multiplier;
      const taps = to.parameter("depthwise_kernel", [between, ...kernel, 1], {
        ...depthwise,
        fans: kernelFans(kernel, image[2], multiplier),
      });
      const weight = to.parameter("pointwise_kernel", [filters, 1, 1, between], {
        ...pointwise,
        fans: kernelFans([1, 1], between, filters),
      });
      const bias = biased && to.parameter("bias", [filters], biased);
      const filtered = to.graph.one(depthwiseConvolution, [x!, taps], window(image));
      const operands = [filtered, weight, ...(bias ? [bias] : [])];
      return activate(activation, to.graph.one(convolution, operands, { ...plainWindow, groups: 1 }), to);
    };
  };
  return layer("separableConv2d", options, OWN, prepare, { prunable: ["pointwise_kernel"] });
}
