/** keras.layers.Conv1D, over sequences of length x channels. Internally a sequence is an image of height 1. */
import { integer, wrongType, wrongValue } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { conv2d as convolution } from "../../ops/convolution/conv2d.ts";
import { reach, samePads } from "../../ops/convolution/window.ts";
import { type Activation, activate, activationOf } from "../activations.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Build, kernelFans, type Layer, type LayerOptions, layer } from "../layer.ts";
import { along, asImages, type Pads, sequenceShape } from "../options.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";
import { biasOf } from "./convolution.ts";

/**
 * "valid": no padding; "same": as in TensorFlow; "causal": all padding before the sequence, so that no output depends
 * on a later input; or [before, after].
 */
export type Padding1d = "valid" | "same" | "causal" | readonly [before: number, after: number];

export interface Conv1dOptions extends LayerOptions {
  filters: number;
  kernelSize: number;
  /** Default 1. */
  strides?: number;
  /** Default "valid". */
  padding?: Padding1d;
  /** Default 1. */
  dilationRate?: number;
  /** Number of groups of channels that are convolved separately. Default 1. */
  groups?: number;
  /** Default: none. */
  activation?: Activation;
  /** Default true. */
  useBias?: boolean;
  /** Default "glorotUniform". */
  kernelInitializer?: InitializerOption;
  /** Default "zeros". */
  biasInitializer?: InitializerOption;
  kernelRegularizer?: Regularizer;
  biasRegularizer?: Regularizer;
}

const OWN = [
  "filters",
  "kernelSize",
  "strides",
  "padding",
  "dilationRate",
  "groups",
  "activation",
  "useBias",
  "kernelInitializer",
  "biasInitializer",
  "kernelRegularizer",
  "biasRegularizer",
] as const;

/** A convolution along sequences. Weights: kernel [kernelSize][in / groups][filters], bias [filters]. */
export function conv1d(options: Conv1dOptions): Layer {
  const prepare = (settings: Conv1dOptions): Build => {
    const filters = integer("filters", settings.filters, 1);
    const kernel = along("kernelSize", settings.kernelSize);
    const stride = along("strides", settings.strides, 1);
    const dilation = along("dilationRate", settings.dilationRate, 1);
    const groups = integer("groups", settings.groups ?? 1, 1);
    const padding = paddingOf(settings.padding);
    const initializer = initializerOf("kernelInitializer", settings.kernelInitializer, "glorotUniform");
    const regularizer = regularizerOf("kernelRegularizer", settings.kernelRegularizer);
    const biased = biasOf(settings);
    const activation = activationOf(settings.activation);
    const window = (length: number) => {
      const strides = [1, stride] as const;
      const dilations = [1, dilation] as const;
      return { strides, dilations, pads: padsOf(padding, length, kernel, strides, dilations) };
    };
    return ([x], to) => {
      const [length, channels] = sequenceShape(x!);
      if (channels % groups || filters % groups)
        throw new RangeError(
          `sequences of ${showShape([length, channels])} and ${filters} filters do not divide into ${groups} groups`,
        );
      const depth = channels / groups;
      const weight = to.parameter("kernel", [filters, 1, kernel, depth], {
        role: "weight",
        initializer,
        fans: kernelFans([kernel], depth, filters),
        regularizer,
        layout: "sequence",
      });
      const bias = biased && to.parameter("bias", [filters], biased);
      const y = asImages(x!, to.graph, image =>
        to.graph.one(convolution, [image, weight, ...(bias ? [bias] : [])], { ...window(length), groups }),
      );
      return activate(activation, y, to);
    };
  };
  return layer("conv1d", options, OWN, prepare, { prunable: ["kernel"] });
}

function paddingOf(given: unknown): Padding1d {
  const expected = '"valid", "same", "causal" or [before, after]';
  if (given === undefined) return "valid";
  if (given === "valid" || given === "same" || given === "causal") return given;
  if (!Array.isArray(given)) throw (typeof given === "string" ? wrongValue : wrongType)("padding", expected, given);
  if (given.length !== 2) throw wrongValue("padding", expected, given);
  return [integer("padding[0]", given[0], 0), integer("padding[1]", given[1], 0)];
}

function padsOf(
  padding: Padding1d,
  length: number,
  kernel: number,
  strides: readonly [number, number],
  dilations: readonly [number, number],
): Pads {
  if (padding === "valid") return [0, 0, 0, 0];
  if (padding === "same") return samePads([1, length], [1, kernel], strides, dilations);
  const [before, after] = padding === "causal" ? [reach(kernel, dilations[1]) - 1, 0] : padding;
  return [0, before, 0, after];
}
