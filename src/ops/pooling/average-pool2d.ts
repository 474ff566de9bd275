/**
 * averagePool2d(x [h, w, c]) -> [oh, ow, c]: the mean of each window. A window as large as the image is the global
 * average. Of int8: the integer mean, halves away from zero; where it stands for uint8, from its least value.
 */
import { type Shape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { IMAGE, realOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { poolFields, taps, windowGeometry } from "../convolution/window.ts";
import { channelAxes } from "../elementwise.ts";
import { affine, checkSummed, isInt8 } from "../quantized/int8-types.ts";
import { type Pool2d, pool, pooledShape } from "./max-pool2d.ts";

export interface AveragePool2d extends Pool2d {
  /** Taps in the padding count, as zeros; taps past the padding never do. Default false, as in Keras. */
  countIncludePad?: boolean;
  /** int8 that stands for uint8: q is q + 128, halves are rounded up. Default false. */
  unsigned?: boolean;
}

/** The number from which halves are rounded away. */
const middleOf = ({ unsigned }: AveragePool2d): number => (unsigned ? -128 : 0);

export const averagePool2d: Op<AveragePool2d> = {
  name: "averagePool2d",
  takes: { list: [IMAGE] },
  infer([x], attrs) {
    checkSummed(x!, size(attrs.size));
    return [{ ...x!, shape: pooledShape(x!, attrs) }];
  },
};

/** (dy) -> dx of shape `image`. */
export const averagePool2dGradient: Op<AveragePool2d & { image: Shape }> = {
  name: "averagePool2dGradient",
  takes: realOperands,
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
};

/** The number of taps that the mean of each output pixel is over. */
function populations(image: Shape, output: Shape, a: AveragePool2d): number[] {
  const along = (axis: 0 | 1, o: number): number => {
    let count = 0;
    for (let k = 0; k < a.size[axis]; k++) {
      const at = o * a.strides[axis] + k * a.dilations[axis] - a.pads[axis];
      const inside = at >= 0 && at < image[axis]!;
      const padding = at < 0 || at < image[axis]! + a.pads[axis === 0 ? 2 : 3];
      if (inside || (a.countIncludePad && padding)) count++;
    }
    return count;
  };
  const [oh, ow] = output as [number, number];
  return Array.from({ length: oh * ow }, (_, place) => along(0, Math.floor(place / ow)) * along(1, place % ow));
}

/** Every share of an average over a batch: indices into image and output, and 1 / population. */
function shares(x: Shape, y: Shape, a: AveragePool2d, visit: (x: number, y: number, share: number) => void): void {
  const [images, h, w, channels] = x as [number, number, number, number];
  const [, oh, ow] = y as [number, number, number];
  const population = populations([h, w], [oh, ow], a);
  taps([h, w], a.size, [oh, ow], a, (pixel, _, place) => {
    for (let i = 0; i < images; i++)
      for (let c = 0; c < channels; c++)
        visit((i * h * w + pixel) * channels + c, (i * oh * ow + place) * channels + c, 1 / population[place]!);
  });
}

/**
 * The integer mean of each window, halves away from the middle; taps in the padding, where they count, are the zero
 * point.
 */
function integerMeans(x: Tensor, y: Tensor, a: AveragePool2d, zero: number): Tensor {
  const [images, h, w, channels] = x.shape as [number, number, number, number];
  const [, oh, ow] = y.shape as [number, number, number];
  const population = populations([h, w], [oh, ow], a);
  const middle = middleOf(a);
  const inside = new Int32Array(oh * ow);
  taps([h, w], a.size, [oh, ow], a, (pixel, _, place) => {
    inside[place]!++;
    for (let i = 0; i < images; i++)
      for (let c = 0; c < channels; c++)
        y.data[(i * oh * ow + place) * channels + c]! += x.data[(i * h * w + pixel) * channels + c]!;
  });
  y.data.forEach((sum, i) => {
    const place = Math.floor(i / channels) % (oh * ow);
    const count = population[place]!;
    const whole = sum + (count - inside[place]!) * zero - count * middle;
    const half = Math.floor(count / 2);
    y.data[i] = Math.trunc((whole > 0 ? whole + half : whole - half) / count) + middle || 0; // integers have no -0
  });
  return y;
}

export const evaluate = {
  averagePool2d([x], attrs: AveragePool2d, { inputs, outputs: [type] }) {
    const y = tensor([x!.shape[0]!, ...type!.shape]);
    if (isInt8(inputs[0]!)) return [integerMeans(x!, y, attrs, affine(inputs[0]!).zero)];
    shares(x!.shape, y.shape, attrs, (p, r, share) => (y.data[r]! += x!.data[p]! * share));
    return [y];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  averagePool2dGradient([dy], attrs: AveragePool2d & { image: Shape }) {
    const dx = tensor([dy!.shape[0]!, ...attrs.image]);
    shares(dx.shape, dy!.shape, attrs, (p, r, share) => (dx.data[p]! += dy!.data[r]! * share));
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  averagePool2d: (node: Node<AveragePool2d>, [dy], graph) => [
    graph.one(averagePool2dGradient, [dy!], { ...node.attrs, image: node.inputs[0]!.type.shape }),
  ],
} satisfies Record<string, Gradient | object>;

const includePad = (a: AveragePool2d): number => (a.countIncludePad ? 1 : 0);

export const lower = {
  averagePool2d(node: Node<AveragePool2d>, c) {
    const { type } = node.inputs[0]!;
    const args = { ...pool(node, c), include_pad: includePad(node.attrs) };
    if (isInt8(type)) c.each("i8_average_pool2d", { ...args, zero: affine(type).zero, middle: middleOf(node.attrs) });
    else c.each("f32_average_pool2d", args);
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  averagePool2dGradient(node: Node<AveragePool2d & { image: Shape }>, c) {
    const dy = node.inputs[0]!;
    const dx = node.outputs[0]!;
    c.each("f32_average_pool2d_gradient", {
      dy: c.in(dy),
      dx: c.out(dx),
      ...windowGeometry(dx.type.shape, node.attrs.size, dy.type.shape, node.attrs),
      include_pad: includePad(node.attrs),
    });
  },
} satisfies Record<string, Lower>;

export const cost = {
  averagePool2d: () => ({ macs: 0 }),
  averagePool2dGradient: () => ({ macs: 0 }),
} satisfies Record<string, CostOf>;

export const axes = { averagePool2d: channelAxes } satisfies Record<string, Axes>;

export const traits = {
  averagePool2d: { int8: "averages" },
} satisfies Record<string, Traits>;

export const stored = {
  averagePool2d: {
    op: averagePool2d,
    number: 8,
    fields: { ...poolFields, countIncludePad: { usual: false }, unsigned: { usual: false } },
  },
} satisfies Record<string, Stored>;
