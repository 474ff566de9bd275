/** Losses as defined by Keras: one number per image, averaged over the batch. */
import { knownOptions, noArguments, number, wrongType } from "../base/errors.ts";
import type { Graph, Op, Type, Value } from "../graph/graph.ts";
import type { KnownNumbers } from "../graph/meaning.ts";
import * as loss from "../kernels/reference/f32-loss.ts";
import {
  f32_softmax,
  f32_softmax_cross_entropy,
  f32_sparse_softmax_cross_entropy,
} from "../kernels/reference/f32-softmax.ts";
import { softmax } from "../ops/activation/softmax.ts";
import { crossEntropy, entropy as entropyOp, sparseCrossEntropy } from "../ops/loss/cross-entropy.ts";
import * as pointwise from "../ops/loss/pointwise-loss.ts";
import { softmaxCrossEntropy } from "../ops/loss/softmax-cross-entropy.ts";
import { sparseSoftmaxCrossEntropy } from "../ops/loss/sparse-softmax-cross-entropy.ts";

/** The target of one image: a class number or a row of numbers. */
export type Target = number | ArrayLike<number>;

/** Made by the functions of this file, or chosen by its name. */
export interface Loss {
  readonly name: string;
  /**
   * Returns the type of the targets for a model with this output: a class number, or a row of numbers. Undefined:
   * targets are not read.
   */
  target(output: Type): Type | undefined;
  /** Builds one loss per image. */
  build(graph: Graph, output: Value, target: Value): Value;
  /** Computes the loss of one image's output, outside of any graph. */
  score(output: Float32Array, target: Target): number;
  /** True if outputs are logits, for which 0 corresponds to a probability of 1/2. Default false. */
  readonly fromLogits?: boolean;
  /** Adapts a loss that leaves open whether a model outputs logits or probabilities. */
  after?(gives: KnownNumbers | undefined): Loss;
}

export interface CrossEntropyOptions {
  /** True if the model outputs logits. Default: false if it ends in softmax (binary: sigmoid), else true. */
  fromLogits?: boolean;
  /** The fraction of each target that is spread over all classes (binary: moved towards 1/2). Default 0. */
  labelSmoothing?: number;
}

const classNumber: Type = { shape: [], dtype: "i32", batched: true };

/** A row of numbers of the output's shape. */
const likeOutput = (output: Type): Type => ({ shape: output.shape, dtype: "f32", batched: true });

const isNumber = (target: Target): target is number => typeof target === "number";

/** A number is a row of one. */
const rowOf = (target: Target): ArrayLike<number> => (isNumber(target) ? [target] : target);

function classOf(target: Target): number {
  if (isNumber(target)) return target;
  throw wrongType("target", "a class number", target);
}

/** The row of targets for a class number. */
export const oneHot = (target: Target, k: number): ArrayLike<number> =>
  isNumber(target) && k > 1 ? Float32Array.from({ length: k }, (_, j) => Number(j === target)) : rowOf(target);

/** A loss in two forms; without `fromLogits` the model decides, and outputs of unknown kind count as logits. */
function logitsOrProbabilities(
  options: CrossEntropyOptions,
  probabilities: KnownNumbers | undefined,
  form: (fromLogits: boolean, smoothing: number) => Loss,
): Loss {
  const { fromLogits, labelSmoothing = 0 } = options;
  if (fromLogits !== undefined && typeof fromLogits !== "boolean")
    throw wrongType("fromLogits", "a boolean", fromLogits);
  number("labelSmoothing", labelSmoothing, { min: 0, max: 1 });
  const made = (logits: boolean): Loss => ({ ...form(logits, labelSmoothing), fromLogits: logits });
  if (fromLogits !== undefined) return made(fromLogits);
  return { ...made(true), after: gives => made(gives !== probabilities) };
}

const CROSS_ENTROPY = ["fromLogits", "labelSmoothing"] as const;

/** Cross-entropy with class numbers. Keras: SparseCategoricalCrossentropy. */
export function sparseCategoricalCrossentropy(options: CrossEntropyOptions = {}): Loss {
  knownOptions("sparseCategoricalCrossentropy", options, CROSS_ENTROPY);
  return logitsOrProbabilities(options, "distribution", (fromLogits, smoothing) => ({
    name: "sparseCategoricalCrossentropy",
    target: () => classNumber,
    build: (graph, output, target) =>
      graph.one<{ smoothing: number }>(fromLogits ? sparseSoftmaxCrossEntropy : sparseCrossEntropy, [output, target], {
        smoothing,
      }),
    score: (output, target) =>
      fromLogits
        ? f32_sparse_softmax_cross_entropy(output, classOf(target), smoothing).loss
        : loss.f32_sparse_cross_entropy(output, classOf(target), smoothing),
  }));
}

/**
 * Cross-entropy with rows of targets; class numbers of a data set become one-hot rows. Keras: CategoricalCrossentropy.
 */
export function categoricalCrossentropy(options: CrossEntropyOptions = {}): Loss {
  knownOptions("categoricalCrossentropy", options, CROSS_ENTROPY);
  return logitsOrProbabilities(options, "distribution", (fromLogits, smoothing) => ({
    name: "categoricalCrossentropy",
    target: likeOutput,
    build: (graph, output, target) =>
      graph.one<{ smoothing: number }>(fromLogits ? softmaxCrossEntropy : crossEntropy, [output, target], {
        smoothing,
      }),
    score(output, target) {
      const row = oneHot(target, output.length);
      return fromLogits
        ? f32_softmax_cross_entropy(output, row, smoothing).loss
        : loss.f32_cross_entropy(output, row, smoothing);
    },
  }));
}

/** The mean over the outputs of an image, each a binary decision. Keras: BinaryCrossentropy. */
export function binaryCrossentropy(options: CrossEntropyOptions = {}): Loss {
  knownOptions("binaryCrossentropy", options, CROSS_ENTROPY);
  return logitsOrProbabilities(options, "probabilities", (fromLogits, smoothing) => ({
    name: "binaryCrossentropy",
    target: likeOutput,
    build: (graph, output, target) =>
      graph.one(fromLogits ? pointwise.sigmoidCrossEntropy : pointwise.binaryCrossEntropy, [output, target], {
        smoothing,
      }),
    score(output, target) {
      const row = oneHot(target, output.length);
      return fromLogits
        ? loss.f32_sigmoid_cross_entropy(output, row, smoothing)
        : loss.f32_binary_cross_entropy(output, row, smoothing);
    },
  }));
}

/** A loss that is one op on (output, row of targets). */
const ofPairs = <A>(
  name: string,
  op: Op<A>,
  attrs: A,
  score: (output: Float32Array, target: ArrayLike<number>) => number,
): Loss => ({
  name,
  target: likeOutput,
  build: (graph, output, target) => graph.one(op, [output, target], attrs),
  score: (output, target) => score(output, oneHot(target, output.length)),
});

/** The mean of (output - target)^2 over the outputs of an image. */
export function meanSquaredError(...none: []): Loss {
  noArguments("meanSquaredError", none);
  return ofPairs("meanSquaredError", pointwise.meanSquaredError as Op<object>, {}, loss.f32_mean_squared_error);
}

/** The mean of |output - target|. */
export function meanAbsoluteError(...none: []): Loss {
  noArguments("meanAbsoluteError", none);
  return ofPairs("meanAbsoluteError", pointwise.meanAbsoluteError as Op<object>, {}, loss.f32_mean_absolute_error);
}

/** Quadratic near the target, linear from `delta` on. Keras: Huber(delta=1). */
export function huber(options: { delta?: number } = {}): Loss {
  knownOptions("huber", options, ["delta"]);
  const delta = number("delta", options.delta ?? 1, { above: 0 });
  return ofPairs("huber", pointwise.huber, { delta }, (output, target) => loss.f32_huber(output, target, delta));
}

/** sum target log(target / output) of probabilities. */
export function klDivergence(...none: []): Loss {
  noArguments("klDivergence", none);
  return ofPairs("klDivergence", pointwise.klDivergence as Op<object>, {}, loss.f32_kl_divergence);
}

/**
 * The entropy of the model's distribution, -sum p log p; targets are not read. From probabilities, or from logits
 * through a softmax.
 */
export function entropy(options: { fromLogits?: boolean } = {}): Loss {
  knownOptions("entropy", options, ["fromLogits"]);
  return logitsOrProbabilities(options, "distribution", fromLogits => ({
    name: "entropy",
    target: () => undefined,
    build: (graph, output) => graph.one(entropyOp, [fromLogits ? graph.one(softmax, [output]) : output]),
    score: output => loss.f32_entropy(fromLogits ? f32_softmax(output) : output),
  }));
}
