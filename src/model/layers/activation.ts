/** Activations as layers: keras.layers.Activation, ReLU, LeakyReLU, PReLU, ELU and Softmax. */
import { integer, number, wrongType, wrongValue } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import { clip } from "../../ops/activation/clip.ts";
import { elu as exponentialLinear } from "../../ops/activation/elu.ts";
import { leakyRelu } from "../../ops/activation/leaky-relu.ts";
import { prelu as learnedLeak } from "../../ops/activation/prelu.ts";
import { relu as rectify } from "../../ops/activation/relu.ts";
import { softmax as shares } from "../../ops/activation/softmax.ts";
import { type Activation, activate, activationOf } from "../activations.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";

/** An activation by its name. */
export function activation(name: Activation, options: LayerOptions = {}): Layer {
  const chosen = activationOf(name);
  return layer(
    "activation",
    options,
    [],
    () =>
      ([x], to) =>
        activate(chosen, x!, to),
  );
}

export interface ReluOptions extends LayerOptions {
  /** Upper bound. Default: none. */
  maxValue?: number;
  /** Slope below 0. Default 0; not together with maxValue. */
  negativeSlope?: number;
}

/** min(max(x, 0), maxValue), or x > 0 ? x : negativeSlope x. */
export function relu(options: ReluOptions = {}): Layer {
  return layer("relu", options, ["maxValue", "negativeSlope"], settings => {
    const high = settings.maxValue === undefined ? undefined : number("maxValue", settings.maxValue, { above: 0 });
    const alpha = number("negativeSlope", settings.negativeSlope ?? 0, { min: 0 });
    if (high !== undefined && alpha > 0) throw wrongValue("negativeSlope", "0 where there is a maxValue", alpha);
    return ([x], { graph }) => {
      if (high !== undefined) return graph.one(clip, [x!], { low: 0, high });
      return alpha > 0 ? graph.one(leakyRelu, [x!], { alpha }) : graph.one(rectify, [x!]);
    };
  });
}

export interface LeakyReLUOptions extends LayerOptions {
  /** Slope below 0. Default 0.3. */
  negativeSlope?: number;
}

/** x > 0 ? x : negativeSlope x */
export function leakyReLU(options: LeakyReLUOptions = {}): Layer {
  return layer("leakyReLU", options, ["negativeSlope"], settings => {
    const alpha = number("negativeSlope", settings.negativeSlope ?? 0.3, { min: 0 });
    return ([x], to) => to.graph.one(leakyRelu, [x!], { alpha });
  });
}

export interface EluOptions extends LayerOptions {
  /** Default 1. */
  alpha?: number;
}

/** x > 0 ? x : alpha (exp(x) - 1) */
export function elu(options: EluOptions = {}): Layer {
  return layer("elu", options, ["alpha"], settings => {
    const alpha = number("alpha", settings.alpha ?? 1, { min: 0 });
    return ([x], to) => to.graph.one(exponentialLinear, [x!], { alpha });
  });
}

export interface PreluOptions extends LayerOptions {
  /** Default "zeros". */
  alphaInitializer?: InitializerOption;
  alphaRegularizer?: Regularizer;
  /**
   * Axes of an image that share one alpha, counted as in Keras: 1 is the first. [1, 2]: one alpha per channel. Default:
   * none.
   */
  sharedAxes?: readonly number[];
}

/** x > 0 ? x : alpha x with learned alpha. Weights: alpha, the image's shape with 1 at shared axes. */
export function prelu(options: PreluOptions = {}): Layer {
  return layer("prelu", options, ["alphaInitializer", "alphaRegularizer", "sharedAxes"], settings => {
    const initializer = initializerOf("alphaInitializer", settings.alphaInitializer, "zeros");
    const regularizer = regularizerOf("alphaRegularizer", settings.alphaRegularizer);
    const shared = settings.sharedAxes ?? [];
    if (!Array.isArray(shared)) throw wrongType("sharedAxes", "an array of axes", shared);
    return ([x], to) => {
      const { shape } = x!.type;
      // alpha repeats over the image: shared axes must be whole leading axes
      shared.forEach((axis, i) => {
        integer("sharedAxes", axis, 1, shape.length);
        if (axis !== i + 1) throw wrongValue("sharedAxes", `leading axes of ${showShape(shape)}, as [1, 2]`, shared);
      });
      const own = shape.map((n, axis) => (axis < shared.length ? 1 : n));
      return to.graph.one(learnedLeak, [x!, to.parameter("alpha", own, { role: "weight", initializer, regularizer })]);
    };
  });
}

/** exp(x) / sum exp(x) along the last axis. */
export function softmax(options: LayerOptions = {}): Layer {
  return layer(
    "softmax",
    options,
    [],
    () =>
      ([x], to) =>
        to.graph.one(shares, [x!]),
  );
}
