/**
 * Scores outputs that were computed elsewhere, such as by an int8 network: by the reference implementations, with the
 * same numbers as `evaluate`.
 */
import { knownOptions } from "../base/errors.ts";
import { showShape, size } from "../base/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import { lossFor, metricsFor, metricsOf, targetFor } from "./defaults.ts";
import { checkAnswers, checkLabel } from "./feed.ts";
import type { Loss, Target } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { LossName, MetricName } from "./named.ts";
import type { Scores } from "./trainer.ts";

export interface ScoreOptions {
  /** Default: as in `fit`. */
  loss?: Loss | LossName;
  /** Default: accuracy for labels. */
  metrics?: readonly (Metric | MetricName)[];
}

/**
 * The mean loss and metrics of `outputs`, one row of numbers for each row of the data set. `graph`: the network they
 * come from, which defines their kind (logits or probabilities) and number per image.
 */
export function score(outputs: Float32Array, data: Dataset, graph: Graph, options: ScoreOptions = {}): Scores {
  knownOptions("score", options, ["loss", "metrics"]);
  const loss = lossFor(graph, data, options.loss);
  const metrics = metricsOf(graph, loss, metricsFor(data, options.metrics));
  const { type } = graph.results[0]!;
  const { shape } = type;
  const expected = targetFor(loss, type, data);
  const classes = shape.at(-1) ?? 1;
  checkAnswers(data, expected, classes);
  const each = size(shape);
  if (outputs.length !== data.length * each)
    throw new RangeError(
      `"outputs" expected ${data.length} rows of ${showShape(shape)}, got ${outputs.length} numbers`,
    );
  const classified = data.labels() && (!expected.shape.length || size(expected.shape) > 1);
  const weights = data.sampleWeights();
  const sums = [loss, ...metrics].map(() => 0);
  for (let i = 0; i < data.length; i++) {
    const output = outputs.subarray(i * each, (i + 1) * each);
    const target: Target = data.answer(i);
    if (classified) checkLabel(target as number, i, classes);
    sums[0]! += (weights?.[i] ?? 1) * loss.score(output, target);
    metrics.forEach((metric, m) => {
      sums[m + 1]! += metric.score(output, target);
    });
  }
  const scores: Scores = { loss: sums[0]! / data.length };
  metrics.forEach((metric, m) => {
    scores[metric.name] = sums[m + 1]! / data.length;
  });
  return scores;
}
