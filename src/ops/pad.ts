/** pad(x [h, w, c]) -> [top + h + bottom, left + w + right, c], zeros around each image (of int8: zero points). crop is the way back. */
import { type Shape, showShape, size } from "../base/shape.ts";
import { type Tensor, tensor } from "../base/tensor.ts";
import type { Node, Op } from "../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Lowering,
  type Prefers,
  refuse,
} from "../graph/meaning.ts";

import { free, noBackwardAxes } from "./elementwise.ts";
import { affine, at, isInt8, rowsBetween, storedIn, storedLayout, storedOut } from "./quantized.ts";

export interface Pad {
  /** [top, left, bottom, right], >= 0 */
  pads: readonly [number, number, number, number];
}

export const pad: Op<Pad> = {
  name: "pad",
  infer([x], { pads: [top, left, bottom, right] }) {
    const { shape } = x!;
    if (shape.length !== 3)
      throw new RangeError(`expects images of height x width x channels, got ${showShape(shape)}`);
    if (Math.min(top, left, bottom, right) < 0)
      throw new RangeError(`expects pads >= 0, got ${[top, left, bottom, right]}`);
    return [{ ...x!, shape: [top + shape[0]! + bottom, left + shape[1]! + right, shape[2]!] }];
  },
};

/** (upstream) -> what lies inside the pads, of shape `image`. */
export const crop: Op<Pad & { image: Shape }> = {
  name: "crop",
  infer: ([upstream], { image }) => [{ ...upstream!, shape: image }],
};

/** Every element of the inner images: its index there and in the padded ones. */
function inside(inner: Shape, outer: Shape, { pads }: Pad, visit: (inner: number, outer: number) => void): void {
  const [images, h, w, channels] = inner as [number, number, number, number];
  const [, oh, ow] = outer as [number, number, number];
  let at = 0;
  for (let i = 0; i < images; i++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        for (let c = 0; c < channels; c++) visit(at++, ((i * oh + y + pads[0]) * ow + x + pads[1]) * channels + c);
}

export const evaluate = {
  pad([x], attrs: Pad, { outputs: [type] }): Tensor[] {
    const y = tensor([x!.shape[0]!, ...type!.shape]);
    if (isInt8(type!)) y.data.fill(affine(type!).zero);
    inside(x!.shape, y.shape, attrs, (i, o) => (y.data[o] = x!.data[i]!));
    return [y];
  },
  crop([upstream], attrs: Pad & { image: Shape }): Tensor[] {
    const dx = tensor([upstream!.shape[0]!, ...attrs.image]);
    inside(dx.shape, upstream!.shape, attrs, (i, o) => (dx.data[i] = upstream!.data[o]!));
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  pad: (node: Node<Pad>, [upstream], graph) => [
    graph.one(crop, [upstream!], { ...node.attrs, image: node.inputs[0]!.type.shape }),
  ],
  crop: refuse("it is made by backward passes only"),
} satisfies Record<string, Gradient | object>;

/** Rows of an inner image among those of the padded one, in bytes. */
function rowsOf(inner: Shape, outer: Shape, { pads }: Pad) {
  const [rows, width, channels] = inner as [number, number, number];
  const pitch = outer[1]! * channels * 4;
  return { rows, bytes: width * channels * 4, pitch, first: pads[0] * pitch + pads[1] * channels * 4 };
}

export const lower = {
  pad(node: Node<Pad>, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    if (isInt8(x.type)) {
      lowerInt8(node, c);
      return;
    }
    const { rows, bytes, pitch, first } = rowsOf(x.type.shape, y.type.shape, node.attrs);
    const from = c.in(x);
    const to = c.out(y);
    c.each("zero", { y: to, bytes: { per: c.stride(y) } });
    c.each("copy_blocks", {
      x: from,
      y: { ...to, offset: to.offset + first },
      rows,
      xr: bytes,
      yr: pitch,
      bytes,
    });
  },
} satisfies Record<string, Lower>;

/** All that is not x is zero point, whether it belongs to y or to the halo around it. */
function lowerInt8(node: Node<Pad>, c: Lowering): void {
  const x = node.inputs[0]!;
  const [top, left, bottom, right] = node.attrs.pads;
  const from = storedIn(c, x);
  const to = storedOut(c, node.outputs[0]!);
  const { halo, pitch, pixel, first } = to.image;
  const { height, width, channels } = from.image;
  const { zero } = affine(x.type);
  c.each("i8_halo", {
    y: to.ref,
    ys: to.stride,
    height,
    width,
    channels,
    top: halo.top + top,
    bottom: halo.bottom + bottom,
    left: halo.left + left,
    right: halo.right + right,
    zero,
  });
  const rows = { ...rowsBetween(from, to), y: at(to.ref, first + top * pitch + left * pixel) };
  c.each("i8_requantize", { ...rows, scale: 1, from: zero, to: zero, qmin: -128, qmax: 127 });
}

export const prefers = {
  pad: (node, _, c) => (isInt8(node.inputs[0]!.type) ? storedLayout(c, node.inputs[0]!) : undefined),
} satisfies Record<string, Prefers>;

export const lowerBackward = {
  crop(node: Node<Pad & { image: Shape }>, c) {
    const upstream = node.inputs[0]!;
    const dx = node.outputs[0]!;
    const { rows, bytes, pitch, first } = rowsOf(dx.type.shape, upstream.type.shape, node.attrs);
    const from = c.in(upstream);
    const to = c.out(dx);
    if (c.stride(dx) > size(dx.type.shape) * 4) c.each("zero", { y: to, bytes: { per: c.stride(dx) } });
    c.each("copy_blocks", {
      x: { ...from, offset: from.offset + first },
      y: to,
      rows,
      xr: pitch,
      yr: bytes,
      bytes,
    });
  },
} satisfies Record<string, Lower>;

export const cost = { pad: free, crop: free } satisfies Record<string, CostOf>;

/** Channels stay channels. */
export const axes = {
  pad: () => [
    [
      [0, 2],
      [1, 2],
    ],
  ],
  crop: noBackwardAxes,
} satisfies Record<string, Axes | object>;
