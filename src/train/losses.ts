/** Losses as Keras defines them: one number per image, averaged over the batch. */
import { number } from "../base/errors.ts";
import type { Graph, Type, Value } from "../graph/graph.ts";
import { f32_sparse_softmax_cross_entropy } from "../kernels/reference/f32-softmax.ts";
import { sparseSoftmaxCrossEntropy } from "../ops/sparse-softmax-cross-entropy.ts";
import type { Target } from "./metrics.ts";

export interface Loss {
  readonly name: string;
  /** The type of the targets for a model with this output: a class number, or a row of numbers. */
  target(output: Type): Type;
  /** One loss per image. */
  build(graph: Graph, output: Value, target: Value): Value;
  /** The same number for one image's output, outside of any graph. */
  score(output: Float32Array, target: Target): number;
}

const classNumber: Type = { shape: [], dtype: "i32", batched: true };

/** Cross-entropy between logits and class numbers. Keras: SparseCategoricalCrossentropy(from_logits=True). */
export function sparseCategoricalCrossentropy({ labelSmoothing = 0 } = {}): Loss {
  number("labelSmoothing", labelSmoothing, { min: 0, max: 1 });
  return {
    name: "sparseCategoricalCrossentropy",
    target: () => classNumber,
    build: (graph, output, target) =>
      graph.one(sparseSoftmaxCrossEntropy, [output, target], { smoothing: labelSmoothing }),
    score: (output, target) => f32_sparse_softmax_cross_entropy(output, target as number, labelSmoothing).loss,
  };
}
