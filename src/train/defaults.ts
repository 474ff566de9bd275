/** What a training has where nothing is said: loss, metrics, and how a loss fits a model and its data. */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Type } from "../graph/graph.ts";
import { givenBy } from "../ops/traits.ts";
import { binaryCrossentropy, type Loss, meanSquaredError, sparseCategoricalCrossentropy } from "./losses.ts";
import { accuracy, type Metric } from "./metrics.ts";
import { type LossName, lossOf, type MetricName, metricOf } from "./named.ts";

/**
 * The loss for a graph: `loss`, told whether it gets logits or probabilities; without one, cross-entropy where the data
 * have labels (binary, where the graph has one output), and the mean squared error where they have targets.
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

/** The metrics that are asked for, or accuracy where the data have labels. */
export function metricsFor(data: Pick<Dataset, "classes">, given?: readonly (Metric | MetricName)[]): Metric[] {
  if (given === undefined) return data.classes ? [accuracy()] : [];
  if (!Array.isArray(given)) throw wrongType("metrics", 'a list of metrics such as accuracy() or "accuracy"', given);
  return given.map(metricOf);
}

/** Metrics for a graph and its loss, told what the outputs mean. */
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

/** The type of the targets: as the loss wants them, or as they are. */
export const targetFor = (loss: Loss, output: Type, data: Pick<Dataset, "classes" | "targetShape">): Type =>
  loss.target(output) ??
  (data.classes
    ? { shape: [], dtype: "i32", batched: true }
    : { shape: data.targetShape, dtype: "f32", batched: true });
