/** Defaults of a training: loss, metrics, and the adaptation of a loss to a model and its data. */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Type } from "../graph/graph.ts";
import { givenBy } from "../ops/traits.ts";
import { binaryCrossentropy, type Loss, meanSquaredError, sparseCategoricalCrossentropy } from "./losses.ts";
import { accuracy, type Metric } from "./metrics.ts";
import { type LossName, lossOf, type MetricName, metricOf } from "./named.ts";

/**
 * The loss for a graph: `loss`, adapted to logits or probabilities; default: cross-entropy for labels (binary if the
 * graph has one output), mean squared error for targets.
 */
export function lossFor(graph: Graph, data: Pick<Dataset, "classes">, loss?: Loss | LossName): Loss {
  const { shape } = graph.results[0]!.type;
  const chosen = loss === undefined ? defaultLoss(data, shape.at(-1) === 1) : lossOf(loss);
  return chosen.after?.(givenBy(graph.results[0]!)) ?? chosen;
}

function defaultLoss(data: Pick<Dataset, "classes">, oneOutput: boolean): Loss {
  if (!data.classes) return meanSquaredError();
  return oneOutput ? binaryCrossentropy() : sparseCategoricalCrossentropy();
}

/** The given metrics; default: accuracy for labels. */
export function metricsFor(data: Pick<Dataset, "classes">, given?: readonly (Metric | MetricName)[]): Metric[] {
  if (given === undefined) return data.classes ? [accuracy()] : [];
  if (!Array.isArray(given)) throw wrongType("metrics", 'a list of metrics such as accuracy() or "accuracy"', given);
  return given.map(metricOf);
}

/** Adapts metrics to a graph and its loss. */
export function metricsOf(graph: Graph, loss: Loss, metrics: readonly Metric[]): Metric[] {
  const output = graph.results[0]!.type;
  const given = loss.target(output);
  return metrics.map(metric => {
    const { name } = metric;
    const wanted = metric.target?.(output);
    if (wanted && given && wanted.dtype !== given.dtype) {
      const kind = given.dtype === "i32" ? "class numbers" : "rows of targets";
      throw wrongValue("metrics", `metrics of ${kind}, which the loss compares with`, name);
    }
    return { ...(metric.after?.(givenBy(graph.results[0]!), loss.fromLogits ?? false) ?? metric), name };
  });
}

/** The type of the targets: that of the loss, or that of the data. */
export const targetFor = (loss: Loss, output: Type, data: Pick<Dataset, "classes" | "targetShape">): Type =>
  loss.target(output) ??
  (data.classes
    ? { shape: [], dtype: "i32", batched: true }
    : { shape: data.targetShape, dtype: "f32", batched: true });
