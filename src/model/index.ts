/** Building networks: layers, `sequential` and `model`, and the class Model. */
export type { Activation } from "./activations.ts";
export { type BuildOptions, type InputOptions, input, type ModelOptions, model, sequential } from "./build.ts";
export type { GivenWeight, GivenWeights, NestedNumbers } from "./given-weights.ts";
export type { InitializerName, InitializerOption } from "./initializer-option.ts";
export type { Fans, Initializer } from "./initializers.ts";
/** Keras' initializers with options: `initializers.randomNormal({ stddev: 0.1 })`. */
export * as initializers from "./initializers.ts";
export type { Layer, LayerOptions, SymbolicTensor } from "./layer.ts";
export * from "./layers/activation.ts";
export { type Conv1dOptions, conv1d, type Padding1d } from "./layers/conv1d.ts";
export { type Conv2dTransposeOptions, conv2dTranspose } from "./layers/conv2d-transpose.ts";
export { type Conv2dOptions, conv2d, type DepthwiseConv2dOptions, depthwiseConv2d } from "./layers/convolution.ts";
export { type DenseOptions, dense } from "./layers/dense.ts";
export { dropout } from "./layers/dropout.ts";
export {
  add,
  average,
  type ConcatenateOptions,
  concatenate,
  maximum,
  minimum,
  multiply,
  subtract,
} from "./layers/merging.ts";
export {
  type BatchNormalizationOptions,
  batchNormalization,
  type LayerNormalizationOptions,
  layerNormalization,
  type RescalingOptions,
  rescaling,
} from "./layers/normalization.ts";
export {
  averagePool1d,
  averagePool2d,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  maxPool1d,
  maxPool2d,
  type Pool1dOptions,
  type PoolOptions,
} from "./layers/pooling.ts";
export { type SeparableConv2dOptions, separableConv2d } from "./layers/separable-conv2d.ts";
export {
  flatten,
  type ReshapeOptions,
  reshape,
  type UpSampling2dOptions,
  upSampling2d,
  type ZeroPadding2dOptions,
  zeroPadding2d,
} from "./layers/shaping.ts";
export { loadModel } from "./load-model.ts";
export { Model, type ModelParts, type TrainingHistory } from "./model.ts";
export type { Padding, Pads, Pair } from "./options.ts";
export { l1, l1l2, l2 } from "./regularizers.ts";
export type { Measured, MeasureOptions, Report, ReportParts, ReportRow } from "./report.ts";
export type { StepOptions } from "./steps.ts";
export type { ModelLayer } from "./summary.ts";
export type { Timed } from "./timing.ts";
export type { Weight, Weights } from "./weights.ts";
