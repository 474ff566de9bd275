/** add(a, b) of equal shapes, any layout. Of int8: XNNPACK's qs8-vadd, each operand and the output in a quantization of its own. */
import { sameShape, showShape } from "../base/shape.ts";
import { tensor } from "../base/tensor.ts";
import type { Node, Op, Type, Value } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Lowering, Prefers } from "../graph/meaning.ts";
import { addition } from "../kernels/stored.ts";
import { sameAxes } from "./elementwise.ts";
import {
  affine,
  at,
  clamps,
  elementwiseType,
  isInt8,
  type Quantized,
  storedIn,
  storedLayout,
  storedOut,
} from "./quantized.ts";

export const add: Op<Quantized> = {
  name: "add",
  infer([a, b], attrs) {
    if (!sameShape(a!.shape, b!.shape))
      throw new RangeError(`cannot add ${showShape(a!.shape)} and ${showShape(b!.shape)}`);
    return [elementwiseType(a!, attrs, [b!])];
  },
};

function numbers(a: Type, b: Type, y: Type) {
  const found = addition(affine(a), affine(b), affine(y));
  if (found) return found;
  const scales = [a, b, y].map(t => affine(t).scale);
  throw new RangeError(`scales ${scales[0]} and ${scales[1]} lie too far from their sum's ${scales[2]}`);
}

/** (bias + a * ma + b * mb) >> shift on stored numbers, + zero point, clamped. */
function int8Sum(a: Type, b: Type, y: Type): (p: number, q: number) => number {
  const { ma, mb, bias, shift } = numbers(a, b, y);
  const { zero, qmin, qmax } = clamps(y);
  return (p, q) => Math.max(qmin, Math.min(qmax, ((bias + (p + 128) * ma + (q + 128) * mb) >> shift) + zero));
}

export const evaluate = {
  add([a, b], _, { inputs, outputs }) {
    const sum = isInt8(outputs[0]!) ? int8Sum(inputs[0]!, inputs[1]!, outputs[0]!) : (p: number, q: number) => p + q;
    return [
      tensor(
        a!.shape,
        a!.data.map((v, i) => sum(v, b!.data[i]!)),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = { add: (_, [upstream]) => [upstream, upstream] } satisfies Record<string, Gradient>;

export const lower = {
  add(node: Node, c) {
    const [a, b] = node.inputs;
    if (isInt8(a!.type)) {
      lowerInt8(node, c);
      return;
    }
    const layout = c.layoutOf(a!);
    const y = c.out(node.outputs[0]!, layout);
    c.map("f32_add", a!, n => ({ n, a: c.ref(a!), b: c.in(b!, layout), y }));
  },
} satisfies Record<string, Lower>;

function lowerInt8(node: Node<Quantized>, c: Lowering): void {
  const [a, b] = node.inputs as [Value, Value];
  const y = node.outputs[0]!;
  const first = storedIn(c, a);
  const second = storedIn(c, b);
  const to = storedOut(c, y);
  const { height, width, channels } = to.image;
  c.each("i8_add", {
    n: "count",
    a: at(first.ref, first.image.first),
    as: first.stride,
    apitch: first.image.pitch,
    b: at(second.ref, second.image.first),
    bs: second.stride,
    bpitch: second.image.pitch,
    y: at(to.ref, to.image.first),
    ys: to.stride,
    ypitch: to.image.pitch,
    rows: height,
    length: width * channels,
    ...numbers(a.type, b.type, y.type),
    ...clamps(y.type),
  });
}

export const prefers = {
  add(node, operand, c) {
    const v = node.inputs[operand]!;
    return isInt8(v.type) ? storedLayout(c, v) : c.prefer(node.outputs[0]!);
  },
} satisfies Record<string, Prefers>;

export const cost = { add: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { add: sameAxes } satisfies Record<string, Axes>;
