/** A criterion decides which weights pruning keeps: it scores the weights of a layer, and picks those that stay. */
import type { Graph, Value } from "../graph/graph.ts";
import type { StepValues } from "../train/callbacks.ts";
import type { Update } from "../train/optimizers.ts";

export interface Criterion {
  readonly name: string;
  /**
   * Adds nodes to the training step that gather the scores of a weight. Returns the state that holds them, which
   * has the weight's shape and the role "observation". A criterion without it scores by the weights themselves.
   */
  build?(graph: Graph, update: Update, step: StepValues): Value;
  /**
   * Returns ones at the `kept` weights that stay, zeros elsewhere. A weight that is pruned already has the score
   * -Infinity, or 0 where the scores are the weights.
   */
  mask(scores: Float32Array, kept: number): Float32Array;
}

/** Returns ones at the `kept` greatest scores; among equals the first stay. */
export function greatest(scores: Float32Array, kept: number): Float32Array {
  const threshold = scores.slice().sort()[scores.length - kept]!;
  let equals = kept;
  for (const score of scores) if (score > threshold) equals--;
  return scores.map(score => (score > threshold || (score === threshold && equals-- > 0) ? 1 : 0));
}

/** Keeps the weights of greatest magnitude, as tfmot does. */
export const magnitude: Criterion = {
  name: "magnitude",
  mask: (weights, kept) => greatest(weights.map(Math.abs), kept),
};
