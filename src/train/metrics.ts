/** Metrics: one number per image, averaged over all images of an epoch, whatever their weights, as Keras' `metrics` are. */
import { integer, number, wrongType } from "../base/errors.ts";
import type { Graph, Type, Value } from "../graph/graph.ts";
import {
  f32_accuracy,
  f32_argmax,
  f32_binary_accuracy,
  f32_sparse_accuracy,
  f32_sparse_top_k,
  f32_top_k,
} from "../kernels/reference/f32-reduce.ts";
import {
  accuracy as accuracyOp,
  binaryAccuracy as binaryAccuracyOp,
  isClass,
  topK as topKOp,
} from "../ops/loss/accuracy.ts";
import type { Loss, Target } from "./losses.ts";

/** Of one's own: any object like this, `build` made of the library's ops. */
export interface Metric {
  /** Its key in histories; with `val` before it for validation data. */
  readonly name: string;
  /** One number per image. */
  build(graph: Graph, output: Value, target: Value): Value;
  /** The same number for one image's output, outside of any graph. */
  score(output: Float32Array, target: Target): number;
}

const isNumber = (target: Target): target is number => typeof target === "number";

/** A single number per image is a yes or no: Keras then counts it right on its side of 1/2. */
const isYesOrNo = (output: Type, target: Type): boolean => output.shape.at(-1) === 1 && !isClass(target);

/**
 * How often the answer is right: the largest output is at the target's class; where there is one output only, it is on the right side of 1/2.
 * Keras chooses between its three accuracies by the shapes likewise.
 */
export function accuracy(): Metric {
  return {
    name: "accuracy",
    build: (graph, output, target) =>
      isYesOrNo(output.type, target.type)
        ? graph.one(binaryAccuracyOp, [output, target], { threshold: 0.5 })
        : graph.one(accuracyOp, [output, target]),
    score(output, target) {
      if (isNumber(target)) return f32_sparse_accuracy(output, target);
      return output.length === 1 ? f32_binary_accuracy(output, target, 0.5) : f32_accuracy(output, target);
    },
  };
}

/** The share of outputs on the target's side of `threshold`. Keras: BinaryAccuracy(threshold=0.5). */
export function binaryAccuracy({ threshold = 0.5 } = {}): Metric {
  number("threshold", threshold);
  return {
    name: "binaryAccuracy",
    build: (graph, output, target) => graph.one(binaryAccuracyOp, [output, target], { threshold }),
    score(output, target) {
      if (isNumber(target)) throw wrongType("target", "a row of numbers", target);
      return f32_binary_accuracy(output, target, threshold);
    },
  };
}

/** How often the target's class is among the k largest outputs. Keras: (Sparse)TopKCategoricalAccuracy(k=5). */
export function topK(k = 5): Metric {
  integer("k", k, 1);
  return {
    name: `top${k}`,
    build: (graph, output, target) => graph.one(topKOp, [output, target], { top: k }),
    score: (output, target) => (isNumber(target) ? f32_sparse_top_k(output, target, k) : f32_top_k(output, target, k)),
  };
}

/** A loss that is measured and not trained on: `meanSquaredError()`, `meanAbsoluteError()` ... It must take the same targets as the loss. */
export function measured(loss: Pick<Loss, "name" | "build" | "score">, name = loss.name): Metric {
  return {
    name,
    build: (graph, output, target) => loss.build(graph, output, target),
    score: (output, target) => loss.score(output, target),
  };
}

// ---------------------------------------------------------------- from outputs

/**
 * counts[t][p]: how many images of class t were taken for class p, the largest output being the answer.
 * `outputs`: one row of `classes` numbers per label.
 */
export function confusionMatrix(outputs: Float32Array, labels: ArrayLike<number>, classes: number): number[][] {
  integer("classes", classes, 1);
  if (outputs.length !== labels.length * classes)
    throw new RangeError(`"outputs" expected ${labels.length} rows of ${classes}, got ${outputs.length} numbers`);
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    const label = integer(`labels[${i}]`, labels[i], 0, classes - 1);
    counts[label]![f32_argmax(outputs.subarray(i * classes, (i + 1) * classes))]!++;
  }
  return counts;
}

/** The share of images of each class that were taken for it; NaN for a class without images. */
export const perClassAccuracy = (confusion: readonly (readonly number[])[]): number[] =>
  confusion.map((row, label) => row[label]! / row.reduce((a, b) => a + b, 0));
