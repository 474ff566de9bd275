/** Making trained networks small: pruning, quantization, and how small they became. */
export { type Analysis, analyze, analyzeFile, type LayerAnalysis } from "./analyze.ts";
export { type CalibrateOptions, calibrate } from "./calibrate.ts";
export {
  type ChangedAnswer,
  type ChangedAnswers,
  type Compared,
  type CompareOptions,
  type Comparison,
  compare,
} from "./compare.ts";
export type { Errors, LayerError } from "./layer-errors.ts";
export type { LayerSelection, PrunableLayer } from "./masks.ts";
export {
  type PruneOnceOptions,
  type PruneOptions,
  pruneLowMagnitude,
  pruneOnce,
  sparsity,
  stripPruning,
} from "./prune.ts";
export {
  type Exclusion,
  type QuantizeDynamicOptions,
  type QuantizeStaticOptions,
  quantizeDynamic,
  quantizeStatic,
} from "./quantize.ts";
export {
  type ConstantSparsityOptions,
  constantSparsity,
  type PolynomialDecayOptions,
  polynomialDecay,
  type SparsityFunction,
  type SparsitySchedule,
  type SparsityStep,
  type Steps,
} from "./schedules.ts";
export {
  type LayerSensitivity,
  type Sensitivity,
  type SensitivityOptions,
  type SensitivityPoint,
  type SensitivityTo,
  sensitivity,
} from "./sensitivity.ts";
export type { Sparsity, TensorSparsity } from "./sparsity.ts";
