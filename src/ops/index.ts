/** All tables. A missing meaning of an op is a compile error; an impossible one is `refuse("reason")` in the op's file. */
import type { Tensor } from "../base/tensor.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { Axes, Bake, CostOf, Evaluate, Gradient, Lower, Prefers, Refusal } from "../graph/meaning.ts";
import * as clip from "./activation/clip.ts";
import * as elu from "./activation/elu.ts";
import * as hardSigmoid from "./activation/hard-sigmoid.ts";
import * as hardSwish from "./activation/hard-swish.ts";
import * as leakyRelu from "./activation/leaky-relu.ts";
import * as logSoftmax from "./activation/log-softmax.ts";
import * as prelu from "./activation/prelu.ts";
import * as relu from "./activation/relu.ts";
import * as sigmoid from "./activation/sigmoid.ts";
import * as softmax from "./activation/softmax.ts";
import * as tanh from "./activation/tanh.ts";
import * as add from "./arithmetic/add.ts";
import * as maximum from "./arithmetic/maximum.ts";
import * as mean from "./arithmetic/mean.ts";
import * as minimum from "./arithmetic/minimum.ts";
import * as mul from "./arithmetic/mul.ts";
import * as rescale from "./arithmetic/rescale.ts";
import * as scale from "./arithmetic/scale.ts";
import * as sub from "./arithmetic/sub.ts";
import * as where from "./arithmetic/where.ts";
import * as conv2d from "./convolution/conv2d.ts";
import * as dense from "./convolution/dense.ts";
import * as depthwiseConv2d from "./convolution/depthwise-conv2d.ts";
import * as conv2dMaxPool2d from "./fused/conv2d-max-pool2d.ts";
import * as conv2dReluMaxPool2d from "./fused/conv2d-relu-max-pool2d.ts";
import * as accuracy from "./loss/accuracy.ts";
import * as crossEntropy from "./loss/cross-entropy.ts";
import * as penalty from "./loss/penalty.ts";
import * as pointwiseLoss from "./loss/pointwise-loss.ts";
import * as share from "./loss/share.ts";
import * as softmaxCrossEntropy from "./loss/softmax-cross-entropy.ts";
import * as sparseSoftmaxCrossEntropy from "./loss/sparse-softmax-cross-entropy.ts";
import * as tally from "./loss/tally.ts";
import * as batchNormalization from "./normalization/batch-normalization.ts";
import * as dropout from "./normalization/dropout.ts";
import * as adam from "./optimizer/adam.ts";
import * as clipByNorm from "./optimizer/clip-by-norm.ts";
import * as rmsprop from "./optimizer/rmsprop.ts";
import * as sgd from "./optimizer/sgd.ts";
import * as averagePool2d from "./pooling/average-pool2d.ts";
import * as maxPool2d from "./pooling/max-pool2d.ts";
import * as lookup from "./quantized/lookup.ts";
import * as quantize from "./quantized/quantize.ts";
import * as range from "./quantized/range.ts";
import * as requantize from "./quantized/requantize.ts";
import { LOWER, PREFERS } from "./run.ts";
import * as broadcast from "./shape/broadcast.ts";
import * as concat from "./shape/concat.ts";
import * as constantPad from "./shape/constant-pad.ts";
import * as emit from "./shape/emit.ts";
import * as pad from "./shape/pad.ts";
import * as rearrange from "./shape/rearrange.ts";
import * as reshape from "./shape/reshape.ts";
import * as resizeBilinear from "./shape/resize-bilinear.ts";
import * as resizeNearest from "./shape/resize-nearest.ts";
import * as stridedSlice from "./shape/strided-slice.ts";
import * as transpose from "./shape/transpose.ts";
import * as mask from "./weight/mask.ts";

export const EVALUATE = {
  ...accuracy.evaluate,
  ...adam.evaluate,
  ...add.evaluate,
  ...averagePool2d.evaluate,
  ...batchNormalization.evaluate,
  ...clip.evaluate,
  ...clipByNorm.evaluate,
  ...conv2d.evaluate,
  ...conv2dMaxPool2d.evaluate,
  ...conv2dReluMaxPool2d.evaluate,
  ...crossEntropy.evaluate,
  ...dense.evaluate,
  ...depthwiseConv2d.evaluate,
  ...dropout.evaluate,
  ...elu.evaluate,
  ...emit.evaluate,
  ...hardSigmoid.evaluate,
  ...hardSwish.evaluate,
  ...leakyRelu.evaluate,
  ...logSoftmax.evaluate,
  ...lookup.evaluate,
  ...mask.evaluate,
  ...maxPool2d.evaluate,
  ...maximum.evaluate,
  ...minimum.evaluate,
  ...mul.evaluate,
  ...penalty.evaluate,
  ...pointwiseLoss.evaluate,
  ...prelu.evaluate,
  ...quantize.evaluate,
  ...range.evaluate,
  ...concat.evaluate,
  ...pad.evaluate,
  ...relu.evaluate,
  ...rescale.evaluate,
  ...reshape.evaluate,
  ...rmsprop.evaluate,
  ...scale.evaluate,
  ...sgd.evaluate,
  ...share.evaluate,
  ...sigmoid.evaluate,
  ...softmax.evaluate,
  ...softmaxCrossEntropy.evaluate,
  ...sparseSoftmaxCrossEntropy.evaluate,
  ...sub.evaluate,
  ...tally.evaluate,
  ...tanh.evaluate,
  ...where.evaluate,
  ...broadcast.evaluate,
  ...constantPad.evaluate,
  ...mean.evaluate,
  ...requantize.evaluate,
  ...resizeBilinear.evaluate,
  ...resizeNearest.evaluate,
  ...stridedSlice.evaluate,
  ...transpose.evaluate,
  ...rearrange.evaluate,
} satisfies Record<string, Evaluate>;

/** Every op there is. */
export type OpName = keyof typeof EVALUATE;

export const GRADIENT: Record<OpName, Gradient | Refusal> = {
  ...accuracy.gradient,
  ...adam.gradient,
  ...add.gradient,
  ...averagePool2d.gradient,
  ...batchNormalization.gradient,
  ...broadcast.gradient,
  ...clip.gradient,
  ...clipByNorm.gradient,
  ...concat.gradient,
  ...constantPad.gradient,
  ...conv2d.gradient,
  ...conv2dMaxPool2d.gradient,
  ...conv2dReluMaxPool2d.gradient,
  ...crossEntropy.gradient,
  ...dense.gradient,
  ...depthwiseConv2d.gradient,
  ...dropout.gradient,
  ...elu.gradient,
  ...emit.gradient,
  ...hardSigmoid.gradient,
  ...hardSwish.gradient,
  ...leakyRelu.gradient,
  ...logSoftmax.gradient,
  ...lookup.gradient,
  ...mask.gradient,
  ...maximum.gradient,
  ...maxPool2d.gradient,
  ...mean.gradient,
  ...minimum.gradient,
  ...mul.gradient,
  ...pad.gradient,
  ...penalty.gradient,
  ...pointwiseLoss.gradient,
  ...prelu.gradient,
  ...quantize.gradient,
  ...range.gradient,
  ...rearrange.gradient,
  ...relu.gradient,
  ...requantize.gradient,
  ...rescale.gradient,
  ...reshape.gradient,
  ...resizeBilinear.gradient,
  ...resizeNearest.gradient,
  ...rmsprop.gradient,
  ...scale.gradient,
  ...sgd.gradient,
  ...share.gradient,
  ...sigmoid.gradient,
  ...softmax.gradient,
  ...softmaxCrossEntropy.gradient,
  ...sparseSoftmaxCrossEntropy.gradient,
  ...stridedSlice.gradient,
  ...sub.gradient,
  ...tally.gradient,
  ...tanh.gradient,
  ...transpose.gradient,
  ...where.gradient,
};

export const TRAIN_LOWER: Record<OpName, Lower | Refusal> = {
  ...LOWER,
  ...accuracy.lowerBackward,
  ...adam.lowerBackward,
  ...averagePool2d.lowerBackward,
  ...batchNormalization.lowerBackward,
  ...clip.lowerBackward,
  ...clipByNorm.lowerBackward,
  ...conv2d.lowerBackward,
  ...conv2dMaxPool2d.lowerBackward,
  ...conv2dReluMaxPool2d.lowerBackward,
  ...crossEntropy.lowerBackward,
  ...dense.lowerBackward,
  ...depthwiseConv2d.lowerBackward,
  ...dropout.lowerBackward,
  ...elu.lowerBackward,
  ...hardSigmoid.lowerBackward,
  ...hardSwish.lowerBackward,
  ...leakyRelu.lowerBackward,
  ...logSoftmax.lowerBackward,
  ...lookup.lowerBackward,
  ...maxPool2d.lowerBackward,
  ...penalty.lowerBackward,
  ...pointwiseLoss.lowerBackward,
  ...prelu.lowerBackward,
  ...range.lowerBackward,
  ...quantize.lowerBackward,
  ...rearrange.lowerBackward,
  ...relu.lowerBackward,
  ...requantize.lowerBackward,
  ...resizeBilinear.lowerBackward,
  ...rmsprop.lowerBackward,
  ...sgd.lowerBackward,
  ...share.lowerBackward,
  ...sigmoid.lowerBackward,
  ...softmax.lowerBackward,
  ...softmaxCrossEntropy.lowerBackward,
  ...sparseSoftmaxCrossEntropy.lowerBackward,
  ...tally.lowerBackward,
  ...tanh.lowerBackward,
  ...where.lowerBackward,
};

export const TRAIN_PREFERS: Partial<Record<OpName, Prefers>> = {
  ...PREFERS,
  ...adam.prefers,
  ...rmsprop.prefers,
  ...sgd.prefers,
};

export const COST: Record<OpName, CostOf> = {
  ...accuracy.cost,
  ...adam.cost,
  ...add.cost,
  ...averagePool2d.cost,
  ...batchNormalization.cost,
  ...broadcast.cost,
  ...clip.cost,
  ...clipByNorm.cost,
  ...concat.cost,
  ...constantPad.cost,
  ...conv2d.cost,
  ...conv2dMaxPool2d.cost,
  ...conv2dReluMaxPool2d.cost,
  ...crossEntropy.cost,
  ...dense.cost,
  ...depthwiseConv2d.cost,
  ...dropout.cost,
  ...elu.cost,
  ...emit.cost,
  ...hardSigmoid.cost,
  ...hardSwish.cost,
  ...leakyRelu.cost,
  ...logSoftmax.cost,
  ...lookup.cost,
  ...mask.cost,
  ...maximum.cost,
  ...maxPool2d.cost,
  ...mean.cost,
  ...minimum.cost,
  ...mul.cost,
  ...pad.cost,
  ...penalty.cost,
  ...pointwiseLoss.cost,
  ...prelu.cost,
  ...quantize.cost,
  ...range.cost,
  ...rearrange.cost,
  ...relu.cost,
  ...requantize.cost,
  ...rescale.cost,
  ...reshape.cost,
  ...resizeBilinear.cost,
  ...resizeNearest.cost,
  ...rmsprop.cost,
  ...scale.cost,
  ...sgd.cost,
  ...share.cost,
  ...sigmoid.cost,
  ...softmax.cost,
  ...softmaxCrossEntropy.cost,
  ...sparseSoftmaxCrossEntropy.cost,
  ...stridedSlice.cost,
  ...sub.cost,
  ...tally.cost,
  ...tanh.cost,
  ...transpose.cost,
  ...where.cost,
};

export const AXES: Record<OpName, Axes | Refusal> = {
  ...accuracy.axes,
  ...adam.axes,
  ...add.axes,
  ...averagePool2d.axes,
  ...batchNormalization.axes,
  ...broadcast.axes,
  ...clip.axes,
  ...clipByNorm.axes,
  ...concat.axes,
  ...constantPad.axes,
  ...conv2d.axes,
  ...conv2dMaxPool2d.axes,
  ...conv2dReluMaxPool2d.axes,
  ...crossEntropy.axes,
  ...dense.axes,
  ...depthwiseConv2d.axes,
  ...dropout.axes,
  ...elu.axes,
  ...emit.axes,
  ...hardSigmoid.axes,
  ...hardSwish.axes,
  ...leakyRelu.axes,
  ...logSoftmax.axes,
  ...lookup.axes,
  ...mask.axes,
  ...maximum.axes,
  ...maxPool2d.axes,
  ...mean.axes,
  ...minimum.axes,
  ...mul.axes,
  ...pad.axes,
  ...penalty.axes,
  ...pointwiseLoss.axes,
  ...prelu.axes,
  ...quantize.axes,
  ...range.axes,
  ...rearrange.axes,
  ...relu.axes,
  ...requantize.axes,
  ...rescale.axes,
  ...reshape.axes,
  ...resizeBilinear.axes,
  ...resizeNearest.axes,
  ...rmsprop.axes,
  ...scale.axes,
  ...sgd.axes,
  ...share.axes,
  ...sigmoid.axes,
  ...softmax.axes,
  ...softmaxCrossEntropy.axes,
  ...sparseSoftmaxCrossEntropy.axes,
  ...stridedSlice.axes,
  ...sub.axes,
  ...tally.axes,
  ...tanh.axes,
  ...transpose.axes,
  ...where.axes,
};

/** Of the ops on weights' edges. */
export const BAKE: Readonly<Record<string, Bake>> = { ...mask.bake };

/** Computes `wanted` by the specification, node by node, in float64. `feed` gives each leaf its contents, images first where batched. */
export function evaluate(
  graph: Graph,
  feed: (leaf: Value) => Tensor,
  wanted: readonly Value[] = graph.results,
  rules: Readonly<Record<string, Evaluate>> = EVALUATE,
): Tensor[] {
  const known = new Map<Value, Tensor>();
  for (const leaf of graph.leaves) known.set(leaf, feed(leaf));
  for (const n of graph.nodes) {
    const types = { inputs: n.inputs.map(v => v.type), outputs: n.outputs.map(v => v.type) };
    const made = rules[n.op.name]!(
      n.inputs.map(v => known.get(v)!),
      n.attrs,
      types,
    );
    made.forEach((t, i) => known.set(n.outputs[i]!, t));
  }
  return wanted.map(v => known.get(v)!);
}
