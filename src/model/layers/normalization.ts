/** keras.layers.BatchNormalization: channels with mean 0 and variance 1, then scaled and moved by what is learned. */
import { number, wrongType } from "../../base/errors.ts";
import type { Role } from "../../graph/graph.ts";
import { batchNormalization as normalize } from "../../ops/normalization/batch-normalization.ts";
import { type InitializerOption, initializerOf } from "../initializer-option.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";
import { type Regularizer, regularizerOf } from "../regularizers.ts";

export interface BatchNormalizationOptions extends LayerOptions {
  /** How much of the moving statistics stays at each training step. Default 0.99. */
  momentum?: number;
  /** Added to the variance. Default 0.001. */
  epsilon?: number;
  /** Learn a beta? Default true. */
  center?: boolean;
  /** Learn a gamma? Default true. */
  scale?: boolean;
  /** Default "zeros". */
  betaInitializer?: InitializerOption;
  /** Default "ones". */
  gammaInitializer?: InitializerOption;
  /** Default "zeros". */
  movingMeanInitializer?: InitializerOption;
  /** Default "ones". */
  movingVarianceInitializer?: InitializerOption;
  betaRegularizer?: Regularizer;
  gammaRegularizer?: Regularizer;
}

const OWN = [
  "momentum",
  "epsilon",
  "center",
  "scale",
  "betaInitializer",
  "gammaInitializer",
  "movingMeanInitializer",
  "movingVarianceInitializer",
  "betaRegularizer",
  "gammaRegularizer",
] as const;

/**
 * Normalizes the last axis: in training by the statistics of the batch, else by their moving averages, as also where it is not trainable.
 * Weights: gamma, beta, moving_mean, moving_variance, one number each per channel.
 */
export function batchNormalization(options: BatchNormalizationOptions = {}): Layer {
  return layer("batchNormalization", options, OWN, settings => {
    const momentum = number("momentum", settings.momentum ?? 0.99, { min: 0, max: 1 });
    const epsilon = number("epsilon", settings.epsilon ?? 1e-3, { above: 0 });
    const { center = true, scale = true } = settings;
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
    const gamma = learned("gamma", scale, settings.gammaInitializer, "ones", settings.gammaRegularizer);
    const beta = learned("beta", center, settings.betaInitializer, "zeros", settings.betaRegularizer);
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
