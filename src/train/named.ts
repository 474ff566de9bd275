/** Optimizers, losses and metrics by Keras' names, in camelCase, with the usual short forms. */
import { oneOf, wrongType } from "../base/errors.ts";
import * as losses from "./losses.ts";
import * as metrics from "./metrics.ts";
import * as optimizers from "./optimizers.ts";

const OPTIMIZERS = {
  adam: optimizers.adam,
  adamW: optimizers.adamW,
  rmsprop: optimizers.rmsprop,
  sgd: () => optimizers.sgd(0.01),
};

const LOSSES = {
  sparseCategoricalCrossentropy: losses.sparseCategoricalCrossentropy,
  categoricalCrossentropy: losses.categoricalCrossentropy,
  binaryCrossentropy: losses.binaryCrossentropy,
  meanSquaredError: losses.meanSquaredError,
  mse: losses.meanSquaredError,
  meanAbsoluteError: losses.meanAbsoluteError,
  mae: losses.meanAbsoluteError,
  huber: losses.huber,
  klDivergence: losses.klDivergence,
  entropy: losses.entropy,
};

const METRICS = { accuracy: metrics.accuracy, binaryAccuracy: metrics.binaryAccuracy, topK: metrics.topK };

/** `adam`, `adamW`, `rmsprop`: with their defaults; `sgd`: with Keras' learning rate of 0.01. */
export type OptimizerName = keyof typeof OPTIMIZERS;
export type LossName = keyof typeof LOSSES;
/** Names of metrics. A loss among them is reported under the name given. */
export type MetricName = keyof typeof METRICS | LossName;

const namesOf = <N extends string>(table: Record<N, unknown>): N[] => Object.keys(table) as N[];

export function optimizerOf(given: optimizers.Optimizer | OptimizerName): optimizers.Optimizer {
  if (typeof given === "string") return OPTIMIZERS[oneOf("optimizer", given, namesOf(OPTIMIZERS))]();
  if (typeof given?.build !== "function") throw wrongType("optimizer", 'an optimizer such as adam() or "adam"', given);
  return given;
}

export function lossOf(given: losses.Loss | LossName): losses.Loss {
  if (typeof given === "string") return LOSSES[oneOf("loss", given, namesOf(LOSSES))]();
  if (typeof given?.build !== "function") throw wrongType("loss", 'a loss such as meanSquaredError() or "mse"', given);
  return given;
}

export function metricOf(given: metrics.Metric | MetricName, i: number): metrics.Metric {
  const what = `metrics[${i}]`;
  if (typeof given !== "string") {
    if (typeof given?.build === "function") return given;
    throw wrongType(what, 'a metric such as accuracy() or "accuracy"', given);
  }
  const name = oneOf(what, given, [...namesOf(METRICS), ...namesOf(LOSSES)]);
  return name in METRICS ? METRICS[name as keyof typeof METRICS]() : metrics.measured(LOSSES[name as LossName](), name);
}
