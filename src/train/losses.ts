/** Losses as Keras defines them: one number per image, averaged over the batch. */
import type { Graph, Type, Value } from "../graph/graph.ts";
import { sparseSoftmaxCrossEntropy } from "../ops/sparse-softmax-cross-entropy.ts";

export interface Loss {
  readonly name: string;
  /** The type of the targets for a model with this output. */
  target(output: Type): Type;
  /** One loss per image. */
  build(graph: Graph, output: Value, target: Value): Value;
}

const classNumber: Type = { shape: [], dtype: "i32", batched: true };

/** Cross-entropy between logits and class numbers. Keras: SparseCategoricalCrossentropy(from_logits=True). */
export function sparseCategoricalCrossentropy({ labelSmoothing = 0 } = {}): Loss {
  return {
    name: "sparseCategoricalCrossentropy",
    target: () => classNumber,
    build: (graph, output, target) =>
      graph.one(sparseSoftmaxCrossEntropy, [output, target], { smoothing: labelSmoothing }),
  };
}
