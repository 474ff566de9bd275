/**
 * depthwiseConv2d(x [h, w, in], weight [out, kh, kw, 1], bias [out]?) -> [oh, ow, out].
 * Int8 weights make it static (int8 x, i32 bias) or dynamic (float x): see quantized.ts.
 * Output channel o reads input channel floor(o / (out / in)) alone; out / in is Keras' depth multiplier.
 */
import { type Shape, showShape, size } from "../base/shape.ts";
import { tensor } from "../base/tensor.ts";
import type { Node, Op, Type } from "../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Prefers,
  refuse,
} from "../graph/meaning.ts";
import { flat, taps as tapsLayout } from "../kernels/layout.ts";
import { type DepthwiseGeometry, depthwiseScratch } from "../kernels/table/f32-depthwise.ts";
import { MODE } from "../kernels/table/f32-gemm.ts";
import { haloOf, lowerConv2dDynamic, lowerDepthwiseInt8 } from "./conv2d-int8.ts";
import { evaluateWeighted, isInt8, type Quantized, storedLayout, weightedType } from "./quantized.ts";
import { taps, type Window, windowed } from "./window.ts";

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

interface WeightGradient extends DepthwiseConv2d {
  weight: Shape;
  bias: boolean;
}

/** (x, upstream) -> d weight, d bias?, each a sum over the images. */
export const depthwiseConv2dWeightGradient: Op<WeightGradient> = {
  name: "depthwiseConv2dWeightGradient",
  infer: (_, { weight, bias }) => [sum(weight), ...(bias ? [sum([weight[0]!])] : [])],
};

interface InputGradient extends DepthwiseConv2d {
  image: Shape;
}

/** (weight, upstream) -> d x. */
export const depthwiseConv2dInputGradient: Op<InputGradient> = {
  name: "depthwiseConv2dInputGradient",
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
};

const sum = (shape: Shape): Type => ({ shape, dtype: "f32", batched: false });

/** Every product over a batch: indices into image, weight and output. */
function products(
  x: Shape,
  weight: Shape,
  y: Shape,
  attrs: DepthwiseConv2d,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [out, kh, kw] = weight as [number, number, number];
  const [images, h, w, channels] = x as [number, number, number, number];
  const [, oh, ow] = y as [number, number, number];
  const multiplier = out / channels;
  taps([h, w], [kh, kw], [oh, ow], attrs, (pixel, tap, place) => {
    for (let i = 0; i < images; i++)
      for (let o = 0; o < out; o++)
        visit(
          (i * h * w + pixel) * channels + Math.floor(o / multiplier),
          o * kh * kw + tap,
          (i * oh * ow + place) * out + o,
        );
  });
}

export const evaluate = {
  depthwiseConv2d(inputs, attrs: DepthwiseConv2d, types) {
    return evaluateWeighted(inputs, attrs, types, ([x, weight, bias]) => {
      const y = tensor([x!.shape[0]!, ...types.outputs[0]!.shape]);
      if (bias) for (let i = 0; i < y.data.length; i++) y.data[i] = bias.data[i % bias.data.length]!;
      products(x!.shape, weight!.shape, y.shape, attrs, (p, q, r) => (y.data[r]! += x!.data[p]! * weight!.data[q]!));
      return y;
    });
  },
  depthwiseConv2dWeightGradient([x, upstream], attrs) {
    const dw = tensor(attrs.weight);
    const db = tensor([attrs.weight[0]!]);
    products(
      x!.shape,
      attrs.weight,
      upstream!.shape,
      attrs,
      (p, q, r) => (dw.data[q]! += x!.data[p]! * upstream!.data[r]!),
    );
    upstream!.data.forEach((d, i) => {
      db.data[i % db.data.length]! += d;
    });
    return attrs.bias ? [dw, db] : [dw];
  },
  depthwiseConv2dInputGradient([weight, upstream], attrs) {
    const dx = tensor([upstream!.shape[0]!, ...attrs.image]);
    products(
      dx.shape,
      weight!.shape,
      upstream!.shape,
      attrs,
      (p, q, r) => (dx.data[p]! += weight!.data[q]! * upstream!.data[r]!),
    );
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>, [upstream], graph) {
    const [x, weight, bias] = node.inputs;
    const [dw, db] = graph.add(depthwiseConv2dWeightGradient, [x!, upstream!], {
      ...node.attrs,
      weight: weight!.type.shape,
      bias: !!bias,
    });
    const attrs = { ...node.attrs, image: x!.type.shape };
    return [graph.one(depthwiseConv2dInputGradient, [weight!, upstream!], attrs), dw, db];
  },
  depthwiseConv2dWeightGradient: refuse("second derivatives are not built"),
  depthwiseConv2dInputGradient: refuse("second derivatives are not built"),
} satisfies Record<string, Gradient | object>;

const geometry = (image: Shape, weight: Shape, y: Shape, a: DepthwiseConv2d): DepthwiseGeometry => ({
  h: image[0]!,
  w: image[1]!,
  cin: image[2]!,
  multiplier: weight[0]! / image[2]!,
  oh: y[0]!,
  ow: y[1]!,
  kh: weight[1]!,
  kw: weight[2]!,
  sh: a.strides[0],
  sw: a.strides[1],
  pt: a.pads[0],
  pl: a.pads[1],
  dh: a.dilations[0],
  dw: a.dilations[1],
});

export const lower = {
  depthwiseConv2d(node: Node<DepthwiseConv2d>, c) {
    const [x, weight, bias] = node.inputs;
    const y = node.outputs[0]!;
    if (isInt8(x!.type)) {
      lowerDepthwiseInt8(node, c);
      return;
    }
    if (isInt8(weight!.type)) {
      lowerConv2dDynamic(node, x!.type.shape[2]!, c);
      return;
    }
    const g = geometry(x!.type.shape, weight!.type.shape, y.type.shape, node.attrs);
    c.each("f32_depthwise", {
      n: "count",
      x: c.in(x!, flat),
      xs: c.strideIn(x!, flat),
      weight: c.in(weight!, tapsLayout),
      y: c.out(y),
      ys: c.stride(y),
      mode: bias ? MODE.bias : MODE.plain,
      aux: bias ? c.in(bias, flat) : 0,
      ...g,
      scratch: c.scratch("padded image", depthwiseScratch(g)),
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  depthwiseConv2dWeightGradient(node: Node<WeightGradient>, c) {
    const [x, upstream] = node.inputs;
    const { weight } = node.attrs;
    const g = geometry(x!.type.shape, weight, upstream!.type.shape, node.attrs);
    const gw = c.out(node.outputs[0]!, tapsLayout);
    const biasBytes = flat.bytes([weight[0]!], "f32");
    const gb = node.attrs.bias ? c.out(node.outputs[1]!) : c.scratch("unused bias gradient", biasBytes);
    c.call("zero", { y: gw, bytes: tapsLayout.bytes(weight, "f32") });
    c.call("zero", { y: gb, bytes: biasBytes });
    c.each("f32_depthwise_weight_gradient", {
      n: "count",
      x: c.in(x!, flat),
      xs: c.strideIn(x!, flat),
      gy: c.in(upstream!, flat),
      gys: c.strideIn(upstream!, flat),
      gw,
      gb,
      accumulate: 1,
      ...g,
      scratch: c.scratch("padded image", depthwiseScratch(g)),
    });
  },
  depthwiseConv2dInputGradient(node: Node<InputGradient>, c) {
    const [weight, upstream] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_depthwise_input_gradient", {
      n: "count",
      gy: c.in(upstream!, flat),
      gys: c.strideIn(upstream!, flat),
      weight: c.in(weight!, tapsLayout),
      gx: c.out(dx),
      gxs: c.stride(dx),
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

const macs = (weight: Shape, y: Shape) => ({ macs: size(weight) * y[0]! * y[1]! });

export const cost = {
  depthwiseConv2d: (node: Node) => macs(node.inputs[1]!.type.shape, node.outputs[0]!.type.shape),
  depthwiseConv2dWeightGradient: (node: Node<WeightGradient>) => macs(node.attrs.weight, node.inputs[1]!.type.shape),
  depthwiseConv2dInputGradient: (node: Node) => macs(node.inputs[0]!.type.shape, node.inputs[1]!.type.shape),
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
  depthwiseConv2dWeightGradient: refuse("slimming works on forward graphs"),
  depthwiseConv2dInputGradient: refuse("slimming works on forward graphs"),
} satisfies Record<string, Axes | object>;
