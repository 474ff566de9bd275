/** Which weights pruning keeps: a criterion scores the weights of a layer, and says which scores are worth keeping. */
import type { Graph, Value } from "../graph/graph.ts";
import type { StepValues } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";

export interface Criterion {
  readonly name: string;
  /**
   * Adds to every training step what gathers the scores of a weight; gives the state they lie in, which has the weight's shape and the role
   * "observation". Without it the scores are the weights.
   */
  build?(graph: Graph, update: Update, step: StepValues): Value;
  /**
   * Ones at the `kept` weights that stay, zeros elsewhere. A weight that is pruned already has the score -Infinity; where the scores are the
   * weights, 0.
   */
  mask(scores: Float32Array, kept: number): Float32Array;
}

/** Ones at the `kept` greatest scores; among equals the first stay. */
export function greatest(scores: Float32Array, kept: number): Float32Array {
  const threshold = scores.slice().sort()[scores.length - kept]!;
  let equals = kept;
  for (const score of scores) if (score > threshold) equals--;
  return scores.map(score => (score > threshold || (score === threshold && equals-- > 0) ? 1 : 0));
}

/** The weights of greatest magnitude stay, as in tfmot. */
export const magnitude: Criterion = {
  name: "magnitude",
  mask: (weights, kept) => greatest(weights.map(Math.abs), kept),
};
