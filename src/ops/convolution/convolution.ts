/** The meanings of conv2d and depthwiseConv2d: a depthwise convolution is one with as many groups as channels. */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import { type Axis, fixed } from "../../graph/axes.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lowering, Prefers, Ref } from "../../graph/meaning.ts";
import { IMAGE, realOperands, weightedOperands } from "../../graph/operand.ts";
import type { Layout } from "../../kernels/layout.ts";
import { MODE } from "../../kernels/table/f32-gemm.ts";
import { zeroed, zeroedBias } from "../accumulators.ts";
import { evaluateWeighted } from "../quantized/int8-arithmetic.ts";
import { storedLayout } from "../quantized/int8-buffers.ts";
import { isInt8, type Quantized, weightedType } from "../quantized/int8-types.ts";
import { lowerConv2dInt8 } from "./conv2d-int8.ts";
import { haloOf } from "./int8-layer.ts";
import { taps, type Window, windowed, windowGeometry } from "./window.ts";

export interface WeightGradient {
  weight: Shape;
  bias: boolean;
}

export interface InputGradient {
  image: Shape;
}

/** An image, filters and a bias. */
export const convolutionOperands = /* @__PURE__ */ weightedOperands(
  IMAGE,
  4,
  "weights of outputs x height x width x inputs",
);

/** The output of a convolution in so many groups of channels, or what does not fit. */
export function convolved([x, weight, bias]: Type[], attrs: Window & Quantized, groups: number): Type[] {
  const [image, filters] = [x!.shape, weight!.shape];
  const [out, kh, kw, depth] = filters as [number, number, number, number];
  const [oh, ow] = windowed(image, [kh, kw], attrs);
  if (depth * groups !== image[2] || out % groups)
    throw new RangeError(
      `weights of ${showShape(filters)} with ${groups} groups do not fit images of ${showShape(image)}`,
    );
  return [weightedType([oh, ow, out], x!, weight!, bias, attrs)];
}

/** (x, dy) -> dw, db?, each a sum over the images. */
export const weightGradientOp = <A>(name: string): Op<A & WeightGradient> => ({
  name,
  takes: realOperands,
  infer: (_, { weight, bias }) => [sum(weight), ...(bias ? [sum([weight[0]!])] : [])],
});

/** (weight, dy) -> dx. */
export const inputGradientOp = <A>(name: string): Op<A & InputGradient> => ({
  name,
  takes: realOperands,
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
});

const sum = (shape: Shape): Type => ({ shape, dtype: "f32", batched: false });

/** Every product of a convolution over a batch: indices into image, weight and output. */
function products(
  x: Shape,
  weight: Shape,
  y: Shape,
  window: Window,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [out, kh, kw, depth] = weight as [number, number, number, number];
  const [images, h, w, channels] = x as [number, number, number, number];
  const [, oh, ow] = y as [number, number, number];
  const perGroup = (out * depth) / channels;
  taps([h, w], [kh, kw], [oh, ow], window, (pixel, tap, place) => {
    for (let i = 0; i < images; i++)
      for (let o = 0; o < out; o++) {
        const first = Math.floor(o / perGroup) * depth;
        for (let c = 0; c < depth; c++)
          visit(
            (i * h * w + pixel) * channels + first + c,
            (o * kh * kw + tap) * depth + c,
            (i * oh * ow + place) * out + o,
          );
      }
  });
}

/**
 * The f32 kernels of one kind of convolution: their layout of weights, their geometry G, and the bytes of a padded
 * image.
 */
export interface ConvolutionKernels<A, G> {
  readonly layout: Layout;
  readonly geometry: (image: Shape, weight: Shape, y: Shape, attrs: A) => G;
  readonly scratch: (geometry: G) => number;
}

/** The geometry that all of them share. */
export const geometry = (image: Shape, [, kh, kw]: Shape, y: Shape, window: Window) =>
  windowGeometry(image, [kh!, kw!], y, window);

function forwardArgs(node: Node, c: Lowering, layout: Layout) {
  const [x, weight, bias] = node.inputs;
  return {
    x: c.in(x!),
    weight: c.in(weight!, layout),
    y: c.out(node.outputs[0]!),
    mode: bias ? MODE.bias : MODE.plain,
    aux: bias ? c.in(bias) : 0,
  };
}

/** Lowers a convolution in so many groups of channels: with int8 weights, or to the call of a kernel. */
export function lowerConvolution<A extends Window & Quantized, G>(
  node: Node<A>,
  c: Lowering,
  groups: number,
  { layout, geometry, scratch }: ConvolutionKernels<A, G>,
  call: (args: ReturnType<typeof forwardArgs> & G & { scratch: Ref }) => void,
): void {
  const [x, weight] = node.inputs;
  if (isInt8(weight!.type)) {
    lowerConv2dInt8(node, groups, c);
    return;
  }
  const g = geometry(x!.type.shape, weight!.type.shape, node.outputs[0]!.type.shape, node.attrs);
  call({ ...forwardArgs(node, c, layout), ...g, scratch: c.scratch("padded image", scratch(g)) });
}

/** Int8 images like a halo of all that taps may touch, float weights lie as their kernel reads them. */
export const convolutionPrefers =
  (layout: Layout): Prefers<Window> =>
  (node, operand, c) => {
    const v = node.inputs[operand]!;
    if (operand === 0 && isInt8(v.type)) return storedLayout(c, v, haloOf(node.attrs));
    return operand === 1 && !isInt8(v.type) ? layout : undefined;
  };

/** Evaluates a convolution in the arithmetic its types ask for. */
export const evaluateConvolution: Evaluate<Window & { relu?: boolean }> = (inputs, attrs, types) =>
  evaluateWeighted(inputs, attrs, types, real => convolve(real, attrs, types.outputs[0]!.shape));

/** Lists the axes of images, weights, bias and outputs; `depth` is the part of the channels that one filter reads. */
export function convolutionAxes({ inputs, outputs }: Node, channels: Axis, filters: Axis, depth: Axis): Axis[][] {
  const [x, weight] = inputs.map(v => v.type.shape);
  const pixels = (shape: Shape): Axis[] => shape.slice(0, 2).map(fixed);
  const kernel = [filters, ...weight!.slice(1, 3).map(fixed), depth];
  const bias = inputs[2] ? [[filters]] : [];
  return [[...pixels(x!), channels], kernel, ...bias, [...pixels(outputs[0]!.type.shape), filters]];
}

/** The forward, of one image's output `shape`. */
function convolve([x, weight, bias]: readonly Tensor[], window: Window, shape: Shape): Tensor {
  const y = tensor([x!.shape[0]!, ...shape]);
  if (bias) for (let i = 0; i < y.data.length; i++) y.data[i] = bias.data[i % bias.data.length]!;
  products(x!.shape, weight!.shape, y.shape, window, (p, q, r) => {
    y.data[r]! += x!.data[p]! * weight!.data[q]!;
  });
  return y;
}

export const evaluateWeightGradient: Evaluate<Window & WeightGradient> = ([x, dy], attrs) => {
  const dw = tensor(attrs.weight);
  const db = tensor([attrs.weight[0]!]);
  products(x!.shape, attrs.weight, dy!.shape, attrs, (p, q, r) => {
    dw.data[q]! += x!.data[p]! * dy!.data[r]!;
  });
  dy!.data.forEach((d, i) => {
    db.data[i % db.data.length]! += d;
  });
  return attrs.bias ? [dw, db] : [dw];
};

export const evaluateInputGradient: Evaluate<Window & InputGradient> = ([weight, dy], attrs) => {
  const dx = tensor([dy!.shape[0]!, ...attrs.image]);
  products(dx.shape, weight!.shape, dy!.shape, attrs, (p, q, r) => {
    dx.data[p]! += weight!.data[q]! * dy!.data[r]!;
  });
  return [dx];
};

/** The gradient of a forward op, by its two backward ops. */
export const convolutionGradient =
  <A>(byWeight: Op<A & WeightGradient>, byInput: Op<A & InputGradient>): Gradient<A> =>
  (node, [dy], graph) => {
    const [x, weight, bias] = node.inputs;
    const sums = { ...node.attrs, weight: weight!.type.shape, bias: !!bias };
    const [dw, db] = graph.add(byWeight, [x!, dy!], sums);
    return [graph.one(byInput, [weight!, dy!], { ...node.attrs, image: x!.type.shape }), dw, db];
  };

function sums({ inputs: [x, dy], outputs: [dw, db] }: Node, c: Lowering, layout: Layout) {
  return {
    x: c.in(x!),
    dy: c.in(dy!),
    dw: zeroed(c, dw!, layout),
    db: zeroedBias(c, db, dw!.type.shape[0]!),
    accumulate: 1 as const,
  };
}

/** Lowers a weight gradient to the call of a kernel that adds up image by image. */
export function lowerWeightGradient<A extends Window & WeightGradient, G>(
  node: Node<A>,
  c: Lowering,
  { layout, geometry, scratch }: ConvolutionKernels<A, G>,
  call: (args: ReturnType<typeof sums> & G & { scratch: Ref }) => void,
): void {
  const [x, dy] = node.inputs;
  const g = geometry(x!.type.shape, node.attrs.weight, dy!.type.shape, node.attrs);
  call({ ...sums(node, c, layout), ...g, scratch: c.scratch("padded image", scratch(g)) });
}

/** The arguments of an input gradient's kernel, with weights in `layout`. */
export function inputGradientArgs<A extends Window & InputGradient, G>(
  node: Node<A>,
  c: Lowering,
  { geometry }: ConvolutionKernels<A, G>,
  layout: Layout,
) {
  const [weight, dy] = node.inputs;
  return {
    dy: c.in(dy!),
    weight: c.in(weight!, layout),
    dx: c.out(node.outputs[0]!),
    ...geometry(node.attrs.image, weight!.type.shape, dy!.type.shape, node.attrs),
  };
}

const macs = (weight: Shape, y: Shape) => ({ macs: size(weight) * y[0]! * y[1]! });

export const forwardCost: CostOf = node => macs(node.inputs[1]!.type.shape, node.outputs[0]!.type.shape);
export const weightGradientCost: CostOf<WeightGradient> = node => macs(node.attrs.weight, node.inputs[1]!.type.shape);
export const inputGradientCost: CostOf = node => macs(node.inputs[0]!.type.shape, node.inputs[1]!.type.shape);
