/**
 * The form of a model that runs -> the form that is trained: batch normalization uses the statistics of the batch and
 * updates its moving averages, dropout is active, ranges of activations follow those of the batches.
 */
import type { Graph, Node, RewriteRule, Value } from "../graph/graph.ts";
import { pass, running } from "../graph/pass.ts";
import {
  batchNormalization,
  movingAverage,
  trainBatchNormalization,
} from "../ops/normalization/batch-normalization.ts";
import { dropout, trainDropout } from "../ops/normalization/dropout.ts";
import {
  batchStatistics,
  choose,
  freezingBatchNormalization,
  movingAverageUnless,
} from "../ops/normalization/freezing-batch-normalization.ts";
import { fakeQuantizeActivation, observeRange } from "../ops/quantized/fake-quantize-activation.ts";

/**
 * Streams that dropout reads: the number of each image in its data set (u32), and one u32 that changes with each step.
 */
export const DROPOUT_STREAM = { image: "image number", seed: "dropout seed" } as const;

/**
 * A batch normalization whose gamma and beta are frozen keeps its statistics, as in Keras for `trainable = false`. With
 * `frozen`, the name of a state [1], all keep them from the step on at which it becomes 1.
 */
export const trainingForm = pass({ name: "trainingForm", needs: [running], ensures: [] }, toTrainingForm);

function toTrainingForm(graph: Graph, frozen?: string): boolean {
  /** The latest value of each moving statistic and range: a layer used twice updates it twice. */
  const latest = new Map<Value, Value>();
  let salt = 0;

  const normalize: RewriteRule = node => {
    if (node.op !== batchNormalization || isFrozen(node)) return;
    const [x, gamma, beta, ...moving] = node.inputs;
    if (frozen !== undefined) {
      const flag = graph.state("observation", frozen, { shape: [1], dtype: "f32", batched: false });
      const statistics = graph.add(batchStatistics, [x!]);
      const chosen = statistics.map((batch, i) =>
        graph.one(choose, [flag, latest.get(moving[i]!) ?? moving[i]!, batch]),
      );
      const y = graph.one(freezingBatchNormalization, [x!, gamma!, beta!, ...chosen, flag], node.attrs);
      moving.forEach((leaf, i) => {
        const { momentum } = node.attrs;
        const moved = graph.one(movingAverageUnless, [latest.get(leaf) ?? leaf, statistics[i]!, flag], { momentum });
        latest.set(leaf, moved);
      });
      return [y];
    }
    const [y, ...statistics] = graph.add(trainBatchNormalization, [x!, gamma!, beta!], node.attrs);
    moving.forEach((leaf, i) => {
      const moved = graph.one(movingAverage, [latest.get(leaf) ?? leaf, statistics[i]!], {
        momentum: node.attrs.momentum,
      });
      latest.set(leaf, moved);
    });
    return [y];
  };

  const drop: RewriteRule = node => {
    if (node.op !== dropout || node.attrs.rate === 0) return;
    const image = graph.leaf("stream", DROPOUT_STREAM.image, { shape: [], dtype: "u32", batched: true });
    const seed = graph.leaf("stream", DROPOUT_STREAM.seed, { shape: [1], dtype: "u32", batched: false });
    return graph.add(trainDropout, [node.inputs[0]!, image, seed], { rate: node.attrs.rate, salt: salt++ });
  };

  const observe: RewriteRule = node => {
    const [x, range] = node.inputs;
    if (node.op !== fakeQuantizeActivation || range!.role !== "observation") return;
    // a value that shares the range of another one is rounded to the same numbers
    const known = latest.get(range!);
    if (!known) latest.set(range!, graph.add(observeRange, [range!, x!])[0]!);
    return [graph.one(fakeQuantizeActivation, [x!, latest.get(range!)!])];
  };

  return graph.rewrite([normalize, drop, observe]);
}

/** True if both parameters are frozen leaves, and at least one of them has a role that is learned. */
function isFrozen(node: Node): boolean {
  const parameters = node.inputs.slice(1, 3);
  return parameters.every(v => v.frozen) && parameters.some(v => v.role !== "constant");
}
