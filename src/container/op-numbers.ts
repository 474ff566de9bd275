/**
 * The ops a file may name, by number. A number is for ever: it is never given to another op, and what is usual for an op never changes;
 * an op that comes to mean something else gets a new number. Numbers below 16 take one byte in a file.
 *
 * Only ops of a network that runs, as it was built: training, masks and fake quantization are baked before saving, and what the
 * fusion pass makes is made again after loading.
 */
import { type Shape, size } from "../base/shape.ts";
import type { Op, Role, Type } from "../graph/graph.ts";
import { clip } from "../ops/activation/clip.ts";
import { elu } from "../ops/activation/elu.ts";
import { hardSigmoid } from "../ops/activation/hard-sigmoid.ts";
import { hardSwish } from "../ops/activation/hard-swish.ts";
import { leakyRelu } from "../ops/activation/leaky-relu.ts";
import { logSoftmax } from "../ops/activation/log-softmax.ts";
import { prelu } from "../ops/activation/prelu.ts";
import { relu } from "../ops/activation/relu.ts";
import { sigmoid } from "../ops/activation/sigmoid.ts";
import { softmax } from "../ops/activation/softmax.ts";
import { tanh } from "../ops/activation/tanh.ts";
import { add } from "../ops/arithmetic/add.ts";
import { maximum } from "../ops/arithmetic/maximum.ts";
import { mean } from "../ops/arithmetic/mean.ts";
import { minimum } from "../ops/arithmetic/minimum.ts";
import { mul } from "../ops/arithmetic/mul.ts";
import { rescale } from "../ops/arithmetic/rescale.ts";
import { scale } from "../ops/arithmetic/scale.ts";
import { sub } from "../ops/arithmetic/sub.ts";
import { conv2d } from "../ops/convolution/conv2d.ts";
import { dense } from "../ops/convolution/dense.ts";
import { depthwiseConv2d } from "../ops/convolution/depthwise-conv2d.ts";
import { batchNormalization } from "../ops/normalization/batch-normalization.ts";
import { dropout } from "../ops/normalization/dropout.ts";
import { averagePool2d } from "../ops/pooling/average-pool2d.ts";
import { maxPool2d } from "../ops/pooling/max-pool2d.ts";
import { lookup } from "../ops/quantized/lookup.ts";
import { dequantize, quantize } from "../ops/quantized/quantize.ts";
import { requantize } from "../ops/quantized/requantize.ts";
import { broadcast } from "../ops/shape/broadcast.ts";
import { concat } from "../ops/shape/concat.ts";
import { constantPad } from "../ops/shape/constant-pad.ts";
import { COORDINATES } from "../ops/shape/coordinates.ts";
import { pad } from "../ops/shape/pad.ts";
import { reshape } from "../ops/shape/reshape.ts";
import { resizeBilinear } from "../ops/shape/resize-bilinear.ts";
import { ROUNDINGS, resizeNearest } from "../ops/shape/resize-nearest.ts";
import { stridedSlice } from "../ops/shape/strided-slice.ts";
import { transpose } from "../ops/shape/transpose.ts";
import { count, type Fields, index, type Parameter, real, type Stored, signed } from "./stored.ts";

const stored = <A>(
  op: Op<A>,
  inputs: Stored["inputs"],
  fields: Fields<A>,
  parameters: readonly Parameter<A>[] = [],
): Stored<A> => ({ op, inputs, fields, parameters });

const ONE = [1, 1] as const;
const TWO = [2, 2] as const;
const WITH_BIAS_OR_WITHOUT = [2, 3] as const;

const kernel = (shape: Parameter["shape"]): Parameter => ({ name: "kernel", role: "weight", shape });

/** One number for each output of the weights before it. */
const bias: Parameter = { name: "bias", role: "bias", shape: ([, weight]) => [weight!.shape[0]!], product: true };

/** One number for each channel. */
const perChannel = (name: string, role: Role, standIn?: string): Parameter => ({
  name,
  role,
  shape: ([x]) => x!.shape.slice(-1),
  ...(standIn && { standIn }),
});

const window = {
  strides: { of: count, usual: [1, 1] },
  pads: { of: signed, usual: [0, 0, 0, 0] },
  dilations: { of: count, usual: [1, 1] },
} as const;

const pool = {
  size: { of: count, usual: [2, 2] },
  strides: { of: count, usual: [2, 2] },
  pads: window.pads,
  dilations: window.dilations,
  ceil: { usual: false },
} as const;

const resize = {
  size: { of: count, usual: ({ shape }: Type) => [2 * shape[0]!, 2 * shape[1]!] as const },
  coordinates: { of: COORDINATES, usual: COORDINATES[0] },
};

/** Of affine coordinates alone. */
const affine = {
  scales: { of: real, usual: [1, 1] as const },
  shifts: { of: real, usual: [0, 0] as const },
  offsets: { of: real, usual: [0, 0] as const },
};

const sizes = { of: count };
const places = { of: index };

export const STORED = {
  1: stored(conv2d, WITH_BIAS_OR_WITHOUT, { ...window, groups: { of: count, usual: 1 } }, [
    kernel(([x], { groups }) => [0, 0, 0, x!.shape[2]! / groups]),
    bias,
  ]),
  2: stored(dense, WITH_BIAS_OR_WITHOUT, {}, [kernel(([x]) => [0, x!.shape[0]!]), bias]),
  3: stored(maxPool2d, ONE, pool),
  4: stored(reshape, ONE, { shape: { of: count, usual: ({ shape }: Type): Shape => [size(shape)] } }),
  5: stored(relu, ONE, {}),
  6: stored(clip, ONE, { low: { of: real, usual: 0 }, high: { of: real, usual: 6 } }),
  7: stored(add, TWO, {}),
  8: stored(averagePool2d, ONE, { ...pool, countIncludePad: { usual: false } }),
  9: stored(depthwiseConv2d, WITH_BIAS_OR_WITHOUT, window, [kernel(() => [0, 0, 0, 1]), bias]),
  10: stored(softmax, ONE, {}),
  11: stored(concat, [2, Infinity], { axis: { of: index, usual: 2 } }),
  12: stored(rescale, ONE, { scale: { of: real, usual: 1 / 255 }, offset: { of: real, usual: 0 } }),
  13: stored(quantize, ONE, {}),
  14: stored(dequantize, ONE, {}),
  16: stored(batchNormalization, [5, 5], { epsilon: { of: real, usual: 1e-3 }, momentum: { of: real, usual: 0.99 } }, [
    perChannel("gamma", "weight", "ones"),
    perChannel("beta", "bias", "zeros"),
    perChannel("moving_mean", "statistic"),
    perChannel("moving_variance", "statistic"),
  ]),
  17: stored(leakyRelu, ONE, { alpha: { of: real, usual: 0.3 } }),
  18: stored(elu, ONE, { alpha: { of: real, usual: 1 } }),
  19: stored(prelu, TWO, {}, [{ name: "alpha", role: "weight", shape: ([x]) => x!.shape }]),
  20: stored(sigmoid, ONE, {}),
  21: stored(hardSigmoid, ONE, { alpha: { of: real, usual: 1 / 6 }, beta: { of: real, usual: 0.5 } }),
  22: stored(tanh, ONE, {}),
  23: stored(hardSwish, ONE, {}),
  24: stored(logSoftmax, ONE, {}),
  25: stored(sub, TWO, {}),
  26: stored(mul, TWO, {}),
  27: stored(pad, ONE, { pads: { of: signed, usual: [1, 1, 1, 1] } }),
  28: stored(dropout, ONE, { rate: { of: real, usual: 0.5 } }),
  29: stored(minimum, TWO, {}),
  30: stored(maximum, TWO, {}),
  31: stored(broadcast, TWO, { shape: sizes }),
  32: stored(transpose, ONE, { permutation: places }),
  33: stored(stridedSlice, ONE, { begin: places, strides: { of: signed }, shape: sizes }),
  34: stored(constantPad, ONE, { before: places, after: places, value: { of: real, usual: 0 } }),
  35: stored(mean, ONE, { axes: places, keepDims: { usual: false } }),
  36: stored(resizeNearest, ONE, { ...resize, rounding: { of: ROUNDINGS, usual: ROUNDINGS[0] }, ...affine }),
  37: stored(resizeBilinear, ONE, { ...resize, ...affine }),
  38: stored(requantize, ONE, {}),
  39: stored(lookup, TWO, {}, [{ name: "table", role: "constant", shape: () => [1, 256] }]),
  40: stored(scale, ONE, { scale: { of: real, usual: -1 } }),
} as const;
