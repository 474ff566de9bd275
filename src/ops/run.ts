/** The tables a page needs to run a network: how forward ops are lowered, and how they like their operands. */
import type { Lower, Prefers, Refusal } from "../graph/meaning.ts";
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
import * as conv2d from "./convolution/conv2d.ts";
import * as dense from "./convolution/dense.ts";
import * as depthwiseConv2d from "./convolution/depthwise-conv2d.ts";
import * as conv2dMaxPool2d from "./fused/conv2d-max-pool2d.ts";
import * as conv2dReluMaxPool2d from "./fused/conv2d-relu-max-pool2d.ts";
import * as batchNormalization from "./normalization/batch-normalization.ts";
import * as dropout from "./normalization/dropout.ts";
import * as averagePool2d from "./pooling/average-pool2d.ts";
import * as maxPool2d from "./pooling/max-pool2d.ts";
import * as lookup from "./quantized/lookup.ts";
import * as quantize from "./quantized/quantize.ts";
import * as requantize from "./quantized/requantize.ts";
import * as broadcast from "./shape/broadcast.ts";
import * as concat from "./shape/concat.ts";
import * as constantPad from "./shape/constant-pad.ts";
import * as emit from "./shape/emit.ts";
import * as pad from "./shape/pad.ts";
import * as reshape from "./shape/reshape.ts";
import * as resizeBilinear from "./shape/resize-bilinear.ts";
import * as resizeNearest from "./shape/resize-nearest.ts";
import * as stridedSlice from "./shape/strided-slice.ts";
import * as transpose from "./shape/transpose.ts";
import * as mask from "./weight/mask.ts";

export const LOWER = {
  ...add.lower,
  ...averagePool2d.lower,
  ...batchNormalization.lower,
  ...broadcast.lower,
  ...clip.lower,
  ...concat.lower,
  ...constantPad.lower,
  ...conv2d.lower,
  ...conv2dMaxPool2d.lower,
  ...conv2dReluMaxPool2d.lower,
  ...dense.lower,
  ...depthwiseConv2d.lower,
  ...dropout.lower,
  ...elu.lower,
  ...emit.lower,
  ...hardSigmoid.lower,
  ...hardSwish.lower,
  ...leakyRelu.lower,
  ...logSoftmax.lower,
  ...lookup.lower,
  ...mask.lower,
  ...maximum.lower,
  ...maxPool2d.lower,
  ...mean.lower,
  ...minimum.lower,
  ...mul.lower,
  ...pad.lower,
  ...prelu.lower,
  ...quantize.lower,
  ...relu.lower,
  ...requantize.lower,
  ...rescale.lower,
  ...reshape.lower,
  ...resizeBilinear.lower,
  ...resizeNearest.lower,
  ...scale.lower,
  ...sigmoid.lower,
  ...softmax.lower,
  ...stridedSlice.lower,
  ...sub.lower,
  ...tanh.lower,
  ...transpose.lower,
} satisfies Record<string, Lower | Refusal>;

export const PREFERS = {
  ...add.prefers,
  ...clip.prefers,
  ...conv2d.prefers,
  ...conv2dMaxPool2d.prefers,
  ...conv2dReluMaxPool2d.prefers,
  ...dense.prefers,
  ...depthwiseConv2d.prefers,
  ...mask.prefers,
  ...maximum.prefers,
  ...minimum.prefers,
  ...mul.prefers,
  ...relu.prefers,
  ...sub.prefers,
} satisfies Record<string, Prefers>;
