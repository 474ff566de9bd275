/** The tables a page needs to run a network: how forward ops are lowered, and how they like their operands. */
import type { Lower, Prefers, Refusal } from "../graph/meaning.ts";
import * as add from "./add.ts";
import * as averagePool2d from "./average-pool2d.ts";
import * as batchNormalization from "./batch-normalization.ts";
import * as broadcast from "./broadcast.ts";
import * as clip from "./clip.ts";
import * as concat from "./concat.ts";
import * as constantPad from "./constant-pad.ts";
import * as conv2d from "./conv2d.ts";
import * as dense from "./dense.ts";
import * as depthwiseConv2d from "./depthwise-conv2d.ts";
import * as dropout from "./dropout.ts";
import * as elu from "./elu.ts";
import * as emit from "./emit.ts";
import * as conv2dMaxPool2d from "./fused/conv2d-max-pool2d.ts";
import * as conv2dReluMaxPool2d from "./fused/conv2d-relu-max-pool2d.ts";
import * as hardSigmoid from "./hard-sigmoid.ts";
import * as hardSwish from "./hard-swish.ts";
import * as leakyRelu from "./leaky-relu.ts";
import * as logSoftmax from "./log-softmax.ts";
import * as lookup from "./lookup.ts";
import * as maxPool2d from "./max-pool2d.ts";
import * as maximum from "./maximum.ts";
import * as mean from "./mean.ts";
import * as minimum from "./minimum.ts";
import * as mul from "./mul.ts";
import * as pad from "./pad.ts";
import * as prelu from "./prelu.ts";
import * as quantize from "./quantize.ts";
import * as relu from "./relu.ts";
import * as requantize from "./requantize.ts";
import * as rescale from "./rescale.ts";
import * as reshape from "./reshape.ts";
import * as resizeBilinear from "./resize-bilinear.ts";
import * as resizeNearest from "./resize-nearest.ts";
import * as scale from "./scale.ts";
import * as sigmoid from "./sigmoid.ts";
import * as softmax from "./softmax.ts";
import * as stridedSlice from "./strided-slice.ts";
import * as sub from "./sub.ts";
import * as tanh from "./tanh.ts";
import * as transpose from "./transpose.ts";
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
