/**
 * `penjing`: everything to build, train, shrink, save and load networks. Data sets are in `penjing/data`, networks that only run in `penjing/run`.
 *
 *     const { train, test } = await mnist();
 *     const model = lenet5({ seed: 1 });
 *     await model.fit(train, { epochs: 5, batchSize: 64, optimizer: adam(1e-3), validation: test });
 *     const small = await quantizeStatic(model, { calibration: train.take(512) });
 *     await small.save("digits.penjing");
 */

// ---------------------------------------------------------------- building

export {
  type Activation,
  activation,
  add,
  averagePool2d,
  type BatchNormalizationOptions,
  type BuildOptions,
  batchNormalization,
  type ConcatenateOptions,
  type Conv2dOptions,
  concatenate,
  conv2d,
  type DenseOptions,
  type DepthwiseConv2dOptions,
  dense,
  depthwiseConv2d,
  dropout,
  type EluOptions,
  elu,
  type Fans,
  flatten,
  type GivenWeight,
  type GivenWeights,
  globalAveragePool2d,
  type Initializer,
  type InitializerName,
  type InitializerOption,
  type InputOptions,
  initializers,
  input,
  type Layer,
  type LayerOptions,
  type LeakyReLUOptions,
  l1,
  l1l2,
  l2,
  leakyReLU,
  loadModel,
  Model,
  type ModelLayer,
  type ModelOptions,
  type ModelParts,
  maxPool2d,
  model,
  multiply,
  type NestedNumbers,
  type Padding,
  type Pads,
  type Pair,
  type PoolOptions,
  type PreluOptions,
  prelu,
  type ReluOptions,
  type ReshapeOptions,
  relu,
  reshape,
  type StepOptions,
  type SymbolicTensor,
  sequential,
  softmax,
  subtract,
  type TrainingHistory,
  type Weight,
  type Weights,
  type ZeroPadding2dOptions,
  zeroPadding2d,
} from "./model/index.ts";
export { autoencoder, caffeLenet5, dsCnn, lenet5, lenet300100, mobilenetV1, resnet8 } from "./models/index.ts";

// ---------------------------------------------------------------- training

export {
  type AdamOptions,
  accuracy,
  adam,
  adamW,
  arrays,
  type Batches,
  binaryAccuracy,
  binaryCrossentropy,
  type Callback,
  type Checkpoint,
  type CheckpointJson,
  type ClassWeight,
  type CosineDecayOptions,
  type CrossEntropyOptions,
  categoricalCrossentropy,
  confusionMatrix,
  constant,
  cosineDecay,
  csvLogger,
  type EarlyStoppingOptions,
  type EvaluateOptions,
  type ExponentialDecayOptions,
  earlyStopping,
  entropy,
  exponentialDecay,
  type FitOptions,
  History,
  huber,
  klDivergence,
  type LearningRate,
  type Logs,
  type Loss,
  lossFor,
  type Metric,
  type Mode,
  type ModelCheckpointOptions,
  meanAbsoluteError,
  meanSquaredError,
  modelCheckpoint,
  type Optimizer,
  type OptimizerOptions,
  type PlateauOptions,
  type Progress,
  perClassAccuracy,
  piecewiseConstant,
  type Regularizer,
  type RmspropOptions,
  readCheckpoint,
  reduceLearningRateOnPlateau,
  rmsprop,
  type Schedule,
  type Scores,
  type SgdOptions,
  type StepHook,
  sgd,
  sparseCategoricalCrossentropy,
  type Target,
  Trainer,
  type TrainerOptions,
  type TrainingContext,
  type TrainingState,
  topK,
  writeCheckpoint,
} from "./train/index.ts";

// ---------------------------------------------------------------- compression

export {
  type Analysis,
  analyze,
  analyzeFile,
  type ConstantSparsityOptions,
  constantSparsity,
  type Exclusion,
  type LayerAnalysis,
  type LayerSelection,
  type PolynomialDecayOptions,
  type PrunableLayer,
  type PruneOnceOptions,
  type PruneOptions,
  polynomialDecay,
  pruneLowMagnitude,
  pruneOnce,
  type QuantizeDynamicOptions,
  QuantizedModel,
  type QuantizeStaticOptions,
  quantizeDynamic,
  quantizeStatic,
  type Sparsity,
  type SparsityFunction,
  type SparsitySchedule,
  type SparsityStep,
  type Steps,
  sparsity,
  stripPruning,
  type TensorSparsity,
} from "./compress/index.ts";

// ---------------------------------------------------------------- looking inside

export type { Graph } from "./graph/graph.ts";
export { printGraph } from "./graph/print.ts";
export { printArena, printProgram } from "./plan/print.ts";

// ---------------------------------------------------------------- engines, files, errors

export { PenjingError } from "./base/errors.ts";
export type { Shape } from "./base/shape.ts";
export type { Source } from "./base/source.ts";
export type { Extras, Preprocessing, WriteOptions } from "./container/index.ts";
export { chooseVariant, forceVariant, type RelaxedDot, type Support, supported, type Variant } from "./kernels/load.ts";
export type { Net, NetOptions } from "./run/net.ts";
