/**
 * A model's graph -> the graph of one training step: images from a stream, loss, fuse, gradient, regularisers, optimizer, fuse again.
 * What changes from step to step (images, labels, learning rate, seed) is data in streams, never a new program.
 */
import type { DType, Shape } from "../base/shape.ts";
import type { Graph, Type, Value } from "../graph/graph.ts";
import { GRADIENT } from "../ops/index.ts";
import { rescale } from "../ops/rescale.ts";
import { share } from "../ops/share.ts";
import { TALLY, tally } from "../ops/tally.ts";
import { BACKWARD, FORWARD, fuse } from "../passes/fuse.ts";
import { gradient } from "../passes/gradient.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { Optimizer } from "./optimizers.ts";

/** How the images of a data set lie in the stream: real = scale * stored + offset. */
export interface ImageFormat {
  dtype: DType;
  scale: number;
  offset: number;
}

export interface StepOptions {
  images: ImageFormat;
  loss: Loss;
  metrics: readonly Metric[];
  /** Without one: an evaluation step. */
  optimizer?: Optimizer;
  /** Do images carry weights? They scale the loss; metrics count every image once, as in Keras. */
  weighted: boolean;
}

export interface Step {
  graph: Graph;
  /** What the trained model's parameters are called here. */
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
  const { graph, of } = model.copy();
  const input = graph.leaves.find(v => v.leaf === "input")!;
  const images = streamImages(graph, input, options.images);
  graph.replace(input, images);
  graph.leaves.splice(graph.leaves.indexOf(input), 1);

  const output = of.get(model.results[0]!)!;
  const target = graph.leaf("stream", STREAM.target, options.loss.target(output.type));
  const weights = options.weighted ? [graph.leaf("stream", STREAM.weight, perImage("f32"))] : [];
  const loss = graph.scope("loss", () => options.loss.build(graph, output, target));
  graph.add(tally, [loss, graph.leaf("tally", tallyOf("loss"), TALLY), ...weights]);
  for (const metric of options.metrics) {
    const counted = graph.scope(metric.name, () => metric.build(graph, output, target));
    graph.add(tally, [counted, graph.leaf("tally", tallyOf(metric.name), TALLY)]);
  }
  graph.results = [];
  fuse(graph, FORWARD);

  const parameters = graph.leaves.filter(v => v.leaf === "state" && !v.frozen);
  if (options.optimizer) {
    const seed = graph.one(share, [loss, ...weights]);
    const gradients = gradient(graph, GRADIENT, [[loss, seed]], parameters);
    options.optimizer.build(
      graph,
      parameters.flatMap((p, i) => (gradients[i] ? [{ parameter: p, gradient: gradients[i] }] : [])),
    );
    fuse(graph, BACKWARD);
  }
  graph.prune();
  return { graph, parameters };
}

function streamImages(graph: Graph, input: Value, format: ImageFormat): Value {
  const type = { shape: input.type.shape, dtype: format.dtype, batched: true };
  const leaf = graph.leaf("stream", STREAM.images(format), type);
  if (format.dtype === "f32" && format.scale === 1 && format.offset === 0) return leaf;
  const images = graph.one(rescale, [leaf], { scale: format.scale, offset: format.offset });
  graph.nodes.unshift(graph.nodes.pop()!); // nodes stand in order of use
  return images;
}
