/** Metrics: one number per image, averaged over all images of an epoch without weights, like Keras' `metrics`. */
import { integer, knownOptions, noArguments, number } from "../base/errors.ts";
import type { Graph, Type, Value } from "../graph/graph.ts";
import type { KnownNumbers } from "../graph/meaning.ts";
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
import { type Loss, oneHot, type Target } from "./losses.ts";

/** Made by the functions of this file, or chosen by its name. */
export interface Metric {
  /** Its key in histories; with the prefix `val` for validation data. */
  readonly name: string;
  /** Builds one number per image. */
  build(graph: Graph, output: Value, target: Value): Value;
  /** Computes the number of one image's output, outside of any graph. */
  score(output: Float32Array, target: Target): number;
  /** Returns the required type of the targets, if there is only one: the loss must have the same. */
  target?(output: Type): Type | undefined;
  /** Adapts a metric to the kind of outputs: `fromLogits` is that of the loss. */
  after?(gives: KnownNumbers | undefined, fromLogits: boolean): Metric;
}

const isNumber = (target: Target): target is number => typeof target === "number";

/** True for binary decisions: a single number per image. */
const isYesOrNo = (output: Type, target: Type): boolean => output.shape.at(-1) === 1 && !isClass(target);

/**
 * The fraction of correct answers: the largest output is that of the target's class; for a single output, its
 * probability is on the correct side of 1/2, or its logit on that of 0. Keras also chooses one of three accuracies by
 * the shapes, but compares logits with 1/2 too.
 */
export function accuracy(...none: []): Metric {
  noArguments("accuracy", none);
  const form = (threshold: number): Metric => ({
    name: "accuracy",
    build: (graph, output, target) =>
      isYesOrNo(output.type, target.type)
        ? graph.one(binaryAccuracyOp, [output, target], { threshold })
        : graph.one(accuracyOp, [output, target]),
    score(output, target) {
      if (output.length === 1) return f32_binary_accuracy(output, oneHot(target, 1), threshold);
      return isNumber(target) ? f32_sparse_accuracy(output, target) : f32_accuracy(output, target);
    },
  });
  return byMeaning(form);
}

/**
 * The fraction of outputs on the target's side of `threshold`, which is compared with the raw outputs. Default: a
 * probability of 1/2, which is 0 for logits. Keras: BinaryAccuracy(threshold=0.5).
 */
export function binaryAccuracy(options: { threshold?: number } = {}): Metric {
  knownOptions("binaryAccuracy", options, ["threshold"]);
  const form = (threshold: number): Metric => ({
    name: "binaryAccuracy",
    build: (graph, output, target) => graph.one(binaryAccuracyOp, [output, target], { threshold }),
    score: (output, target) => f32_binary_accuracy(output, oneHot(target, output.length), threshold),
  });
  return options.threshold === undefined ? byMeaning(form) : form(number("threshold", options.threshold));
}

/** A metric whose threshold is a probability of 1/2, or the corresponding logit. */
const byMeaning = (form: (threshold: number) => Metric): Metric => ({
  ...form(0.5),
  after: (_, fromLogits) => form(fromLogits ? 0 : 0.5),
});

/**
 * The fraction of images whose target class is among the k largest outputs. Keras:
 * (Sparse)TopKCategoricalAccuracy(k=5).
 */
export function topK(k = 5): Metric {
  integer("k", k, 1);
  return {
    name: `top${k}`,
    build: (graph, output, target) => graph.one(topKOp, [output, target], { top: k }),
    score: (output, target) => (isNumber(target) ? f32_sparse_top_k(output, target, k) : f32_top_k(output, target, k)),
  };
}

/**
 * Makes a metric of a loss: `meanSquaredError()`, `meanAbsoluteError()` ... It must take the same targets as the
 * training loss.
 */
export function measured(
  loss: Pick<Loss, "name" | "build" | "score" | "after"> & Partial<Pick<Loss, "target">>,
  name = loss.name,
): Metric {
  return {
    name,
    ...(loss.target && { target: output => loss.target!(output) }),
    ...(loss.after && { after: gives => measured(loss.after!(gives), name) }),
    build: (graph, output, target) => loss.build(graph, output, target),
    score: (output, target) => loss.score(output, target),
  };
}

// ---------------------------------------------------------------- from outputs

/**
 * counts[t][p]: the number of images of class t that are classified as p, by the largest output. `outputs`: one row of
 * `classes` numbers per label.
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

/** The fraction of images of each class that are classified correctly; NaN for a class without images. */
export const perClassAccuracy = (confusion: readonly (readonly number[])[]): number[] =>
  confusion.map((row, label) => row[label]! / row.reduce((a, b) => a + b, 0));
