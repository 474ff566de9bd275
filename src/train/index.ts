/** Training and evaluation of graphs. */
export type { Callback, StepHook, StepValues, TrainingContext, TrainingState } from "./callbacks.ts";
export { type Checkpoint, type CheckpointJson, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
export { lossFor, metricsFor } from "./defaults.ts";
export type { DistillationOptions, Teacher } from "./distillation.ts";
export { type EvaluateOptions, evaluate } from "./evaluate.ts";
export type { ClassWeight } from "./feed.ts";
export { type Fitted, fit } from "./fit.ts";
export type { FitOptions } from "./fit-options.ts";
export { History, type Logs, type Progress } from "./history.ts";
export {
  binaryCrossentropy,
  type CrossEntropyOptions,
  categoricalCrossentropy,
  entropy,
  huber,
  klDivergence,
  type Loss,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
  type Target,
} from "./losses.ts";
export {
  accuracy,
  binaryAccuracy,
  confusionMatrix,
  type Metric,
  measured,
  perClassAccuracy,
  topK,
} from "./metrics.ts";
export type { LossName, MetricName, OptimizerName } from "./named.ts";
export {
  type AdamOptions,
  adam,
  adamW,
  type Optimizer,
  type OptimizerOptions,
  type RmspropOptions,
  rmsprop,
  type SgdOptions,
  sgd,
} from "./optimizers.ts";
export { progressBar, progressText } from "./progress-bar.ts";
export {
  type CosineDecayOptions,
  constant,
  cosineDecay,
  type ExponentialDecayOptions,
  exponentialDecay,
  type LearningRate,
  piecewiseConstant,
  type Schedule,
} from "./schedules.ts";
export { type ScoreOptions, score } from "./score.ts";
export type { Regularizer, Regularizers } from "./step.ts";
export { arrays, type Batches, type Scores, Trainer, type TrainerOptions } from "./trainer.ts";
export type { Validation } from "./validation.ts";
export {
  csvLogger,
  type EarlyStoppingOptions,
  earlyStopping,
  type Mode,
  type ModelCheckpointOptions,
  modelCheckpoint,
  type PlateauOptions,
  reduceLearningRateOnPlateau,
} from "./watchers.ts";
