import type { Shape } from "../../base/shape.ts";
import { indices, product } from "../../graph/axes.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers, Traits } from "../../graph/meaning.ts";
import { bias, count, kernel, type Stored } from "../../graph/stored.ts";
import { inputPanels, panels } from "../../kernels/layout.ts";
import { type Conv2dGeometry, conv2dInputGradientScratch, conv2dScratch } from "../../kernels/table/f32-conv2d.ts";
import { MODE } from "../../kernels/table/f32-gemm.ts";
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
import { lowerSparse } from "./sparse.ts";
import { type Window, windowFields } from "./window.ts";

export interface Conv2d extends Window, Quantized {
  groups: number;
  /** max(0, y), fused in by the fusion pass; int8 only. */
  relu?: boolean;
}

export const conv2d: Op<Conv2d> = {
  name: "conv2d",
  takes: convolutionOperands,
  infer: (inputs, attrs) => convolved(inputs, attrs, attrs.groups),
};

export const conv2dWeightGradient = /* @__PURE__ */ weightGradientOp<Conv2d>("conv2dWeightGradient");
export const conv2dInputGradient = /* @__PURE__ */ inputGradientOp<Conv2d>("conv2dInputGradient");

export const evaluate = {
  conv2d: evaluateConvolution,
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  conv2dWeightGradient: evaluateWeightGradient,
  conv2dInputGradient: evaluateInputGradient,
} satisfies Record<string, Evaluate>;

export const gradient = {
  conv2d: /* @__PURE__ */ convolutionGradient(conv2dWeightGradient, conv2dInputGradient),
} satisfies Record<string, Gradient | object>;

const KERNELS = {
  layout: panels,
  geometry: (image: Shape, weight: Shape, y: Shape, attrs: Conv2d) => ({
    ...geometry(image, weight, y, attrs),
    groups: attrs.groups,
  }),
  scratch: (g: Conv2dGeometry) => conv2dScratch(g),
};

export const lower = {
  conv2d(node: Node<Conv2d>, c) {
    const { groups } = node.attrs;
    if (lowerSparse(node, c, node.inputs[2] ? MODE.bias : MODE.plain, groups)) return;
    lowerConvolution(node, c, groups, KERNELS, args => c.each("f32_conv2d", args));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  conv2dWeightGradient: (node: Node<Conv2d & WeightGradient>, c) =>
    lowerWeightGradient(node, c, KERNELS, args => c.each("f32_conv2d_weight_gradient", args)),
  conv2dInputGradient(node: Node<Conv2d & InputGradient>, c) {
    const args = inputGradientArgs(node, c, KERNELS, inputPanels);
    const scratch = c.scratch("padded gradient", conv2dInputGradientScratch(args));
    c.each("f32_conv2d_input_gradient", { ...args, scratch });
  },
} satisfies Record<string, Lower>;

export const prefers = {
  conv2d: /* @__PURE__ */ convolutionPrefers(panels),
} satisfies Record<string, Prefers>;

export const prefersBackward = {
  conv2dInputGradient: (_, operand) => (operand === 0 ? panels : undefined),
} satisfies Record<string, Prefers>;

export const cost = {
  conv2d: forwardCost,
  conv2dWeightGradient: weightGradientCost,
  conv2dInputGradient: inputGradientCost,
} satisfies Record<string, CostOf>;

/** Whole groups may move, or the same channels of every group. */
export const axes = {
  conv2d(node: Node<Conv2d>) {
    const [out, , , inside] = node.inputs[1]!.type.shape as [number, number, number, number];
    const groups = indices(node.attrs.groups);
    const depth = indices(inside);
    const filters = product(groups, indices(out / node.attrs.groups));
    return {
      operands: convolutionAxes(node, product(groups, depth), filters, depth),
      attrs: size => ({ ...node.attrs, groups: size(groups) }),
    };
  },
} satisfies Record<string, Axes>;

export const traits = {
  conv2d: { int8: "kernel", kernel: "outputsLast" },
} satisfies Record<string, Traits>;

export const stored = {
  conv2d: {
    op: conv2d,
    number: 1,
    fields: { ...windowFields, groups: { of: count, usual: 1 } },
    parameters: [/* @__PURE__ */ kernel(([x], { groups }) => [0, 0, 0, x!.shape[2]! / groups]), bias],
  },
} satisfies Record<string, Stored>;
