/** Evaluates a network on a data set: by running its graph, or from outputs computed elsewhere. */
import { checkSignal, integer, knownOptions, number, wrongValue } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import type { Done } from "../run/executor.ts";
import type { StepHook } from "./callbacks.ts";
import { lossFor, metricsFor, targetFor } from "./defaults.ts";
import { Feed } from "./feed.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { LossName, MetricName } from "./named.ts";
import { Pace, turn } from "./pace.ts";
import type { Regularizers } from "./step.ts";
import { type Batches, type Scores, signatureOf, Trainer } from "./trainer.ts";

/** Options of `evaluate`; unknown ones are a TypeError. */
export interface EvaluateOptions {
  /** Rows per step; results do not depend on it. Default 32. */
  batchSize?: number;
  /** Default: as in `fit`. */
  loss?: Loss | LossName;
  /** Default: accuracy for labels. */
  metrics?: readonly (Metric | MetricName)[];
  /** Penalties that are part of the loss. */
  regularizers?: Regularizers;
  /** Their penalties are part of the loss, as in the validation of `fit`. */
  hooks?: readonly StepHook[];
  signal?: AbortSignal;
  /** Maximum milliseconds between two turns of the event loop. Default 50. */
  slice?: number;
}

/** Names of the options. */
export const EVALUATE_OPTIONS = [
  "batchSize",
  "loss",
  "metrics",
  "regularizers",
  "hooks",
  "signal",
  "slice",
] as const satisfies readonly (keyof EvaluateOptions)[];

/** Maximum bytes of images in the streams of one memory. */
const STREAM_BYTES = 4 << 20;
const MOST_STEPS = 64;

/** The number of steps that streams have room for. */
export function roomForSteps(batch: number, imageBytes: number, steps: number): number {
  const fitting = Math.floor(STREAM_BYTES / (batch * (imageBytes + 64)));
  return Math.max(1, Math.min(MOST_STEPS, fitting, steps));
}

/** The batch sizes in a feed: whole batches, and the rest. */
export function batchesOf({ images, weighted, length }: Feed, batchSize: number): Batches {
  const whole = Math.min(batchSize, length);
  const rest = length % whole;
  return { images, weighted, sizes: rest ? [whole, rest] : [whole] };
}

export function notEmpty(what: string, data: Dataset): void {
  if (!data.length) throw wrongValue(what, "at least one row", "none");
}

export async function evaluate(graph: Graph, data: Dataset, options: EvaluateOptions = {}): Promise<Scores> {
  knownOptions("evaluate", options, EVALUATE_OPTIONS);
  const { regularizers, hooks, signal } = options;
  const metrics = metricsFor(data, options.metrics);
  const batchSize = integer("batchSize", options.batchSize ?? 32, 1);
  const slice = number("slice", options.slice ?? 50, { min: 0 });
  checkSignal(signal);
  notEmpty("dataset", data);
  const { input, output, classes } = signatureOf(graph);
  const loss = lossFor(graph, data, options.loss);
  const target = targetFor(loss, output, data);
  const feed = new Feed(data, input, target, classes);
  const batches = batchesOf(feed, batchSize);
  const steps = roomForSteps(batches.sizes[0]!, feed.imageBytes, Math.ceil(data.length / batchSize));
  const trainer = await Trainer.create(graph, {
    loss,
    target,
    metrics,
    ...(regularizers && { regularizers }),
    ...(hooks && { hooks }),
    evaluate: batches,
    steps,
  });
  return evaluateIn(trainer, feed, batches.sizes[0]!, new Pace(steps, slice), signal);
}

/** Runs the evaluation steps of a trainer over all rows of `feed`. */
export async function evaluateIn(
  trainer: Trainer<Done>,
  feed: Feed,
  batch: number,
  pace: Pace,
  signal: AbortSignal | undefined,
): Promise<Scores> {
  const rows = trainer.rows("evaluate");
  trainer.clearSums();
  for (let row = 0; row < feed.length; ) {
    const images = Math.min(batch, feed.length - row);
    const count = Math.max(1, Math.min(pace.begin(), Math.floor((feed.length - row) / batch)));
    for (let step = 0; step < count; step++)
      for (let image = 0; image < images; image++) feed.write(rows, step, image, row++);
    await trainer.run("evaluate", images, count);
    pace.end(count);
    await turn();
    signal?.throwIfAborted();
  }
  return trainer.means(feed.length);
}
