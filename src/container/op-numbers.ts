/**
 * The ops a file may name, by number. A number is for ever: it is never given to another op, and what is usual for an op never changes;
 * an op that comes to mean something else gets a new number. Numbers below 16 take one byte in a file.
 *
 * Only ops of a network that runs, as it was built: training, masks and fake quantization are baked before saving, and what the
 * fusion pass makes is made again after loading.
 */
import { size } from "../base/shape.ts";
import type { Op } from "../graph/graph.ts";
import { add } from "../ops/add.ts";
import { averagePool2d } from "../ops/average-pool2d.ts";
import { batchNormalization } from "../ops/batch-normalization.ts";
import { broadcast } from "../ops/broadcast.ts";
import { clip } from "../ops/clip.ts";
import { concat } from "../ops/concat.ts";
import { constantPad } from "../ops/constant-pad.ts";
import { conv2d } from "../ops/conv2d.ts";
import { COORDINATES } from "../ops/coordinates.ts";
import { dense } from "../ops/dense.ts";
import { depthwiseConv2d } from "../ops/depthwise-conv2d.ts";
import { dropout } from "../ops/dropout.ts";
import { elu } from "../ops/elu.ts";
import { hardSigmoid } from "../ops/hard-sigmoid.ts";
import { hardSwish } from "../ops/hard-swish.ts";
import { leakyRelu } from "../ops/leaky-relu.ts";
import { logSoftmax } from "../ops/log-softmax.ts";
import { maxPool2d } from "../ops/max-pool2d.ts";
import { maximum } from "../ops/maximum.ts";
import { mean } from "../ops/mean.ts";
import { minimum } from "../ops/minimum.ts";
import { mul } from "../ops/mul.ts";
import { pad } from "../ops/pad.ts";
import { prelu } from "../ops/prelu.ts";
import { dequantize, quantize } from "../ops/quantize.ts";
import { relu } from "../ops/relu.ts";
import { requantize } from "../ops/requantize.ts";
import { rescale } from "../ops/rescale.ts";
import { reshape } from "../ops/reshape.ts";
import { resizeBilinear } from "../ops/resize-bilinear.ts";
import { ROUNDINGS, resizeNearest } from "../ops/resize-nearest.ts";
import { sigmoid } from "../ops/sigmoid.ts";
import { softmax } from "../ops/softmax.ts";
import { stridedSlice } from "../ops/strided-slice.ts";
import { sub } from "../ops/sub.ts";
import { tanh } from "../ops/tanh.ts";
import { transpose } from "../ops/transpose.ts";
import {
  choice,
  count,
  counts,
  flag,
  integers,
  list,
  never,
  type Parameter,
  real,
  type Stored,
  signedList,
} from "./stored.ts";

const FUSED = "an activation fused into its layer is not stored: store the graph as it was built";

const kernel = (shape: Parameter["shape"]): Parameter => ({ name: "kernel", shape, quantized: "channels" });

/** One number for each output of the weights before it. */
const bias: Parameter = { name: "bias", shape: ([, weight]) => [weight!.shape[0]!], quantized: "product" };

/** Checks that an op's fields are those of its attributes. */
const stored = <A>(entry: Stored<A>): Stored<A> => entry;

const window = {
  strides: counts<readonly [number, number]>(2, 1, [1, 1]),
  pads: integers<readonly [number, number, number, number]>(4, [0, 0, 0, 0]),
  dilations: counts<readonly [number, number]>(2, 1, [1, 1]),
};

/** One number for each channel. */
const perChannel = (name: string): Parameter => ({ name, shape: ([x]) => x!.shape.slice(-1), quantized: "channels" });

const pool = {
  size: counts<readonly [number, number]>(2, 1, [2, 2]),
  strides: counts<readonly [number, number]>(2, 1, [2, 2]),
  pads: window.pads,
  dilations: window.dilations,
  ceil: flag(false),
};

/** Usually twice as large. */
const resize = {
  size: counts<readonly [number, number]>(2, 1, ([x]) => [2 * (x!.shape[0] ?? 0), 2 * (x!.shape[1] ?? 0)]),
  coordinates: choice(COORDINATES),
};

/** An op of one image that has no attributes. */
const plain = (op: Op, inputs: 1 | 2 = 1): Stored =>
  stored({ op, inputs: [inputs, inputs], fields: {}, parameters: [] });

export const STORED = {
  1: stored({
    op: conv2d,
    inputs: [2, 3],
    fields: { ...window, groups: count(1, 1), relu: never(false, FUSED) },
    parameters: [kernel(([x], { groups }) => [0, 0, 0, (x!.shape[2] ?? 0) / groups]), bias],
  }),
  2: stored({
    op: dense,
    inputs: [2, 3],
    fields: { relu: never(false, FUSED) },
    parameters: [kernel(([x]) => [0, x!.shape[0] ?? 0]), bias],
  }),
  3: stored({
    op: maxPool2d,
    inputs: [1, 1],
    fields: pool,
    parameters: [],
  }),
  4: stored({ op: reshape, inputs: [1, 1], fields: { shape: list(1, ([x]) => [size(x!.shape)]) }, parameters: [] }),
  5: stored({ op: relu, inputs: [1, 1], fields: {}, parameters: [] }),
  6: stored({ op: clip, inputs: [1, 1], fields: { low: real(0), high: real(6) }, parameters: [] }),
  7: stored({ op: add, inputs: [2, 2], fields: {}, parameters: [] }),
  8: stored({
    op: averagePool2d,
    inputs: [1, 1],
    fields: { ...pool, countIncludePad: flag(false) },
    parameters: [],
  }),
  9: stored({
    op: depthwiseConv2d,
    inputs: [2, 3],
    fields: { ...window, relu: never(false, FUSED) },
    parameters: [kernel(() => [0, 0, 0, 1]), bias],
  }),
  10: plain(softmax),
  11: stored({ op: concat, inputs: [2, 65535], fields: { axis: count(0, 2) }, parameters: [] }),
  12: stored({ op: rescale, inputs: [1, 1], fields: { scale: real(1 / 255), offset: real(0) }, parameters: [] }),
  13: stored({ op: quantize, inputs: [1, 1], fields: {}, parameters: [] }),
  14: stored({ op: dequantize, inputs: [1, 1], fields: {}, parameters: [] }),
  16: stored({
    op: batchNormalization,
    inputs: [5, 5],
    fields: { epsilon: real(1e-3), momentum: real(0.99) },
    parameters: ["gamma", "beta", "moving_mean", "moving_variance"].map(perChannel),
  }),
  17: stored({ op: leakyRelu, inputs: [1, 1], fields: { alpha: real(0.3) }, parameters: [] }),
  18: stored({ op: elu, inputs: [1, 1], fields: { alpha: real(1) }, parameters: [] }),
  19: stored({
    op: prelu,
    inputs: [2, 2],
    fields: {},
    parameters: [{ name: "alpha", shape: ([x]) => x!.shape, quantized: "channels" }],
  }),
  20: plain(sigmoid),
  21: stored({ op: hardSigmoid, inputs: [1, 1], fields: { alpha: real(1 / 6), beta: real(0.5) }, parameters: [] }),
  22: plain(tanh),
  23: plain(hardSwish),
  24: plain(logSoftmax),
  25: plain(sub, 2),
  26: plain(mul, 2),
  27: stored({ op: pad, inputs: [1, 1], fields: { pads: integers(4, [1, 1, 1, 1] as const) }, parameters: [] }),
  28: stored({ op: dropout, inputs: [1, 1], fields: { rate: real(0.5) }, parameters: [] }),
  29: plain(minimum, 2),
  30: plain(maximum, 2),
  31: stored({ op: broadcast, inputs: [2, 2], fields: { shape: list(1) }, parameters: [] }),
  32: stored({ op: transpose, inputs: [1, 1], fields: { permutation: list(0) }, parameters: [] }),
  33: stored({
    op: stridedSlice,
    inputs: [1, 1],
    fields: { begin: list(0), strides: signedList(), shape: list(1) },
    parameters: [],
  }),
  34: stored({
    op: constantPad,
    inputs: [1, 1],
    fields: { before: list(0), after: list(0), value: real(0) },
    parameters: [],
  }),
  35: stored({ op: mean, inputs: [1, 1], fields: { axes: list(0), keepDims: flag(false) }, parameters: [] }),
  36: stored({
    op: resizeNearest,
    inputs: [1, 1],
    fields: { ...resize, rounding: choice(ROUNDINGS) },
    parameters: [],
  }),
  37: stored({ op: resizeBilinear, inputs: [1, 1], fields: resize, parameters: [] }),
  38: stored({ op: requantize, inputs: [1, 1], fields: { exact: flag(false) }, parameters: [] }),
} as const;
