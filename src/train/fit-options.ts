/** Options and progress events of `fit`. */
import type { Source } from "../base/source.ts";
import type { Callback, StepHook } from "./callbacks.ts";
import type { Checkpoint, CheckpointJson } from "./checkpoint.ts";
import type { DistillationOptions } from "./distillation.ts";
import type { ClassWeight } from "./feed.ts";
import type { Progress } from "./history.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { LossName, MetricName, OptimizerName } from "./named.ts";
import type { Optimizer } from "./optimizers.ts";
import type { Regularizers } from "./step.ts";
import type { Validation } from "./validation.ts";

/** Options of `fit`; all are optional, unknown ones are a TypeError. */
export interface FitOptions extends DistillationOptions {
  /**
   * Number of epochs, in addition to those of an earlier `fit`. With `initialEpoch` or `resume`: the number of the last
   * epoch plus one, so that fewer are trained. Default 1.
   */
  epochs?: number;
  /** Rows per step. The last batch of an epoch has the rest. Default 32. */
  batchSize?: number;
  /** An optimizer or its name: "adam", "adamW", "rmsprop", "sgd". Default adam(). */
  optimizer?: Optimizer | OptimizerName;
  /**
   * A loss or its name, such as "mse". Default: sparse categorical cross-entropy for labels, mean squared error for
   * targets.
   */
  loss?: Loss | LossName;
  /** Metrics or their names, including those of losses. Default: accuracy for labels. */
  metrics?: readonly (Metric | MetricName)[];
  /** Shuffles the rows in every epoch; the order depends on seed and epoch alone. Default true. */
  shuffle?: boolean;
  /** An integer >= 0. Default 0. */
  seed?: number;
  /** Validation data, evaluated after every epoch: a data set, or `[x, y]`. */
  validation?: Validation;
  /** Alternative: this fraction of the rows, the last ones before shuffling, is used for validation. */
  validationSplit?: number;
  /** Weight of each class in the loss; multiplied with the data set's sample weights. Not applied to validation. */
  classWeight?: ClassWeight;
  /** The number of the first epoch. Default: the number after the last epoch of the previous `fit`, 0 for the first. */
  initialEpoch?: number;
  /** Penalties on weights, by their names. */
  regularizers?: Regularizers;
  callbacks?: readonly Callback[];
  hooks?: readonly StepHook[];
  /**
   * Ends the training after the current slice: the weights keep their values at that time, and the signal's reason (an
   * AbortError) is thrown.
   */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Maximum milliseconds between two turns of the event loop; a single step may take longer. Default 50. */
  slice?: number;
  /**
   * Lets the engine fuse products and sums, if it has relaxed SIMD. Faster (LeNet-5: 12 to 19 % on Node 24, Zen 3); the
   * same seed then gives the same bytes only on one engine and machine. Default false.
   */
  fast?: boolean;
  /**
   * Continues as if the training had not stopped: the other options must be the same. A checkpoint, its JSON, or a file
   * of `saveCheckpoint`: path, URL, Blob or bytes.
   */
  resume?: Checkpoint | CheckpointJson | Source;
  /**
   * Starts anew with the current weights: the optimizer, its schedule and the order of rows as in the first `fit`.
   * Default false.
   */
  restart?: boolean;
  /** 1: prints progress, on a terminal as a bar, elsewhere a line per epoch. Default 0. */
  verbose?: 0 | 1;
}

/** Names of the options. */
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
  "teacher",
  "temperature",
  "alpha",
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
