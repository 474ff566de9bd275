/** Making trained networks small: pruning, clustering, quantization, and how small they became. */
export type { WeightBits } from "../passes/quantize/weight-bits.ts";
export {
  type ActivationEffect,
  type ActivationKind,
  type ActivationLayer,
  type ActivationSelection,
  type ClipActivationsOptions,
  clipActivations,
  type SwapActivationOptions,
  swapActivation,
} from "./activations.ts";
export { type Analysis, analyze, analyzeFile, type LayerAnalysis } from "./analyze.ts";
export { type CalibrateOptions, calibrate } from "./calibrate.ts";
export type { Keep } from "./channel-budget.ts";
export type { ChannelLayer, ChannelLayerSelection } from "./channels.ts";
export { type ClusterWeightsOptions, clusterWeights, stripClustering } from "./cluster.ts";
export type { CentroidInit } from "./cluster-centroids.ts";
export { type DistinctValues, distinctValues, type TensorValues } from "./cluster-report.ts";
export {
  type ChangedAnswer,
  type ChangedAnswers,
  type Compared,
  type CompareOptions,
  type Comparison,
  compare,
} from "./compare.ts";
export type { Criterion, CriterionName, ScoreFunction, WeightToScore } from "./criteria.ts";
export { toFloat16 } from "./float16.ts";
export { type GateOptions, gate } from "./gate.ts";
export type { Granularity, NOfM, Pooling } from "./granularity.ts";
export type { Errors, LayerError } from "./layer-errors.ts";
export type { LayerSelection, PrunableLayer } from "./masks.ts";
export { type PruneChoice, type PruneOptions, prune, sparsity, stripPruning } from "./prune.ts";
export { type PruneLowMagnitudeOptions, pruneLowMagnitude } from "./prune-low-magnitude.ts";
export { type PruneOnceOptions, pruneOnce } from "./prune-once.ts";
export {
  type LayerQuantization,
  type QuantizationReport,
  type QuantizationReportOptions,
  quantizationReport,
} from "./quantization-report.ts";
export {
  type Exclusion,
  type QuantizeDynamicOptions,
  type QuantizeStaticOptions,
  quantizeDynamic,
  quantizeStatic,
} from "./quantize.ts";
export { type QuantizeModelOptions, quantizeModel } from "./quantize-model.ts";
export type { GivenRanges, RangeMethod } from "./ranges.ts";
export { rewind } from "./rewind.ts";
export { type RiglOptions, rigl } from "./rigl.ts";
export {
  type AutomatedGradualPruningOptions,
  automatedGradualPruning,
  type ConstantSparsityOptions,
  constantSparsity,
  type OneShotOptions,
  oneShot,
  type PolynomialDecayOptions,
  polynomialDecay,
  type SparsityFunction,
  type SparsitySchedule,
  type SparsityStep,
  type Steps,
} from "./schedules.ts";
export type { ScoredChannels, ScoreFunction as ChannelScoreFunction, ScoreName as ChannelScoreName } from "./scores.ts";
export type { Scope } from "./selection.ts";
export {
  type LayerSensitivity,
  type Sensitivity,
  type SensitivityOptions,
  type SensitivityPoint,
  type SensitivityTo,
  sensitivity,
} from "./sensitivity.ts";
export { simplify } from "./simplify.ts";
export { type SlimOptions, slim } from "./slim.ts";
export type { Sparsity, TensorSparsity } from "./sparsity.ts";
