/**
 * Metrics: one number per image, averaged over all images of an epoch, whatever their weights, as Keras' `metrics` are.
 */
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
  /** Its key in histories; with `val` before it for validation data. */
  readonly name: string;
  /** One number per image. */
  build(graph: Graph, output: Value, target: Value): Value;
  /** The same number for one image's output, outside of any graph. */
  score(output: Float32Array, target: Target): number;
  /** The type of the targets, where it takes one alone: that of the loss has to be the same. */
  target?(output: Type): Type | undefined;
  /**
   * Where it depends on what outputs mean: the metric for a model that gives these, and whose loss takes logits or not.
   */
  after?(gives: KnownNumbers | undefined, fromLogits: boolean): Metric;
}

const isNumber = (target: Target): target is number => typeof target === "number";

/** A single number per image is a yes or no. */
const isYesOrNo = (output: Type, target: Type): boolean => output.shape.at(-1) === 1 && !isClass(target);

/**
 * How often the answer is right: the largest output is at the target's class; where there is one output only, its
 * probability is on the right side of 1/2, as a logit on that of 0. Keras chooses between its three accuracies by the
 * shapes likewise, and compares a logit with 1/2 too.
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
 * The share of outputs on the target's side of `threshold`, which is compared with outputs as they are. Default: a
 * probability of 1/2, which is 0 where outputs are logits. Keras: BinaryAccuracy(threshold=0.5).
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

/** A metric whose threshold is a probability of 1/2, or the logit that stands for it. */
const byMeaning = (form: (threshold: number) => Metric): Metric => ({
  ...form(0.5),
  after: (_, fromLogits) => form(fromLogits ? 0 : 0.5),
});

/** How often the target's class is among the k largest outputs. Keras: (Sparse)TopKCategoricalAccuracy(k=5). */
export function topK(k = 5): Metric {
  integer("k", k, 1);
  return {
    name: `top${k}`,
    build: (graph, output, target) => graph.one(topKOp, [output, target], { top: k }),
    score: (output, target) => (isNumber(target) ? f32_sparse_top_k(output, target, k) : f32_top_k(output, target, k)),
  };
}

/**
 * A loss that is measured and not trained on: `meanSquaredError()`, `meanAbsoluteError()` ... It must take the same
 * targets as the loss.
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
