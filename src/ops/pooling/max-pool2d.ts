/**
 * maxPool2d(x [h, w, c]) -> [oh, ow, c], and the place of each maximum (its number in the image), which backward needs.
 */
import { PenjingError } from "../../base/errors.ts";
import { type Shape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Lowering, Traits } from "../../graph/meaning.ts";
import { anyOperands, IMAGE } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { pooled, poolFields, taps, type Window, windowGeometry } from "../convolution/window.ts";
import { channelAxes } from "../elementwise.ts";
import { rowsBetween, storedIn, storedOut } from "../quantized/int8-buffers.ts";
import { isInt8 } from "../quantized/int8-types.ts";

export interface Pool2d extends Window {
  /** [down, right] */
  size: readonly [number, number];
  /** The last window may hang over the edge. Default false. */
  ceil?: boolean;
}

/** The shape of what a pool gives, or a RangeError that says why there is none. */
export function pooledShape(x: Type, { size: [height, width], ceil, ...window }: Pool2d): Shape {
  const shape = [...pooled(x.shape, [height, width], window, ceil), x.shape[2]!];
  // kernels count them in 32 bits
  if (height * width >= 2 ** 31) throw new RangeError(`a pool of ${height}x${width} taps has too many of them`);
  return shape;
}

export const maxPool2d: Op<Pool2d> = {
  name: "maxPool2d",
  takes: { list: [IMAGE] },
  infer([x], attrs) {
    const shape = pooledShape(x!, attrs);
    return [
      { ...x!, shape },
      { shape, dtype: "i32", batched: true },
    ];
  },
};

/** (dy, index) -> dx of shape `image`. */
export const maxPool2dGradient: Op<{ image: Shape }> = {
  name: "maxPool2dGradient",
  takes: anyOperands,
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
};

export const evaluate = {
  maxPool2d([x], attrs: Pool2d, { outputs: [type] }) {
    const [images, h, w, channels] = x!.shape as [number, number, number, number];
    const y = tensor([images, ...type!.shape]);
    const index = tensor(y.shape);
    y.data.fill(-Infinity);
    const perImage = size(type!.shape);
    taps([h, w], attrs.size, type!.shape, attrs, (pixel, _, place) => {
      for (let i = 0; i < images; i++)
        for (let c = 0; c < channels; c++) {
          const from = pixel * channels + c;
          const to = i * perImage + place * channels + c;
          const v = x!.data[i * h * w * channels + from]!;
          if (v > y.data[to]! || (Number.isNaN(v) && !Number.isNaN(y.data[to]!))) {
            y.data[to] = v;
            index.data[to] = from;
          }
        }
    });
    return [y, index];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  maxPool2dGradient([dy, index], { image }) {
    const dx = tensor([dy!.shape[0]!, ...image]);
    const perImage = dy!.data.length / dy!.shape[0]!;
    dy!.data.forEach((d, i) => (dx.data[Math.floor(i / perImage) * size(image) + index!.data[i]!]! += d));
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  maxPool2d: (node: Node<Pool2d>, [dy], graph) => [
    graph.one(maxPool2dGradient, [dy!, node.outputs[1]!], { image: node.inputs[0]!.type.shape }),
  ],
} satisfies Record<string, Gradient | object>;

/** The arguments of a pool's kernels. Of int8, windows are cut at the image's edge, so that no halo is needed. */
export function pool(node: Node<Pool2d>, c: Lowering) {
  const { inputs, outputs, attrs } = node;
  const [x, y] = [inputs[0]!, outputs[0]!];
  if (isInt8(x.type) && attrs.dilations.some(d => d !== 1))
    throw new PenjingError("refused", `layer "${node.name}": no int8 pool is dilated`);
  const geometry = windowGeometry(x.type.shape, attrs.size, y.type.shape, attrs);
  const ends = isInt8(x.type) ? rowsBetween(storedIn(c, x), storedOut(c, y)) : { x: c.in(x), y: c.out(y) };
  return { ...ends, ...geometry } as ReturnType<typeof rowsBetween> & typeof geometry;
}

export const lower = {
  maxPool2d(node: Node<Pool2d>, c) {
    c.each(isInt8(node.inputs[0]!.type) ? "i8_max_pool2d" : "f32_max_pool2d", pool(node, c));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  maxPool2d(node: Node<Pool2d>, c) {
    const index = node.outputs[1]!;
    if (!c.used(index)) lower.maxPool2d(node, c);
    else c.each("f32_max_pool2d_index", { ...pool(node, c), index: c.out(index), is: c.stride(index) });
  },
  maxPool2dGradient(node: Node<{ image: Shape }>, c) {
    const [dy, index] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_max_pool2d_gradient", {
      dy: c.in(dy!),
      index: c.ref(index!),
      is: c.stride(index!),
      dx: c.out(dx),
      inputs: size(dx.type.shape),
      outputs: size(dy!.type.shape),
    });
  },
} satisfies Record<string, Lower>;

export const cost = { maxPool2d: () => ({ macs: 0 }), maxPool2dGradient: () => ({ macs: 0 }) } satisfies Record<
  string,
  CostOf
>;

export const axes = { maxPool2d: channelAxes } satisfies Record<string, Axes>;

export const traits = {
  maxPool2d: { int8: "keeps" },
} satisfies Record<string, Traits>;

export const stored = {
  maxPool2d: { op: maxPool2d, number: 3, fields: poolFields },
} satisfies Record<string, Stored>;
