/**
 * keras.layers.BatchNormalization, LayerNormalization and Rescaling: normalize to mean 0 and variance 1, then apply a
 * learned scale and offset; or apply constant ones.
 */
import { integer, number, wrongType, wrongValue } from "../../base/errors.ts";
import { showShape } from "../../base/shape.ts";
import type { Role } from "../../graph/graph.ts";
import { rescaling as rescale } from "../../ops/arithmetic/rescaling.ts";
import { batchNormalization as normalize } from "../../ops/normalization/batch-normalization.ts";
import { layerNormalization as normalizeRows } from "../../ops/normalization/layer-normalization.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";

interface NormalizationOptions extends LayerOptions {
  /** Added to the variance. Default 0.001. */
  epsilon?: number;
  /** Learn an offset beta. Default true. */
  center?: boolean;
  /** Learn a scale gamma. Default true. */
  scale?: boolean;
  /** Default "zeros". */
  betaInitializer?: InitializerOption;
  /** Default "ones". */
  gammaInitializer?: InitializerOption;
  betaRegularizer?: Regularizer;
  gammaRegularizer?: Regularizer;
}

const LEARNED = [
  "epsilon",
  "center",
  "scale",
  "betaInitializer",
  "gammaInitializer",
  "betaRegularizer",
  "gammaRegularizer",
] as const;

/** The initializers of gamma and beta; an unused one is replaced by a constant of ones or zeros. */
function scaleAndCenter(options: NormalizationOptions) {
  const { center = true, scale = true } = options;
  if (typeof center !== "boolean") throw wrongType("center", "a boolean", center);
  if (typeof scale !== "boolean") throw wrongType("scale", "a boolean", scale);
  const learned = (
    what: "gamma" | "beta",
    wanted: boolean,
    given: InitializerOption | undefined,
    usual: "ones" | "zeros",
    penalty: Regularizer | undefined,
    role: Role = !wanted ? "constant" : what === "gamma" ? "weight" : "bias",
  ) => ({
    name: wanted ? what : usual,
    options: {
      initializer: initializerOf(`${what}Initializer`, wanted ? given : undefined, usual),
      regularizer: regularizerOf(`${what}Regularizer`, wanted ? penalty : undefined),
      role,
    },
  });
  return {
    gamma: learned("gamma", scale, options.gammaInitializer, "ones", options.gammaRegularizer),
    beta: learned("beta", center, options.betaInitializer, "zeros", options.betaRegularizer),
  };
}

export interface BatchNormalizationOptions extends NormalizationOptions {
  /** The decay of the moving statistics per training step. Default 0.99. */
  momentum?: number;
  /** Default "zeros". */
  movingMeanInitializer?: InitializerOption;
  /** Default "ones". */
  movingVarianceInitializer?: InitializerOption;
}

/**
 * Normalizes the last axis: in training by the statistics of the batch, in inference, or if it is not trainable, by
 * their moving averages. Weights: gamma, beta, moving_mean, moving_variance, one number each per channel.
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  const own = [...LEARNED, "momentum", "movingMeanInitializer", "movingVarianceInitializer"];
  return layer("batchNormalization", options, own, settings => {
    const momentum = number("momentum", settings.momentum ?? 0.99, { min: 0, max: 1 });
    const epsilon = number("epsilon", settings.epsilon ?? 1e-3, { above: 0 });
    const { gamma, beta } = scaleAndCenter(settings);
    const mean = initializerOf("movingMeanInitializer", settings.movingMeanInitializer, "zeros");
    const variance = initializerOf("movingVarianceInitializer", settings.movingVarianceInitializer, "ones");
    return ([x], to) => {
      const channels = x!.type.shape.slice(-1);
      const operands = [
        to.parameter(gamma.name, channels, gamma.options),
        to.parameter(beta.name, channels, beta.options),
        to.parameter("moving_mean", channels, { role: "statistic", initializer: mean }),
        to.parameter("moving_variance", channels, { role: "statistic", initializer: variance }),
      ];
      return to.graph.one(normalize, [x!, ...operands], { epsilon, momentum });
    };
  });
}

export interface LayerNormalizationOptions extends NormalizationOptions {
  /**
   * The last axis, or several last ones, in Keras' numbering, in which the batch is axis 0, or negative from the end.
   * Default -1.
   */
  axis?: number | readonly number[];
}

/**
 * Normalizes the numbers of each image along the last axis, or several last ones, by their own mean and variance, in
 * training and inference. Weights: gamma, beta, one number each per position along these axes.
 */
export function layerNormalization(options: LayerNormalizationOptions = {}): Layer {
  return layer("layerNormalization", options, [...LEARNED, "axis"], settings => {
    const epsilon = number("epsilon", settings.epsilon ?? 1e-3, { above: 0 });
    const given = settings.axis ?? -1;
    const list: readonly number[] = typeof given === "number" ? [given] : given;
    if (!Array.isArray(list)) throw wrongType("axis", "an axis or an array of axes", given);
    for (const axis of list) integer("axis", axis);
    const { gamma, beta } = scaleAndCenter(settings);
    return ([x], to) => {
      const { shape } = x!.type;
      const own = list.map(axis => (axis < 0 ? shape.length + axis : axis - 1)).sort((a, b) => a - b);
      const first = shape.length - own.length;
      if (own.length === 0 || own.some((axis, i) => axis !== first + i))
        throw wrongValue("axis", `the last axis of batches of ${showShape(shape)}, or several last ones`, given);
      const rows = shape.slice(first);
      const operands = [gamma, beta].map(p => to.parameter(p.name, rows, p.options));
      return to.graph.one(normalizeRows, [x!, ...operands], { epsilon, axes: own.length });
    };
  });
}

export interface RescalingOptions extends LayerOptions {
  scale: number;
  /** Default 0. */
  offset?: number;
}

/** scale x + offset, in addition to the `scale` and `offset` of a Dataset. */
export function rescaling(options: RescalingOptions): Layer {
  return layer("rescaling", options, ["scale", "offset"], settings => {
    const attrs = { scale: number("scale", settings.scale), offset: number("offset", settings.offset ?? 0) };
    return ([x], to) => to.graph.one(rescale, [x!], attrs);
  });
}
