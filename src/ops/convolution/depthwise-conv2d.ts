/**
 * depthwiseConv2d(x [h, w, in], weight [out, kh, kw, 1], bias [out]?) -> [oh, ow, out].
 * Int8 weights make it static (int8 x, i32 bias) or dynamic (float x): see int8-types.ts.
 * Output channel o reads input channel floor(o / (out / in)) alone; out / in is Keras' depth multiplier.
 */
import type { Shape } from "../../base/shape.ts";
import { fixed, indices, product } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { bias, kernel, type Stored } from "../../graph/stored.ts";
import { taps } from "../../kernels/layout.ts";
import { depthwiseScratch } from "../../kernels/table/f32-depthwise.ts";
import type { Quantized } from "../quantized/int8-types.ts";
import {
  convolutionAxes,
  convolutionGradient,
  convolutionOperands,
  convolutionPrefers,
  convolved,
  evaluateConvolution,
  evaluateInputGradient,
  evaluateWeightGradient,
  forwardCost,
  geometry,
  type InputGradient,
  inputGradientArgs,
  inputGradientCost,
  inputGradientOp,
  lowerConvolution,
  lowerWeightGradient,
  type WeightGradient,
  weightGradientCost,
  weightGradientOp,
} from "./convolution.ts";
import { type Window, windowFields } from "./window.ts";

export interface DepthwiseConv2d extends Window, Quantized {
  /** max(0, y), fused in by the fusion pass; int8 only. */
  relu?: boolean;
}

export const depthwiseConv2d: Op<DepthwiseConv2d> = {
  name: "depthwiseConv2d",
  takes: convolutionOperands,
  infer: (inputs, attrs) => convolved(inputs, attrs, inputs[0]!.shape[2]!),
};

export const depthwiseConv2dWeightGradient = /* @__PURE__ */ weightGradientOp<DepthwiseConv2d>(
  "depthwiseConv2dWeightGradient",
);
export const depthwiseConv2dInputGradient =
  /* @__PURE__ */ inputGradientOp<DepthwiseConv2d>("depthwiseConv2dInputGradient");

export const evaluate = {
  depthwiseConv2d: evaluateConvolution,
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  depthwiseConv2dWeightGradient: evaluateWeightGradient,
  depthwiseConv2dInputGradient: evaluateInputGradient,
} satisfies Record<string, Evaluate>;

export const gradient = {
  depthwiseConv2d: /* @__PURE__ */ convolutionGradient(depthwiseConv2dWeightGradient, depthwiseConv2dInputGradient),
} satisfies Record<string, Gradient | object>;

const KERNELS = {
  layout: taps,
  geometry: (image: Shape, weight: Shape, y: Shape, window: Window) => ({
    ...geometry(image, weight, y, window),
    multiplier: weight[0]! / image[2]!,
  }),
  scratch: depthwiseScratch,
};

export const lower = {
  depthwiseConv2d: (node: Node<DepthwiseConv2d>, c) =>
    lowerConvolution(node, c, node.inputs[0]!.type.shape[2]!, KERNELS, args => c.each("f32_depthwise", args)),
} satisfies Record<string, Lower>;

export const lowerBackward = {
  depthwiseConv2dWeightGradient: (node: Node<DepthwiseConv2d & WeightGradient>, c) =>
    lowerWeightGradient(node, c, KERNELS, args => c.each("f32_depthwise_weight_gradient", args)),
  depthwiseConv2dInputGradient: (node: Node<DepthwiseConv2d & InputGradient>, c) =>
    c.each("f32_depthwise_input_gradient", inputGradientArgs(node, c, KERNELS, taps)),
} satisfies Record<string, Lower>;

export const prefers = {
  depthwiseConv2d: /* @__PURE__ */ convolutionPrefers(taps),
} satisfies Record<string, Prefers>;

export const prefersBackward = {
  depthwiseConv2dInputGradient: (_, operand) => (operand === 0 ? taps : undefined),
} satisfies Record<string, Prefers>;

export const cost = {
  depthwiseConv2d: forwardCost,
  depthwiseConv2dWeightGradient: weightGradientCost,
  depthwiseConv2dInputGradient: inputGradientCost,
} satisfies Record<string, CostOf>;

/** A channel moves with all outputs made of it; or the same output of every channel moves. */
export const axes = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>) {
    const channels = indices(node.inputs[0]!.type.shape[2]!);
    const multiplier = indices(node.inputs[1]!.type.shape[0]! / channels.size);
    return { operands: convolutionAxes(node, channels, product(channels, multiplier), fixed(1)) };
  },
} satisfies Record<string, Axes>;

export const traits = {
  depthwiseConv2d: { int8: "kernel", kernel: "multiplierLast" },
} satisfies Record<string, Traits>;

export const stored = {
  depthwiseConv2d: {
    op: depthwiseConv2d,
    number: 9,
    fields: windowFields,
    parameters: [/* @__PURE__ */ kernel(() => [0, 0, 0, 1]), bias],
  },
} satisfies Record<string, Stored>;
