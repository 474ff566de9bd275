/**
 * prelu(x, alpha) = x > 0 ? x : alpha x (He et al. 2015). alpha has the shape of x; where its first axes are 1, one
 * alpha serves all of theirs.
 */
import { type Shape, sameShape, showShape, size } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import { fixed, indices } from "../../graph/axes.ts";
import type { Node, Op, Value } from "../../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Traits } from "../../graph/meaning.ts";
import { PARAMETER, REAL, realOperands } from "../../graph/operand.ts";
import type { Stored } from "../../graph/stored.ts";
import { flat } from "../../kernels/layout.ts";
import { free } from "../elementwise.ts";

export const prelu: Op = {
  name: "prelu",
  takes: { list: [{ ...REAL, batched: true, rows: true }, PARAMETER] },
  infer([x, alpha]) {
    const shared = alpha!.shape.findIndex(n => n !== 1);
    const own = shared < 0 ? [] : alpha!.shape.slice(shared);
    const fits =
      alpha!.shape.length === x!.shape.length && sameShape(own, x!.shape.slice(x!.shape.length - own.length));
    if (!fits) throw new RangeError(`slopes of ${showShape(alpha!.shape)} do not fit ${showShape(x!.shape)}`);
    return [x!];
  },
};

/** (dy, x, alpha) -> dx. */
export const preluGradient: Op = { name: "preluGradient", takes: realOperands, infer: ([dy]) => [dy!] };

/** (dy, x) -> dalpha of shape `alpha`, a sum over the images. */
export const preluAlphaGradient: Op<{ alpha: Shape }> = {
  name: "preluAlphaGradient",
  takes: realOperands,
  infer: (_, { alpha }) => [{ shape: alpha, dtype: "f32", batched: false }],
};

export const evaluate = {
  prelu: ([x, alpha]) => [
    tensor(
      x!.shape,
      x!.data.map((v, i) => (v > 0 ? v : v * alpha!.data[i % alpha!.data.length]!)),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const evaluateBackward = {
  preluGradient: ([dy, x, alpha]) => [
    tensor(
      x!.shape,
      dy!.data.map((d, i) => (x!.data[i]! > 0 ? d : d * alpha!.data[i % alpha!.data.length]!)),
    ),
  ],
  preluAlphaGradient([dy, x], { alpha }) {
    const dalpha = tensor(alpha);
    dy!.data.forEach((d, i) => {
      dalpha.data[i % dalpha.data.length]! += d * Math.min(x!.data[i]!, 0);
    });
    return [dalpha];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  prelu(node: Node, [dy], graph) {
    const [x, alpha] = node.inputs;
    return [
      graph.one(preluGradient, [dy!, x!, alpha!]),
      graph.one(preluAlphaGradient, [dy!, x!], { alpha: alpha!.type.shape }),
    ];
  },
} satisfies Record<string, Gradient | object>;

/** An image as `repeat` times k elements, k slopes. */
const repeated = (x: Value, alpha: Shape) => ({ repeat: size(x.type.shape) / size(alpha), k: size(alpha) });

export const lower = {
  prelu(node: Node, c) {
    const [x, alpha] = node.inputs;
    const y = node.outputs[0]!;
    c.each("f32_prelu", {
      x: c.in(x!),
      alpha: c.in(alpha!),
      y: c.out(y),
      ...repeated(x!, alpha!.type.shape),
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  preluGradient(node: Node, c) {
    const [dy, x, alpha] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_prelu_gradient", {
      dy: c.in(dy!),
      x: c.in(x!),
      alpha: c.in(alpha!),
      dx: c.out(dx),
      ...repeated(x!, alpha!.type.shape),
    });
  },
  preluAlphaGradient(node: Node<{ alpha: Shape }>, c) {
    const [dy, x] = node.inputs;
    const { alpha } = node.attrs;
    const dalpha = c.out(node.outputs[0]!);
    c.call("zero", { y: dalpha, bytes: flat.bytes(alpha, "f32") });
    c.each("f32_prelu_alpha_gradient", {
      dy: c.in(dy!),
      x: c.in(x!),
      dalpha,
      ...repeated(x!, alpha),
    });
  },
} satisfies Record<string, Lower>;

export const cost = {
  prelu: (node: Node) => ({ macs: size(node.inputs[0]!.type.shape) }),
  preluGradient: free,
  preluAlphaGradient: free,
} satisfies Record<string, CostOf>;

/** alpha has size 1 along axes that it is shared along. */
export const axes = {
  prelu(node: Node) {
    const [x, alpha] = node.inputs;
    const all = x!.type.shape.map(indices);
    const own = alpha!.type.shape.map((n, axis) => (n === all[axis]!.size ? all[axis]! : fixed(1)));
    return { operands: [all, own, all] };
  },
} satisfies Record<string, Axes>;

export const traits = {
  prelu: { int8: "float" },
} satisfies Record<string, Traits>;

export const stored = {
  prelu: {
    op: prelu,
    number: 19,
    fields: {},
    parameters: [{ name: "alpha", role: "weight", shape: ([x]) => x!.shape }],
  },
} satisfies Record<string, Stored>;
