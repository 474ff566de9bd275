/**
 * conv2dMaxPool2d(x [h, w, in], weight [out, kh, kw, in], bias [out]?) -> pooled [ph, pw, out], of int8. conv2d + ReLU
 * (where `relu`) + maxPool2d 2x2 as one op that the fusion pass makes: requantizing is monotone, so the largest
 * accumulator is requantized once, and the results are those of the three. An odd last row or column is dropped, as the
 * pool does.
 */
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Prefers,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import * as convolution from "../convolution/conv2d.ts";
import { type Conv2d, conv2d } from "../convolution/conv2d.ts";
import { lowerConv2dPoolInt8 } from "../convolution/conv2d-int8.ts";
import { convolutionOperands } from "../convolution/convolution.ts";
import { haloOf } from "../convolution/int8-layer.ts";
import { storedLayout } from "../quantized/int8-buffers.ts";
import { isInt8, noIntegerGradient, runsOnly } from "../quantized/int8-types.ts";

export const conv2dMaxPool2d: Op<Conv2d> = {
  name: "conv2dMaxPool2d",
  takes: convolutionOperands,
  infer(inputs, attrs) {
    const [y] = conv2d.infer(inputs, attrs);
    if (!isInt8(y!)) throw new TypeError(`expects int8, got ${y!.dtype}`);
    const [h, w, out] = y!.shape as [number, number, number];
    return [{ ...y!, shape: [h >> 1, w >> 1, out] }];
  },
};

export const evaluate = {
  conv2dMaxPool2d(inputs, attrs: Conv2d, types) {
    const whole = conv2d.infer(types.inputs, attrs);
    const [q] = convolution.evaluate.conv2d(inputs, attrs, { inputs: types.inputs, outputs: whole });
    const [images, h, w, out] = q!.shape as [number, number, number, number];
    const [ph, pw] = [h >> 1, w >> 1];
    const y = tensor([images, ph, pw, out]);
    const pixel = (image: number, row: number, column: number, o: number) =>
      q!.data[((image * h + row) * w + column) * out + o]!;
    for (let n = 0; n < images; n++)
      for (let row = 0; row < ph; row++)
        for (let column = 0; column < pw; column++)
          for (let o = 0; o < out; o++)
            y.data[((n * ph + row) * pw + column) * out + o] = Math.max(
              pixel(n, 2 * row, 2 * column, o),
              pixel(n, 2 * row, 2 * column + 1, o),
              pixel(n, 2 * row + 1, 2 * column, o),
              pixel(n, 2 * row + 1, 2 * column + 1, o),
            );
    return [y];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { conv2dMaxPool2d: noIntegerGradient } satisfies Record<string, Gradient | object>;

export const lower = {
  conv2dMaxPool2d: (node: Node<Conv2d>, c) => lowerConv2dPoolInt8(node, node.attrs.groups, c),
} satisfies Record<string, Lower>;

export const lowerBackward = {
  conv2dMaxPool2d: runsOnly,
};

export const prefers = {
  conv2dMaxPool2d: (node, operand, c) =>
    operand === 0 ? storedLayout(c, node.inputs[0]!, haloOf(node.attrs)) : undefined,
} satisfies Record<string, Prefers>;

/** Every pixel of the convolution is computed, but those that the pool drops. */
export const cost = {
  conv2dMaxPool2d(node: Node<Conv2d>) {
    const [ph, pw] = node.outputs[0]!.type.shape as [number, number];
    return { macs: 4 * ph * pw * node.inputs[1]!.type.shape.reduce((n, s) => n * s, 1) };
  },
} satisfies Record<string, CostOf>;

export const axes = { conv2dMaxPool2d: /* @__PURE__ */ refuse("slimming works on unfused graphs") } satisfies Record<
  string,
  Axes | object
>;

export const traits = {
  conv2dMaxPool2d: { int8: "kernel" },
} satisfies Record<string, Traits>;

export const unstored = {
  conv2dMaxPool2d: /* @__PURE__ */ refuse("a file holds networks as they were built: fusion follows loading"),
} satisfies Record<string, Refusal>;
