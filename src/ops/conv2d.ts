/**
 * conv2d(x [h, w, in], weight [out, kh, kw, in / groups], bias [out]?) -> [oh, ow, out].
 * Any kernel, stride, pads, dilation and groups. Int8 weights make it static (int8 x, i32 bias) or dynamic (float x): see quantized.ts.
 */
import { type Shape, showShape } from "../base/shape.ts";
import type { Node, Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { inputPanels, panels } from "../kernels/layout.ts";
import { conv2dInputGradientScratch, conv2dScratch } from "../kernels/table/f32-conv2d.ts";
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

export interface Conv2d extends Window, Quantized {
  groups: number;
  /** max(0, y), fused in by the fusion pass; int8 only. */
  relu?: boolean;
}

export const conv2d: Op<Conv2d> = {
  name: "conv2d",
  infer([x, weight, bias], attrs) {
    const [out, kh, kw, depth] = weight!.shape as [number, number, number, number];
    if (weight!.shape.length !== 4)
      throw new RangeError(`expects weights out x kh x kw x in, got ${showShape(weight!.shape)}`);
    const [oh, ow] = windowed(x!.shape, [kh, kw], attrs);
    if (depth * attrs.groups !== x!.shape[2])
      throw new RangeError(
        `weights of ${showShape(weight!.shape)} with ${attrs.groups} groups do not fit images of ${showShape(x!.shape)}`,
      );
    if (out % attrs.groups) throw new RangeError(`${out} filters do not divide into ${attrs.groups} groups`);
    if (bias && bias.shape[0] !== out)
      throw new RangeError(`a bias of ${showShape(bias.shape)} does not fit ${out} filters`);
    return [weightedType([oh, ow, out], x!, weight!, bias, attrs)];
  },
};

export const conv2dWeightGradient = weightGradientOp<Conv2d>("conv2dWeightGradient");
export const conv2dInputGradient = inputGradientOp<Conv2d>("conv2dInputGradient");

export const evaluate = {
  conv2d: (inputs, attrs: Conv2d, types) =>
    evaluateWeighted(inputs, attrs, types, real => convolve(real, attrs, types.outputs[0]!.shape)),
  conv2dWeightGradient: evaluateWeightGradient,
  conv2dInputGradient: evaluateInputGradient,
} satisfies Record<string, Evaluate>;

export const gradient = {
  conv2d: convolutionGradient(conv2dWeightGradient, conv2dInputGradient),
  conv2dWeightGradient: noSecondDerivative,
  conv2dInputGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

const geometry = (image: Shape, weight: Shape, y: Shape, a: Conv2d) => ({
  ...windowGeometry(image, [weight[1]!, weight[2]!], y, a),
  cin: image[2]!,
  cout: weight[0]!,
  groups: a.groups,
});

export const lower = {
  conv2d(node: Node<Conv2d>, c) {
    const [x, weight, bias] = node.inputs;
    const y = node.outputs[0]!;
    if (isInt8(weight!.type)) {
      lowerConv2dInt8(node, node.attrs.groups, c);
      return;
    }
    const g = geometry(x!.type.shape, weight!.type.shape, y.type.shape, node.attrs);
    const scratch = c.scratch("padded image", conv2dScratch(g));
    const mode = bias ? { mode: MODE.bias, aux: c.in(bias) } : { mode: MODE.plain, aux: 0 };
    const ends = { x: c.in(x!), y: c.out(y) };
    c.each("f32_conv2d", { ...ends, weight: c.in(weight!, panels), ...mode, ...g, scratch });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  conv2dWeightGradient(node: Node<Conv2d & WeightGradient>, c) {
    const [x, upstream] = node.inputs;
    const g = geometry(x!.type.shape, node.attrs.weight, upstream!.type.shape, node.attrs);
    lowerWeightGradient(node, c, panels, sums => {
      const scratch = c.scratch("padded image", conv2dScratch(g));
      c.each("f32_conv2d_weight_gradient", { ...sums, ...g, scratch });
    });
  },
  conv2dInputGradient(node: Node<Conv2d & InputGradient>, c) {
    const [weight, upstream] = node.inputs;
    const dx = node.outputs[0]!;
    const g = geometry(node.attrs.image, weight!.type.shape, upstream!.type.shape, node.attrs);
    c.each("f32_conv2d_input_gradient", {
      gy: c.in(upstream!),
      weight: c.in(weight!, inputPanels),
      gx: c.out(dx),
      ...g,
      scratch: c.scratch("padded gradient", conv2dInputGradientScratch(g)),
    });
  },
} satisfies Record<string, Lower>;

export const prefers = {
  conv2d(node: Node<Conv2d>, operand, c) {
    const v = node.inputs[operand]!;
    if (isInt8(v.type)) return operand === 0 ? storedLayout(c, v, haloOf(node.attrs)) : undefined;
    return operand === 1 ? panels : undefined;
  },
  conv2dInputGradient: (_, operand) => (operand === 0 ? panels : undefined),
} satisfies Record<string, Prefers>;

export const cost = {
  conv2d: forwardCost,
  conv2dWeightGradient: weightGradientCost,
  conv2dInputGradient: inputGradientCost,
} satisfies Record<string, CostOf>;

/** Operands: 0 x, 1 weight, 2 bias, then the output. */
export const axes = {
  conv2d(node: Node<Conv2d>) {
    const y = node.inputs.length;
    const filters: [number, number][] = [
      [1, 0],
      [y, 2],
    ];
    if (node.inputs[2]) filters.push([2, 0]);
    return node.attrs.groups === 1
      ? [
          [
            [0, 2],
            [1, 3],
          ],
          filters,
        ]
      : [filters];
  },
  conv2dWeightGradient: noBackwardAxes,
  conv2dInputGradient: noBackwardAxes,
} satisfies Record<string, Axes | object>;
