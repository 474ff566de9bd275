/**
 * A model's graph -> the graph of one training step: images from a stream, training form, loss, fuse, gradient, regularizers, optimizer,
 * fuse again. What changes from step to step (images, labels, learning rate, seed) is data in streams, never a new program.
 */
import { wrongValue } from "../base/errors.ts";
import type { DType, Shape } from "../base/shape.ts";
import { streamInputs } from "../graph/edit.ts";
import { type Graph, isLearned, type Type, type Value } from "../graph/graph.ts";
import { rescale } from "../ops/arithmetic/rescale.ts";
import { GRADIENT } from "../ops/index.ts";
import { one, penalty } from "../ops/loss/penalty.ts";
import { share } from "../ops/loss/share.ts";
import { TALLY, tally, tallyPenalty } from "../ops/loss/tally.ts";
import { BACKWARD, FORWARD, fuse } from "../passes/fuse.ts";
import { gradient } from "../passes/gradient.ts";
import { trainingForm } from "../passes/training.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { Optimizer, Update } from "./optimizers.ts";

/** How the images of a data set lie in the stream: real = scale * stored + offset. */
export interface ImageFormat {
  dtype: DType;
  scale: number;
  offset: number;
}

/** l1 sum |w| + l2 sum w^2 of a weight is added to the loss. */
export interface Regularizer {
  readonly l1: number;
  readonly l2: number;
}

/** By the names of weights. Frozen weights have none, as in Keras. */
export type Regularizers = ReadonlyMap<string, Regularizer>;

export interface StepOptions {
  images: ImageFormat;
  /** What the targets are. */
  target: Type;
  loss: Loss;
  metrics: readonly Metric[];
  regularizers?: Regularizers;
  /** Do images carry weights? They scale the loss; metrics count every image once, as in Keras. */
  weighted: boolean;
  /** The step of training that it takes, or measures alone. */
  goal: { optimizer: Optimizer } | "gradients" | "measures";
}

export interface Step {
  graph: Graph;
  /** What is trained, by the names of the model's leaves. With the goal "gradients", result i is d loss / d parameter i. */
  parameters: readonly Value[];
}

/** Names of the streams. Those of images differ by type: training and validation data may be stored differently. */
export const STREAM = {
  images: (format: ImageFormat): string => `images:${format.dtype}`,
  target: "target",
  weight: "weight",
} as const;

/** The leaf that sums up the loss, or a metric, over all images. */
export const tallyOf = (name: string): string => `sum of ${name}`;

const perImage = (dtype: DType, shape: Shape = []): Type => ({ shape, dtype, batched: true });

export function buildStep(model: Graph, options: StepOptions): Step {
  const { graph } = model.copy();
  streamInputs(graph, input => streamImages(graph, input, options.images));
  const { goal } = options;
  if (goal !== "measures") trainingForm(graph);

  const output = graph.results[0]!;
  const parameters = graph.leaves.filter(v => isLearned(v.role) && !v.frozen);
  const target = graph.leaf("stream", STREAM.target, options.target);
  const weights = options.weighted ? [graph.leaf("stream", STREAM.weight, perImage("f32"))] : [];
  const loss = graph.scope("loss", () => options.loss.build(graph, output, target));
  let sum = graph.one(tally, [loss, graph.leaf("tally", tallyOf("loss"), TALLY), ...weights]);
  const penalties = penaltiesOf(graph, parameters, options.regularizers);
  for (const each of penalties) sum = graph.one(tallyPenalty, [each, sum, loss]);
  for (const metric of options.metrics) {
    const counted = graph.scope(metric.name, () => metric.build(graph, output, target));
    graph.add(tally, [counted, graph.leaf("tally", tallyOf(metric.name), TALLY)]);
  }
  graph.results = [];
  fuse(graph, FORWARD);
  if (goal === "measures") return { graph, parameters };

  const seeds: [Value, Value][] = [[loss, graph.one(share, [loss, ...weights])]];
  if (penalties.length) {
    const whole = graph.one(one, []);
    for (const each of penalties) seeds.push([each, whole]);
  }
  const gradients = gradient(graph, GRADIENT, seeds, parameters);
  const updates = parameters.flatMap((parameter, i): Update[] =>
    gradients[i] ? [{ parameter, gradient: gradients[i] }] : [],
  );
  if (goal === "gradients") graph.results = updates.map(u => u.gradient);
  else goal.optimizer.build(graph, updates);
  fuse(graph, BACKWARD);
  graph.prune();
  return { graph, parameters: updates.map(u => u.parameter) };
}

function streamImages(graph: Graph, input: Value, format: ImageFormat): Value {
  const type = { shape: input.type.shape, dtype: format.dtype, batched: true };
  const leaf = graph.leaf("stream", STREAM.images(format), type);
  if (format.dtype === "f32" && format.scale === 1 && format.offset === 0) return leaf;
  return graph.one(rescale, [leaf], { scale: format.scale, offset: format.offset });
}

function penaltiesOf(graph: Graph, parameters: readonly Value[], regularizers: Regularizers | undefined): Value[] {
  const penalties: Value[] = [];
  for (const [name, { l1, l2 }] of regularizers ?? []) {
    if (!graph.leafOf(name))
      throw wrongValue("regularizers", `names of weights: ${parameters.map(v => v.name).join(", ")}`, name);
    const parameter = parameters.find(v => v.name === name);
    if (parameter && (l1 || l2)) penalties.push(graph.scope(name, () => graph.one(penalty, [parameter], { l1, l2 })));
  }
  return penalties;
}
