/**
 * The reader of each operator of TensorFlow Lite: the ops of a graph that replace it. Fused activations become clamp
 * nodes of their own: rounding and clamping are monotone, so both give the same int8 bytes.
 */
import { exp as expOf, log as logOf } from "../../base/math.ts";
import { elu } from "../../ops/activation/elu.ts";
import { hardSwish } from "../../ops/activation/hard-swish.ts";
import { sigmoid } from "../../ops/activation/sigmoid.ts";
import { tanh } from "../../ops/activation/tanh.ts";
import { add } from "../../ops/arithmetic/add.ts";
import { exp } from "../../ops/arithmetic/exp.ts";
import { log } from "../../ops/arithmetic/log.ts";
import { maximum } from "../../ops/arithmetic/maximum.ts";
import { minimum } from "../../ops/arithmetic/minimum.ts";
import { mul } from "../../ops/arithmetic/mul.ts";
import { rsqrt } from "../../ops/arithmetic/rsqrt.ts";
import { sqrt } from "../../ops/arithmetic/sqrt.ts";
import { sub } from "../../ops/arithmetic/sub.ts";
import { absoluteTable, hardSwishTable, rsqrtTable, sqrtTable } from "./int8-tables.ts";
import type { OperatorReader } from "./operator-context.ts";
import { clamp } from "./operators/activation.ts";
import { batchToSpace, spaceToBatch } from "./operators/blocks.ts";
import { convolution, fullyConnected, matrixProduct, transposedConvolution } from "./operators/convolutions.ts";
import {
  absolute,
  composed,
  gelus,
  leakyRelus,
  logarithmic,
  negative,
  prelus,
  real,
  soft,
  square,
  tabled,
  unary,
} from "./operators/functions.ts";
import { unitLength } from "./operators/normalization.ts";
import { division, pair, squaredDifference, sumOf } from "./operators/pairs.ts";
import { largestOfWindows, meanOfWindows } from "./operators/pools.ts";
import { densify, dequantizing, quantizing } from "./operators/quantization.ts";
import {
  blocksOfDepth,
  broadcasting,
  concatenation,
  equalParts,
  gather,
  givenParts,
  mirroring,
  packing,
  padding,
  reversing,
  slice,
  splitting,
  stridedSlicing,
  tiling,
  transposing,
  unpacking,
} from "./operators/rearrangements.ts";
import { greatest, least, meanOf, total } from "./operators/reductions.ts";
import { bilinear, nearest } from "./operators/resizing.ts";
import { cast, expandDims, productOf, reshaping, shapeOf, squeeze } from "./operators/shapes.ts";
import type { OperatorName } from "./schema.ts";

export const READERS: Readonly<Record<string, OperatorReader>> = {
  ABS: composed(absolute, absoluteTable),
  ADD: pair(add, 0),
  ADD_N: sumOf(add),
  AVERAGE_POOL_2D: meanOfWindows,
  BATCH_MATMUL: matrixProduct,
  BATCH_TO_SPACE_ND: batchToSpace,
  BROADCAST_TO: broadcasting,
  CAST: cast,
  CONCATENATION: concatenation,
  CONV_2D: convolution(false),
  DENSIFY: densify,
  DEPTHWISE_CONV_2D: convolution(true),
  DEPTH_TO_SPACE: blocksOfDepth(true),
  DEQUANTIZE: dequantizing,
  DIV: division,
  ELU: unary(elu, () => ({ alpha: 1 })),
  EXP: tabled(exp, () => ({}), expOf),
  EXPAND_DIMS: expandDims,
  FLOOR_DIV: division,
  FULLY_CONNECTED: fullyConnected,
  GATHER: gather,
  GELU: gelus,
  HARD_SWISH: composed((s, x) => s.add(hardSwish, [x], {}), hardSwishTable),
  LEAKY_RELU: leakyRelus,
  L2_NORMALIZATION: unitLength,
  LOG: tabled(
    log,
    () => ({}),
    x => (x > 0 ? logOf(x) : -Infinity),
  ),
  LOGISTIC: unary(sigmoid, () => ({})),
  LOG_SOFTMAX: logarithmic,
  MAXIMUM: pair(maximum, undefined),
  MAX_POOL_2D: largestOfWindows,
  MEAN: meanOf,
  MINIMUM: pair(minimum, undefined),
  MIRROR_PAD: mirroring,
  MUL: pair(mul, 0),
  NEG: composed(negative, undefined),
  PACK: packing,
  PAD: padding(false),
  PADV2: padding(true),
  PRELU: prelus,
  QUANTIZE: quantizing,
  REDUCE_MAX: greatest,
  REDUCE_MIN: least,
  REDUCE_PROD: productOf,
  RELU: clamp(0, Infinity),
  RELU6: clamp(0, 6),
  RELU_0_TO_1: clamp(0, 1),
  RELU_N1_TO_1: clamp(-1, 1),
  RESHAPE: reshaping,
  RESIZE_BILINEAR: bilinear,
  RESIZE_NEAREST_NEIGHBOR: nearest,
  REVERSE_V2: reversing,
  RSQRT: composed(real(rsqrt), rsqrtTable),
  SHAPE: shapeOf,
  SLICE: slice,
  SOFTMAX: soft,
  SPACE_TO_BATCH_ND: spaceToBatch,
  SPACE_TO_DEPTH: blocksOfDepth(false),
  SPLIT: splitting(0, 1, equalParts),
  SPLIT_V: splitting(2, 0, givenParts),
  SQRT: composed(real(sqrt), sqrtTable),
  SQUARE: composed(square, undefined),
  SQUARED_DIFFERENCE: squaredDifference,
  SQUEEZE: squeeze,
  STRIDED_SLICE: stridedSlicing,
  SUB: pair(sub, 0),
  SUM: total,
  TANH: unary(tanh, () => ({})),
  TILE: tiling,
  TRANSPOSE: transposing,
  TRANSPOSE_CONV: transposedConvolution,
  UNPACK: unpacking,
} satisfies Partial<Record<OperatorName, OperatorReader>>;
