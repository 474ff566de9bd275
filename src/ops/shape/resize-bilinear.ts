/**
 * resizeBilinear(x [h, w, c]) -> [size[0], size[1], c]: each pixel is interpolated between the four of x around it,
 * first along rows, then between them. Of int8 in integers with shares in 1/2048, as XNNPACK has it, in the input's own
 * quantization.
 */

import { halfEven } from "../../base/rounding.ts";
import { size as elements, type Shape } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { IMAGE, realOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { storedBytes } from "../../kernels/i8/stored.ts";
import { channelAxes } from "../elementwise.ts";
import { wholeLayout } from "../quantized/int8-buffers.ts";
import { isInt8 } from "../quantized/int8-types.ts";
import { affineFields, neighbours, type Placement, resized, sizeFields } from "./coordinates.ts";
import { spreadOut } from "./rearrange.ts";

export type ResizeBilinear = Placement;

export const resizeBilinear: Op<ResizeBilinear> = {
  name: "resizeBilinear",
  takes: { list: [IMAGE] },
  infer: ([x], attrs) => [{ ...x!, shape: resized(x!.shape, attrs) }],
};

export interface Back extends ResizeBilinear {
  image: Shape;
}

/** (dy) -> dx of shape `image`. */
export const resizeBilinearGradient: Op<Back> = {
  name: "resizeBilinearGradient",
  takes: realOperands,
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
};

/** A share as an integer in 0..2048. */
const integral = (share: number): number => halfEven(share * 2048);

type Mix = (
  topLeft: number,
  topRight: number,
  bottomLeft: number,
  bottomRight: number,
  right: number,
  down: number,
) => number;

const real: Mix = (tl, tr, bl, br, right, down) => {
  const top = tl + (tr - tl) * right;
  return top + (bl + (br - bl) * right - top) * down;
};

const integer: Mix = (tl, tr, bl, br, right, down) => {
  const top = tl * 2048 + (tr - tl) * integral(right);
  const bottom = bl * 2048 + (br - bl) * integral(right);
  return Math.floor((top * 2048 + (bottom - top) * integral(down) + 2 ** 21) / 2 ** 22);
};

export const evaluate = {
  resizeBilinear([x], attrs: ResizeBilinear, { inputs: [type] }) {
    const [images, h, w, channels] = x!.shape as [number, number, number, number];
    const y = tensor([images, ...attrs.size, channels]);
    const mix = isInt8(type!) ? integer : real;
    let i = 0;
    for (let n = 0; n < images; n++)
      for (const [top, bottom, down] of neighbours(attrs, 0, h))
        for (const [left, right, share] of neighbours(attrs, 1, w))
          for (let c = 0; c < channels; c++) {
            const at = (row: number, column: number) => x!.data[((n * h + row) * w + column) * channels + c]!;
            y.data[i++] = mix(at(top, left), at(top, right), at(bottom, left), at(bottom, right), share, down);
          }
    return [y];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  resizeBilinearGradient([dy], { image, ...attrs }: Back) {
    const [h, w, channels] = image as [number, number, number];
    const images = dy!.shape[0]!;
    const dx = tensor([images, ...image]);
    let i = 0;
    for (let n = 0; n < images; n++)
      for (const [top, bottom, down] of neighbours(attrs, 0, h))
        for (const [left, right, share] of neighbours(attrs, 1, w))
          for (let c = 0; c < channels; c++) {
            const d = dy!.data[i++]!;
            const add = (row: number, column: number, v: number) => {
              dx.data[((n * h + row) * w + column) * channels + c]! += v;
            };
            add(top, left, d * (1 - share) * (1 - down));
            add(top, right, d * share * (1 - down));
            add(bottom, left, d * (1 - share) * down);
            add(bottom, right, d * share * down);
          }
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  resizeBilinear: (node: Node<ResizeBilinear>, [dy], graph) => [
    graph.one(resizeBilinearGradient, [dy!], { ...node.attrs, image: node.inputs[0]!.type.shape }),
  ],
} satisfies Record<string, Gradient | object>;

/** The tables of the kernels: [first, second, share] of each output, the neighbours as byte offsets. */
function table(attrs: ResizeBilinear, axis: 0 | 1, length: number, pitch: number, share: (s: number) => number) {
  const made = new Int32Array(3 * attrs.size[axis]);
  let at = 0;
  for (const [a, b, s] of neighbours(attrs, axis, length)) {
    made[at++] = a * pitch;
    made[at++] = b * pitch;
    made[at++] = share(s);
  }
  return made;
}

const bitsOf = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0]!;

function tables(image: Shape, attrs: ResizeBilinear, element: number, share: (s: number) => number) {
  const [h, w, channels] = image as [number, number, number];
  return {
    rows: table(attrs, 0, h, w * channels * element, share),
    columns: table(attrs, 1, w, channels * element, share),
    c: channels,
  };
}

export const lower = {
  resizeBilinear(node: Node<ResizeBilinear>, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const quantized = isInt8(x.type);
    const {
      rows,
      columns,
      c: channels,
    } = quantized
      ? tables(x.type.shape, node.attrs, storedBytes(c.variant), integral)
      : tables(x.type.shape, node.attrs, 4, bitsOf);
    c.each(quantized ? "i8_resize_bilinear" : "f32_resize_bilinear", {
      x: c.in(x, wholeLayout(c, x)),
      y: quantized ? c.out(y, wholeLayout(c, y)) : spreadOut(c, y).ref,
      oh: node.attrs.size[0],
      ow: node.attrs.size[1],
      c: channels,
      rows: c.constant("rows", rows),
      columns: c.constant("columns", columns),
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  resizeBilinearGradient(node: Node<Back>, c) {
    const dy = node.inputs[0]!;
    const dx = node.outputs[0]!;
    const { rows, columns, c: channels } = tables(node.attrs.image, node.attrs, 4, bitsOf);
    const to = c.out(dx);
    c.each("zero", { y: to, bytes: { per: c.stride(dx) } });
    c.each("f32_resize_bilinear_gradient", {
      dy: c.in(dy),
      dx: to,
      oh: node.attrs.size[0],
      ow: node.attrs.size[1],
      c: channels,
      rows: c.constant("rows", rows),
      columns: c.constant("columns", columns),
    });
  },
} satisfies Record<string, Lower>;

const macs = (shape: Shape) => ({ macs: 3 * elements(shape) });

export const cost = {
  resizeBilinear: (node: Node) => macs(node.outputs[0]!.type.shape),
  resizeBilinearGradient: (node: Node) => macs(node.inputs[0]!.type.shape),
} satisfies Record<string, CostOf>;

export const axes = { resizeBilinear: channelAxes } satisfies Record<string, Axes>;

export const traits = {
  resizeBilinear: { int8: "averages" },
} satisfies Record<string, Traits>;

export const stored = {
  resizeBilinear: { op: resizeBilinear, number: 37, fields: { ...sizeFields, ...affineFields } },
} satisfies Record<string, Stored>;
