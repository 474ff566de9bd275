/** Outputs and scores of a network on a data set. */
import { checkSignal, integer, number } from "../base/errors.ts";
import { compatibleShapes, showSamples, showShape, size } from "../base/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import type { Net, Reals } from "../run/net.ts";
import { type EvaluateOptions, notEmpty } from "../train/evaluate.ts";
import { turn } from "../train/pace.ts";
import { score } from "../train/score.ts";
import type { Scores } from "../train/trainer.ts";

type Pacing = Pick<EvaluateOptions, "batchSize" | "slice" | "signal">;

/**
 * Computes the outputs of all rows, one after the other; a list of several outputs. It yields to the event loop after
 * each `slice` milliseconds. `what`: names the data set in messages.
 */
export async function answers(net: Net, what: string, data: Dataset, options: Pacing = {}): Promise<Reals> {
  const { batchSize = 256, slice = 50, signal } = options;
  const { shape } = net.inputs[0]!;
  if (!compatibleShapes(data.shape, shape))
    throw new RangeError(`"${what}" expected ${showSamples(shape)}, got ${showShape(data.shape)}`);
  const widths = net.outputs.map(({ shape }) => size(shape));
  const results = widths.map(width => new Float32Array(data.length * width));
  let row = 0;
  let rested = performance.now();
  for (const batch of data.batch(batchSize)) {
    const into = results.map((y, i) => y.subarray(row * widths[i]!, (row + batch.length) * widths[i]!));
    net.predict<Reals>(batch.x, { into: into.length === 1 ? into[0]! : into });
    row += batch.length;
    if (performance.now() - rested < slice) continue;
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  }
  return results.length === 1 ? results[0]! : results;
}

/** Computes loss and metrics of a network that runs, as `evaluate` defines them. `graph`: the graph it computes. */
export async function scoreAnswers(net: Net, graph: Graph, data: Dataset, options: EvaluateOptions): Promise<Scores> {
  const { loss, metrics, batchSize = 256, slice = 50, signal } = options;
  integer("batchSize", batchSize, 1);
  number("slice", slice, { min: 0 });
  checkSignal(signal);
  notEmpty("dataset", data);
  const outputs = await answers(net, "dataset", data, { batchSize, slice, ...(signal && { signal }) });
  if (Array.isArray(outputs))
    throw new TypeError(`"evaluate" expected a network with one output, got ${outputs.length}`);
  return score(outputs, data, graph, {
    ...(loss !== undefined && { loss }),
    ...(metrics !== undefined && { metrics }),
  });
}
