/**
 * conv2d(x [h, w, in], weight [out, kh, kw, in / groups], bias [out]?) -> [oh, ow, out].
 * Any kernel, stride, pads, dilation and groups. Int8 weights make it static (int8 x, i32 bias) or dynamic (float x): see quantized.ts.
 */
import { type Shape, showShape } from "../base/shape.ts";
import { type Tensor, tensor } from "../base/tensor.ts";
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
import { flat, inputPanels, panels } from "../kernels/layout.ts";
import { conv2dInputGradientScratch, conv2dScratch } from "../kernels/table/f32-conv2d.ts";
import { MODE } from "../kernels/table/f32-gemm.ts";
import { haloOf, lowerConv2dDynamic, lowerConv2dInt8 } from "./conv2d-int8.ts";
import { evaluateWeighted, isInt8, type Quantized, storedLayout, weightedType } from "./quantized.ts";
import { taps, type Window, windowed } from "./window.ts";

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

interface WeightGradient extends Conv2d {
  weight: Shape;
  bias: boolean;
}

/** (x, upstream) -> d weight, d bias?, each a sum over the images. */
export const conv2dWeightGradient: Op<WeightGradient> = {
  name: "conv2dWeightGradient",
  infer: (_, { weight, bias }) => [sum(weight), ...(bias ? [sum([weight[0]!])] : [])],
};

interface InputGradient extends Conv2d {
  image: Shape;
}

/** (weight, upstream) -> d x. */
export const conv2dInputGradient: Op<InputGradient> = {
  name: "conv2dInputGradient",
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
};

const sum = (shape: Shape): Type => ({ shape, dtype: "f32", batched: false });

/** Every product of a convolution over a batch: indices into image, weight and output. */
function products(
  x: Shape,
  weight: Shape,
  y: Shape,
  attrs: Conv2d,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [out, kh, kw, depth] = weight as [number, number, number, number];
  const [images, h, w, channels] = x as [number, number, number, number];
  const [, oh, ow] = y as [number, number, number];
  const perGroup = out / attrs.groups;
  taps([h, w], [kh, kw], [oh, ow], attrs, (pixel, tap, place) => {
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

const output = (images: number, type: Type): Tensor => tensor([images, ...type.shape]);

export const evaluate = {
  conv2d(inputs, attrs: Conv2d, types) {
    return evaluateWeighted(inputs, attrs, types, ([x, weight, bias]) => {
      const y = output(x!.shape[0]!, types.outputs[0]!);
      if (bias) y.data.forEach((_, i) => (y.data[i] = bias.data[i % bias.data.length]!));
      products(x!.shape, weight!.shape, y.shape, attrs, (p, q, r) => (y.data[r]! += x!.data[p]! * weight!.data[q]!));
      return y;
    });
  },
  conv2dWeightGradient([x, upstream], attrs) {
    const dw = tensor(attrs.weight);
    const db = tensor([attrs.weight[0]!]);
    products(
      x!.shape,
      attrs.weight,
      upstream!.shape,
      attrs,
      (p, q, r) => (dw.data[q]! += x!.data[p]! * upstream!.data[r]!),
    );
    upstream!.data.forEach((d, i) => (db.data[i % db.data.length]! += d));
    return attrs.bias ? [dw, db] : [dw];
  },
  conv2dInputGradient([weight, upstream], attrs) {
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
  conv2d(node: Node<Conv2d>, [upstream], graph) {
    const [x, weight, bias] = node.inputs;
    const [dw, db] = graph.add(conv2dWeightGradient, [x!, upstream!], {
      ...node.attrs,
      weight: weight!.type.shape,
      bias: !!bias,
    });
    return [graph.one(conv2dInputGradient, [weight!, upstream!], { ...node.attrs, image: x!.type.shape }), dw, db];
  },
  conv2dWeightGradient: refuse("second derivatives are not built"),
  conv2dInputGradient: refuse("second derivatives are not built"),
} satisfies Record<string, Gradient | object>;

const geometry = (image: Shape, weight: Shape, y: Shape, a: Conv2d) => ({
  h: image[0]!,
  w: image[1]!,
  cin: image[2]!,
  oh: y[0]!,
  ow: y[1]!,
  cout: weight[0]!,
  kh: weight[1]!,
  kw: weight[2]!,
  sh: a.strides[0],
  sw: a.strides[1],
  pt: a.pads[0],
  pl: a.pads[1],
  dh: a.dilations[0],
  dw: a.dilations[1],
  groups: a.groups,
});

export const lower = {
  conv2d(node: Node<Conv2d>, c) {
    const [x, weight, bias] = node.inputs;
    const y = node.outputs[0]!;
    if (isInt8(x!.type)) {
      lowerConv2dInt8(node, c);
      return;
    }
    if (isInt8(weight!.type)) {
      lowerConv2dDynamic(node, node.attrs.groups, c);
      return;
    }
    const g = geometry(x!.type.shape, weight!.type.shape, y.type.shape, node.attrs);
    const scratch = c.scratch("padded image", conv2dScratch(g));
    const mode = bias ? { mode: MODE.bias, aux: c.in(bias, flat) } : { mode: MODE.plain, aux: 0 };
    const ends = { x: c.in(x!, flat), xs: c.strideIn(x!, flat), y: c.out(y), ys: c.stride(y) };
    c.each("f32_conv2d", { n: "count", ...ends, weight: c.in(weight!, panels), ...mode, ...g, scratch });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  conv2dWeightGradient(node: Node<WeightGradient>, c) {
    const [x, upstream] = node.inputs;
    const { weight } = node.attrs;
    const g = geometry(x!.type.shape, weight, upstream!.type.shape, node.attrs);
    const gw = c.out(node.outputs[0]!, panels);
    const biasBytes = flat.bytes([weight[0]!], "f32");
    const gb = node.attrs.bias ? c.out(node.outputs[1]!) : c.scratch("unused bias gradient", biasBytes);
    c.call("zero", { y: gw, bytes: panels.bytes(weight, "f32") });
    c.call("zero", { y: gb, bytes: biasBytes });
    c.each("f32_conv2d_weight_gradient", {
      n: "count",
      x: c.in(x!, flat),
      xs: c.strideIn(x!, flat),
      gy: c.in(upstream!, flat),
      gys: c.strideIn(upstream!, flat),
      gw,
      gb,
      accumulate: 1,
      ...g,
      scratch: c.scratch("padded image", conv2dScratch(g)),
    });
  },
  conv2dInputGradient(node: Node<InputGradient>, c) {
    const [weight, upstream] = node.inputs;
    const dx = node.outputs[0]!;
    const g = geometry(node.attrs.image, weight!.type.shape, upstream!.type.shape, node.attrs);
    c.each("f32_conv2d_input_gradient", {
      n: "count",
      gy: c.in(upstream!, flat),
      gys: c.strideIn(upstream!, flat),
      weight: c.in(weight!, inputPanels),
      gx: c.out(dx),
      gxs: c.stride(dx),
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

const macs = (weight: Shape, y: Shape) => weight.reduce((n, s) => n * s, 1) * y[0]! * y[1]!;

export const cost = {
  conv2d: (node: Node<Conv2d>) => ({ macs: macs(node.inputs[1]!.type.shape, node.outputs[0]!.type.shape) }),
  conv2dWeightGradient: (node: Node<WeightGradient>) => ({ macs: macs(node.attrs.weight, node.inputs[1]!.type.shape) }),
  conv2dInputGradient: (node: Node<InputGradient>) => ({
    macs: macs(node.inputs[0]!.type.shape, node.inputs[1]!.type.shape),
  }),
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
  conv2dWeightGradient: refuse("slimming works on forward graphs"),
  conv2dInputGradient: refuse("slimming works on forward graphs"),
} satisfies Record<string, Axes | object>;
