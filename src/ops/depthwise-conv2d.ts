/**
 * depthwiseConv2d(x [h, w, in], weight [out, kh, kw, 1], bias [out]?) -> [oh, ow, out].
 * Int8 weights make it static (int8 x, i32 bias) or dynamic (float x): see quantized.ts.
 * Output channel o reads input channel floor(o / (out / in)) alone; out / in is Keras' depth multiplier.
 */
import { type Shape, showShape } from "../base/shape.ts";
import type { Node, Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { taps as tapsLayout } from "../kernels/layout.ts";
import { type DepthwiseGeometry, depthwiseScratch } from "../kernels/table/f32-depthwise.ts";
import { MODE } from "../kernels/table/f32-gemm.ts";
import { haloOf, lowerConv2dInt8 } from "./conv2d-int8.ts";
import {
  convolutionGradient,
  convolve,
  evaluateInputGradient,
  evaluateWeightGradient,
  forwardCost,
  type InputGradient,
  inputGradientCost,
  inputGradientOp,
  lowerWeightGradient,
  type WeightGradient,
  weightGradientCost,
  weightGradientOp,
} from "./convolution.ts";
import { noBackwardAxes, noSecondDerivative } from "./elementwise.ts";
import { evaluateWeighted, isInt8, type Quantized, storedLayout, weightedType } from "./quantized.ts";
import { type Window, windowed, windowGeometry } from "./window.ts";

export interface DepthwiseConv2d extends Window, Quantized {
  /** max(0, y), fused in by the fusion pass; int8 only. */
  relu?: boolean;
}

export const depthwiseConv2d: Op<DepthwiseConv2d> = {
  name: "depthwiseConv2d",
  infer([x, weight, bias], attrs) {
    const [out, kh, kw, one] = weight!.shape as [number, number, number, number];
    if (weight!.shape.length !== 4 || one !== 1)
      throw new RangeError(`expects weights out x kh x kw x 1, got ${showShape(weight!.shape)}`);
    const [oh, ow] = windowed(x!.shape, [kh, kw], attrs);
    if (out % x!.shape[2]!)
      throw new RangeError(
        `weights of ${showShape(weight!.shape)} are no multiple of the channels of images of ${showShape(x!.shape)}`,
      );
    if (bias && bias.shape[0] !== out)
      throw new RangeError(`a bias of ${showShape(bias.shape)} does not fit ${out} filters`);
    return [weightedType([oh, ow, out], x!, weight!, bias, attrs)];
  },
};

export const depthwiseConv2dWeightGradient = weightGradientOp<DepthwiseConv2d>("depthwiseConv2dWeightGradient");
export const depthwiseConv2dInputGradient = inputGradientOp<DepthwiseConv2d>("depthwiseConv2dInputGradient");

export const evaluate = {
  depthwiseConv2d: (inputs, attrs: DepthwiseConv2d, types) =>
    evaluateWeighted(inputs, attrs, types, real => convolve(real, attrs, types.outputs[0]!.shape)),
  depthwiseConv2dWeightGradient: evaluateWeightGradient,
  depthwiseConv2dInputGradient: evaluateInputGradient,
} satisfies Record<string, Evaluate>;

export const gradient = {
  depthwiseConv2d: convolutionGradient(depthwiseConv2dWeightGradient, depthwiseConv2dInputGradient),
  depthwiseConv2dWeightGradient: noSecondDerivative,
  depthwiseConv2dInputGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

const geometry = (image: Shape, weight: Shape, y: Shape, a: DepthwiseConv2d): DepthwiseGeometry => ({
  ...windowGeometry(image, [weight[1]!, weight[2]!], y, a),
  cin: image[2]!,
  multiplier: weight[0]! / image[2]!,
});

export const lower = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>, c) {
    const [x, weight, bias] = node.inputs;
    const y = node.outputs[0]!;
    if (isInt8(weight!.type)) {
      lowerConv2dInt8(node, x!.type.shape[2]!, c);
      return;
    }
    const g = geometry(x!.type.shape, weight!.type.shape, y.type.shape, node.attrs);
    c.each("f32_depthwise", {
      x: c.in(x!),
      weight: c.in(weight!, tapsLayout),
      y: c.out(y),
      mode: bias ? MODE.bias : MODE.plain,
      aux: bias ? c.in(bias) : 0,
      ...g,
      scratch: c.scratch("padded image", depthwiseScratch(g)),
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  depthwiseConv2dWeightGradient(node: Node<DepthwiseConv2d & WeightGradient>, c) {
    const [x, upstream] = node.inputs;
    const g = geometry(x!.type.shape, node.attrs.weight, upstream!.type.shape, node.attrs);
    lowerWeightGradient(node, c, tapsLayout, sums => {
      const scratch = c.scratch("padded image", depthwiseScratch(g));
      c.each("f32_depthwise_weight_gradient", { ...sums, ...g, scratch });
    });
  },
  depthwiseConv2dInputGradient(node: Node<DepthwiseConv2d & InputGradient>, c) {
    const [weight, upstream] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_depthwise_input_gradient", {
      gy: c.in(upstream!),
      weight: c.in(weight!, tapsLayout),
      gx: c.out(dx),
      ...geometry(node.attrs.image, weight!.type.shape, upstream!.type.shape, node.attrs),
    });
  },
} satisfies Record<string, Lower>;

export const prefers = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>, operand, c) {
    const v = node.inputs[operand]!;
    if (isInt8(v.type)) return operand === 0 ? storedLayout(c, v, haloOf(node.attrs)) : undefined;
    return operand === 1 ? tapsLayout : undefined;
  },
  depthwiseConv2dInputGradient: (_, operand) => (operand === 0 ? tapsLayout : undefined),
} satisfies Record<string, Prefers>;

export const cost = {
  depthwiseConv2d: forwardCost,
  depthwiseConv2dWeightGradient: weightGradientCost,
  depthwiseConv2dInputGradient: inputGradientCost,
} satisfies Record<string, CostOf>;

/** Operands: 0 x, 1 weight, 2 bias, then the output. With one filter per channel, all are one axis. */
export const axes = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>) {
    const y = node.inputs.length;
    const filters: [number, number][] = [
      [1, 0],
      [y, 2],
    ];
    if (node.inputs[2]) filters.push([2, 0]);
    if (node.inputs[1]!.type.shape[0] === node.inputs[0]!.type.shape[2]) filters.unshift([0, 2]);
    return [filters];
  },
  depthwiseConv2dWeightGradient: noBackwardAxes,
  depthwiseConv2dInputGradient: noBackwardAxes,
} satisfies Record<string, Axes | object>;
