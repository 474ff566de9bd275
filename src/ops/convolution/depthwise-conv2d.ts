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
import { type DepthwiseGeometry, depthwiseScratch } from "../../kernels/table/f32-depthwise.ts";
import { isInt8, type Quantized } from "../quantized/int8-types.ts";
import { lowerConv2dInt8 } from "./conv2d-int8.ts";
import {
  convolutionArgs,
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
  inputGradientCost,
  inputGradientOp,
  lowerWeightGradient,
  type WeightGradient,
  weightGradientCost,
  weightGradientOp,
} from "./convolution.ts";
import type { Window } from "./window.ts";
import { windowFields } from "./window.ts";

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
  depthwiseConv2dWeightGradient: evaluateWeightGradient,
  depthwiseConv2dInputGradient: evaluateInputGradient,
} satisfies Record<string, Evaluate>;

export const gradient = {
  depthwiseConv2d: /* @__PURE__ */ convolutionGradient(depthwiseConv2dWeightGradient, depthwiseConv2dInputGradient),
} satisfies Record<string, Gradient | object>;

const numbers = (image: Shape, weight: Shape, y: Shape, window: DepthwiseConv2d): DepthwiseGeometry => ({
  ...geometry(image, weight, y, window),
  multiplier: weight[0]! / image[2]!,
});

export const lower = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>, c) {
    const [x, weight] = node.inputs;
    const image = x!.type.shape;
    if (isInt8(weight!.type)) {
      lowerConv2dInt8(node, image[2]!, c);
      return;
    }
    const g = numbers(image, weight!.type.shape, node.outputs[0]!.type.shape, node.attrs);
    c.each("f32_depthwise", { ...convolutionArgs(node, c, taps, depthwiseScratch(g)), ...g });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  depthwiseConv2dWeightGradient(node: Node<DepthwiseConv2d & WeightGradient>, c) {
    const [x, upstream] = node.inputs;
    const g = numbers(x!.type.shape, node.attrs.weight, upstream!.type.shape, node.attrs);
    lowerWeightGradient(node, c, taps, sums => {
      const scratch = c.scratch("padded image", depthwiseScratch(g));
      c.each("f32_depthwise_weight_gradient", { ...sums, ...g, scratch });
    });
  },
  depthwiseConv2dInputGradient(node: Node<DepthwiseConv2d & InputGradient>, c) {
    const [weight, upstream] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_depthwise_input_gradient", {
      dy: c.in(upstream!),
      weight: c.in(weight!, taps),
      dx: c.out(dx),
      ...numbers(node.attrs.image, weight!.type.shape, upstream!.type.shape, node.attrs),
    });
  },
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
