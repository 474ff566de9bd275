/** The tables a page needs to run a network: how forward ops are lowered, and how they like their operands. */
import type { Lower, Prefers, Refusal } from "../graph/meaning.ts";
import * as add from "./add.ts";
import * as averagePool2d from "./average-pool2d.ts";
import * as conv2d from "./conv2d.ts";
import * as dense from "./dense.ts";
import * as emit from "./emit.ts";
import * as conv2dReluMaxPool2d from "./fused/conv2d-relu-max-pool2d.ts";
import * as depthwiseConv2d from "./depthwise-conv2d.ts";
import * as maxPool2d from "./max-pool2d.ts";
import * as range from "./range.ts";
import * as relu from "./relu.ts";
import * as rescale from "./rescale.ts";
import * as reshape from "./reshape.ts";

export const LOWER = {
  ...add.lower,
  ...averagePool2d.lower,
  ...conv2d.lower,
  ...conv2dReluMaxPool2d.lower,
  ...dense.lower,
  ...emit.lower,
  ...depthwiseConv2d.lower,
  ...maxPool2d.lower,
  ...range.lower,
  ...relu.lower,
  ...rescale.lower,
  ...reshape.lower,
} satisfies Record<string, Lower | Refusal>;

export const PREFERS = {
  ...add.prefers,
  ...conv2d.prefers,
  ...conv2dReluMaxPool2d.prefers,
  ...dense.prefers,
  ...depthwiseConv2d.prefers,
} satisfies Record<string, Prefers>;
