/**
 * The form of a model that runs -> the form that is trained: batch normalization uses the statistics of the batch and
 * updates its moving averages, dropout is active.
 */
import type { Graph, Node, RewriteRule, Value } from "../graph/graph.ts";
import { pass, running } from "../graph/pass.ts";
import {
  batchNormalization,
  movingAverage,
  trainBatchNormalization,
} from "../ops/normalization/batch-normalization.ts";
import { dropout, trainDropout } from "../ops/normalization/dropout.ts";

/**
 * Streams that dropout reads: the number of each image in its data set (u32), and one u32 that changes with each step.
 */
export const DROPOUT_STREAM = { image: "image number", seed: "dropout seed" } as const;

/** A batch normalization whose gamma and beta are frozen keeps its statistics, as in Keras for `trainable = false`. */
export const trainingForm = pass({ name: "trainingForm", needs: [running], ensures: [] }, toTrainingForm);

function toTrainingForm(graph: Graph): boolean {
  /** The latest value of each moving statistic: a layer used twice updates it twice. */
  const latest = new Map<Value, Value>();
  let salt = 0;

  const normalize: RewriteRule = node => {
    if (node.op !== batchNormalization || isFrozen(node)) return;
    const [x, gamma, beta, ...moving] = node.inputs;
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

  return graph.rewrite([normalize, drop]);
}

/** True if both parameters are frozen leaves, and at least one of them has a role that is learned. */
function isFrozen(node: Node): boolean {
  const parameters = node.inputs.slice(1, 3);
  return parameters.every(v => v.frozen) && parameters.some(v => v.role !== "constant");
}
