/**
 * conv2dReluMaxPool2d(x [h, w, in], weight [out, kh, kw, in], bias [out]?) -> pooled [ph, pw, out], argmax. conv2d
 * (valid, stride 1) + ReLU + maxPool2d 2x2 as one op that the fusion pass makes. An odd last row or column is dropped,
 * as the pool does.
 *
 * argmax is the byte offset, in its image of f32, of the patch whose pixel won (the first of equals), -1 where ReLU let
 * nothing through. Backward walks only those: at most one convolution output in four has a gradient.
 */
import { type Shape, showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Lowering,
  type Prefers,
  type Refusal,
  refuse,
  type Traits,
} from "../../graph/meaning.ts";
import { anyOperands, realOperands } from "../../graph/operand.ts";
import { cheapest } from "../../kernels/cost/cheapest.ts";
import { f32Conv2dReluMaxPool2d } from "../../kernels/cost/f32-conv2d-relu-max-pool2d.ts";
import { flat, kernelRows, type Layout, movedRows, panels, planes, winogradRows } from "../../kernels/layout.ts";
import { planeScratch } from "../../kernels/table/f32-conv2d-relu-max-pool2d.ts";
import { winogradScratch } from "../../kernels/table/f32-conv2d-relu-max-pool2d-winograd.ts";
import { zeroed, zeroedBias } from "../accumulators.ts";

/**
 * The work of each algorithm for one output and a row of the kernel; undefined where none can run.
 *
 * Winograd takes at least 4 channels. For one channel it would be no choice either: it is 8 % of LeNet-5 faster,
 * but blank pixels beside a stroke give zero, and its sums round to a little more or less, so that chance decided where
 * ReLU lets a gradient through (measured on MNIST: the losses of LeNet-5 were off by 3e-3 after 30 steps).
 */
export function forwardWorks(image: Shape, weight: Shape) {
  const [, , kw, channels] = weight as [number, number, number, number];
  if (image.length !== 3 || channels !== image[2]) return undefined;
  const [ph, pw] = windows(image, weight);
  if (ph < 1 || pw < 1) return undefined;
  return {
    plane: channels === 1 && pw >= 4 ? [kw] : undefined,
    winograd: kw === 5 && channels >= 4 && ph > 1 && pw > 1 ? [2 * channels, 1] : undefined,
    direct: [kw * channels],
  };
}

/**
 * The forward algorithm for these shapes, or undefined where there is none. Fusion asks it whether to fuse, forward
 * which kernel to run, and backward, through `argmaxLayout`, how argmax lies.
 */
export function algorithmFor(image: Shape, weight: Shape): "direct" | "winograd" | "plane" | undefined {
  const works = forwardWorks(image, weight);
  return works && cheapest(f32Conv2dReluMaxPool2d, works);
}

/** Rows and columns of pool windows. */
const windows = (image: Shape, weight: Shape): [number, number] => [
  (image[0]! - weight[1]! + 1) >> 1,
  (image[1]! - weight[2]! + 1) >> 1,
];

const argmaxLayout = (image: Shape, weight: Shape): Layout => (algorithmFor(image, weight) === "plane" ? planes : flat);

export const conv2dReluMaxPool2d: Op<object> = {
  name: "conv2dReluMaxPool2d",
  takes: realOperands,
  infer([x, weight]) {
    if (!algorithmFor(x!.shape, weight!.shape))
      throw new RangeError(
        `weights of ${showShape(weight!.shape)} and a pool of 2x2 do not fit images of ${showShape(x!.shape)}`,
      );
    const shape = [...windows(x!.shape, weight!.shape), weight!.shape[0]!];
    return [
      { shape, dtype: "f32", batched: true },
      { shape, dtype: "i32", batched: true },
    ];
  },
};

interface WeightGradient {
  weight: Shape;
  bias: boolean;
}

/** (x, argmax, dy) -> dw, db?, each a sum over the images. */
export const conv2dReluMaxPool2dWeightGradient: Op<WeightGradient> = {
  name: "conv2dReluMaxPool2dWeightGradient",
  takes: anyOperands,
  infer: (_, { weight, bias }) => [sum(weight), ...(bias ? [sum([weight[0]!])] : [])],
};

interface InputGradient {
  image: Shape;
}

/** (weight, argmax, dy) -> dx. */
export const conv2dReluMaxPool2dInputGradient: Op<InputGradient> = {
  name: "conv2dReluMaxPool2dInputGradient",
  takes: anyOperands,
  infer: (_, { image }) => [{ shape: image, dtype: "f32", batched: true }],
};

const sum = (shape: Shape): Type => ({ shape, dtype: "f32", batched: false });

/**
 * Every product of the convolution's output (pixel `from` of one image, output channel o): elements of image and
 * weight.
 */
function products(
  image: Shape,
  weight: Shape,
  from: number,
  o: number,
  visit: (pixel: number, weight: number) => void,
): void {
  const [, kh, kw, channels] = weight as [number, number, number, number];
  const run = kw * channels;
  for (let ky = 0; ky < kh; ky++)
    for (let k = 0; k < run; k++) visit(from + ky * image[1]! * channels + k, (o * kh + ky) * run + k);
}

/** Every pooled element that has a winner: (element, image, first element of its patch in the image, channel). */
function winners(
  argmax: { shape: Shape; data: Float64Array },
  visit: (element: number, image: number, from: number, o: number) => void,
): void {
  const perImage = size(argmax.shape.slice(1));
  argmax.data.forEach((offset, i) => {
    if (offset >= 0) visit(i, Math.floor(i / perImage), offset / 4, i % argmax.shape[3]!);
  });
}

export const evaluate = {
  conv2dReluMaxPool2d([x, weight, bias], _, { outputs: [type] }) {
    const [images, ...image] = x!.shape as [number, number, number, number];
    const [ph, pw, out] = type!.shape as [number, number, number];
    const y = tensor([images, ph, pw, out]);
    const argmax = tensor(y.shape);
    y.data.forEach((_, i) => {
      const o = i % out;
      const window = Math.floor(i / out) % (ph * pw);
      const first = Math.floor(i / (ph * pw * out)) * size(image);
      let best = -Infinity;
      let place = -1;
      for (const pixel of [0, 1, image[1]!, image[1]! + 1]) {
        const from = (2 * Math.floor(window / pw) * image[1]! + 2 * (window % pw) + pixel) * image[2]!;
        let value = bias?.data[o] ?? 0;
        products(image, weight!.shape, from, o, (p, q) => (value += x!.data[first + p]! * weight!.data[q]!));
        if (value <= best) continue;
        best = value;
        place = 4 * from;
      }
      y.data[i] = Math.max(0, best);
      argmax.data[i] = best > 0 ? place : -1;
    });
    return [y, argmax];
  },
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  conv2dReluMaxPool2dWeightGradient([x, argmax, dy], attrs) {
    const image = x!.shape.slice(1);
    const dw = tensor(attrs.weight);
    const db = tensor([attrs.weight[0]!]);
    winners(argmax!, (i, n, from, o) => {
      const d = dy!.data[i]!;
      db.data[o]! += d;
      products(image, attrs.weight, from, o, (p, q) => (dw.data[q]! += d * x!.data[n * size(image) + p]!));
    });
    return attrs.bias ? [dw, db] : [dw];
  },
  conv2dReluMaxPool2dInputGradient([weight, argmax, dy], { image }) {
    const dx = tensor([dy!.shape[0]!, ...image]);
    winners(argmax!, (i, n, from, o) => {
      const d = dy!.data[i]!;
      products(image, weight!.shape, from, o, (p, q) => (dx.data[n * size(image) + p]! += d * weight!.data[q]!));
    });
    return [dx];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  conv2dReluMaxPool2d(node: Node, [dy], graph) {
    const [x, weight, bias] = node.inputs;
    const argmax = node.outputs[1]!;
    const [dw, db] = graph.add(conv2dReluMaxPool2dWeightGradient, [x!, argmax, dy!], {
      weight: weight!.type.shape,
      bias: !!bias,
    });
    const dx = graph.one(conv2dReluMaxPool2dInputGradient, [weight!, argmax, dy!], { image: x!.type.shape });
    return [dx, dw, db];
  },
} satisfies Record<string, Gradient | object>;

export const lower = {
  conv2dReluMaxPool2d(node: Node, c) {
    const [x, weight, bias] = node.inputs;
    const [y, argmax] = node.outputs;
    const image = x!.type.shape;
    const [h, w, cin] = image as [number, number, number];
    const [cout, kh, kw] = weight!.type.shape as [number, number, number];
    const [oh, ow] = windows(image, weight!.type.shape);
    const kernel = algorithmFor(image, weight!.type.shape)!;
    const args = {
      x: c.in(x!),
      weight: c.in(weight!, kernel === "winograd" ? winogradRows : panels),
      bias: bias ? c.in(bias) : c.constant("no bias", new Float32Array(8 * Math.ceil(cout / 8))),
      y: c.out(y!),
      argmax: c.out(argmax!, argmaxLayout(image, weight!.type.shape)),
      ...{ h, w, cin, cout, kh, kw, oh, ow, run: kw * cin, x_row_stride: w * cin * 4, x_pixel_stride: cin * 4 },
    };
    if (kernel === "direct") c.each("f32_conv2d_relu_max_pool2d", args);
    else if (kernel === "plane") {
      const scratch = c.scratch("split columns", planeScratch(h, w, cout));
      c.each("f32_conv2d_relu_max_pool2d_plane", { ...args, scratch });
    } else {
      const scratch = c.scratch("transformed columns", winogradScratch(h, cin));
      c.each("f32_conv2d_relu_max_pool2d_winograd", { ...args, scratch });
    }
  },
} satisfies Record<string, Lower>;

/** dy and argmax, and how to step through argmax, as both backward kernels take them. */
function winnersOf(argmax: Node["inputs"][number], dy: Node["inputs"][number], layout: Layout, c: Lowering) {
  const [ph, pw, out] = dy.type.shape as [number, number, number];
  const planar = layout === planes;
  return {
    dy: c.in(dy),
    argmax: c.in(argmax, layout),
    window_stride: planar ? 4 : 4 * out,
    channel_stride: planar ? 4 * ph * pw : 4,
    cout: out,
  };
}

export const lowerBackward = {
  conv2dReluMaxPool2dWeightGradient(node: Node<WeightGradient>, c) {
    const [x, argmax, dy] = node.inputs;
    const { weight } = node.attrs;
    const image = x!.type.shape;
    const [cout, kh, kw, cin] = weight as [number, number, number, number];
    const [oh, ow] = windows(image, weight);
    const [dw, db] = node.outputs;
    c.each("f32_conv2d_relu_max_pool2d_weight_gradient", {
      x: c.in(x!),
      ...winnersOf(argmax!, dy!, argmaxLayout(image, weight), c),
      windows: oh * ow,
      kh,
      run: kw * cin,
      x_row_stride: image[1]! * cin * 4,
      list: c.scratch("winners", 8 * oh * ow * c.group),
      dw: zeroed(c, dw!, kernelRows),
      db: zeroedBias(c, db, cout),
    });
  },
  conv2dReluMaxPool2dInputGradient(node: Node<InputGradient>, c) {
    const [weight, argmax, dy] = node.inputs;
    const { image } = node.attrs;
    const dx = node.outputs[0]!;
    const [cout, kh, kw, cin] = weight!.type.shape as [number, number, number, number];
    const [oh, ow] = windows(image, weight!.type.shape);
    c.each("f32_conv2d_relu_max_pool2d_input_gradient", {
      ...winnersOf(argmax!, dy!, argmaxLayout(image, weight!.type.shape), c),
      weight: c.in(weight!, movedRows),
      dx: c.out(dx),
      oh,
      ow,
      kh,
      run: kw * cin,
      dx_row_stride: image[1]! * cin * 4,
      dx_pixel_stride: cin * 4,
      list: c.scratch("winners", 16 * cout),
    });
  },
} satisfies Record<string, Lower>;

export const prefers = {
  conv2dReluMaxPool2d: (_, operand) => (operand === 1 ? panels : undefined),
} satisfies Record<string, Prefers>;

export const prefersBackward = {
  conv2dReluMaxPool2dInputGradient: (_, operand) => (operand === 0 ? panels : undefined),
} satisfies Record<string, Prefers>;

/** Products of the dense forward; of backward at most a quarter, one pixel of each window. */
const macs = (weight: Shape, pooled: Shape) => 4 * size(weight) * pooled[0]! * pooled[1]!;

export const cost = {
  conv2dReluMaxPool2d: (node: Node) => ({ macs: macs(node.inputs[1]!.type.shape, node.outputs[0]!.type.shape) }),
  conv2dReluMaxPool2dWeightGradient: (node: Node<WeightGradient>) => ({
    macs: macs(node.attrs.weight, node.inputs[2]!.type.shape) / 4,
  }),
  conv2dReluMaxPool2dInputGradient: (node: Node<InputGradient>) => ({
    macs: macs(node.inputs[0]!.type.shape, node.inputs[2]!.type.shape) / 4,
  }),
} satisfies Record<string, CostOf>;

export const axes = {
  conv2dReluMaxPool2d: /* @__PURE__ */ refuse("slimming works on unfused graphs"),
} satisfies Record<string, Axes | object>;

export const traits = {
  conv2dReluMaxPool2d: { int8: "float" },
} satisfies Record<string, Traits>;

export const unstored = {
  conv2dReluMaxPool2d: /* @__PURE__ */ refuse("a file holds networks as they were built: fusion follows loading"),
} satisfies Record<string, Refusal>;
