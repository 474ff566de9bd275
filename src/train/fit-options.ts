/** What `fit` is told, and what it tells while it works. */
import type { Source } from "../base/source.ts";
import type { Callback, StepHook } from "./callbacks.ts";
import type { Checkpoint, CheckpointJson } from "./checkpoint.ts";
import type { ClassWeight } from "./feed.ts";
import type { Progress } from "./history.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { LossName, MetricName, OptimizerName } from "./named.ts";
import type { Optimizer } from "./optimizers.ts";
import type { Regularizers } from "./step.ts";
import type { Validation } from "./validation.ts";

/** All may be left out; an unknown one is a TypeError. */
export interface FitOptions {
  /**
   * How many are trained, after those of the `fit` before. With `initialEpoch` or `resume`: the number of the last one
   * plus one, so that fewer are trained. Default 1.
   */
  epochs?: number;
  /** Rows a step. The last batch of an epoch holds what is left. Default 32. */
  batchSize?: number;
  /** Or its name: "adam", "adamW", "rmsprop", "sgd". Default adam(). */
  optimizer?: Optimizer | OptimizerName;
  /**
   * Or its name, such as "mse". Default: sparse categorical cross-entropy for labels, mean squared error for targets.
   */
  loss?: Loss | LossName;
  /** Or their names, those of losses too. Default: accuracy where the data set has labels. */
  metrics?: readonly (Metric | MetricName)[];
  /** A new order in every epoch, which depends on seed and epoch alone. Default true. */
  shuffle?: boolean;
  /** An integer >= 0. Default 0. */
  seed?: number;
  /** Measured after every epoch: a data set, or `[x, y]`. */
  validation?: Validation;
  /** Instead: this share of the rows, the last ones as they come, is kept for validation. */
  validationSplit?: number;
  /**
   * How much each class counts in the loss; multiplied with the data set's sample weights. Not applied to validation.
   */
  classWeight?: ClassWeight;
  /** The number of the first epoch. Default: that behind the last epoch of the `fit` before, 0 of the first. */
  initialEpoch?: number;
  /** Penalties on weights, by their names. */
  regularizers?: Regularizers;
  callbacks?: readonly Callback[];
  hooks?: readonly StepHook[];
  /**
   * Ends the training after the slice it is in: the weights stay as they are then, and the signal's reason (an
   * AbortError) is thrown.
   */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Milliseconds between two turns of the event loop, at most; a single step may take longer. Default 50. */
  slice?: number;
  /**
   * May the engine fuse products and sums, where it has relaxed SIMD? Faster (LeNet-5: 12 to 19 % on Node 24, Zen 3);
   * the same seed then gives the same bytes on one engine and machine only. Default false.
   */
  fast?: boolean;
  /**
   * Goes on from there as if the training had not stopped: the other options must be as they were. A checkpoint, its
   * JSON, or a file of `saveCheckpoint`: path, URL, Blob or bytes.
   */
  resume?: Checkpoint | CheckpointJson | Source;
  /**
   * Begins anew, with the weights as they are: the optimizer, its schedule and the order of rows as in the first `fit`.
   * Default false.
   */
  restart?: boolean;
  /** 1: tells how far it is, on a terminal by a bar, elsewhere by a line an epoch. Default 0. */
  verbose?: 0 | 1;
}

/** Their names. */
export const FIT_OPTIONS = [
  "epochs",
  "batchSize",
  "optimizer",
  "loss",
  "metrics",
  "shuffle",
  "seed",
  "validation",
  "validationSplit",
  "classWeight",
  "initialEpoch",
  "regularizers",
  "callbacks",
  "hooks",
  "signal",
  "onProgress",
  "slice",
  "fast",
  "resume",
  "restart",
  "verbose",
] as const satisfies readonly (keyof FitOptions)[];
