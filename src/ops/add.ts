/** add(a, b) of equal shapes, any layout. */
import { sameShape, showShape } from "../base/shape.ts";
import { tensor } from "../base/tensor.ts";
import type { Node, Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { sameAxes } from "./elementwise.ts";

export const add: Op = {
  name: "add",
  infer([a, b]) {
    if (!sameShape(a!.shape, b!.shape))
      throw new RangeError(`cannot add ${showShape(a!.shape)} and ${showShape(b!.shape)}`);
    return [a!];
  },
};

export const evaluate = {
  add: ([a, b]) => [
    tensor(
      a!.shape,
      a!.data.map((v, i) => v + b!.data[i]!),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = { add: (_, [upstream]) => [upstream, upstream] } satisfies Record<string, Gradient>;

export const lower = {
  add(node: Node, c) {
    const [a, b] = node.inputs;
    const layout = c.layoutOf(a!);
    const y = c.out(node.outputs[0]!, layout);
    c.map("f32_add", a!, n => ({ n, a: c.ref(a!), b: c.in(b!, layout), y }));
  },
} satisfies Record<string, Lower>;

export const prefers = { add: (node, _, c) => c.prefer(node.outputs[0]!) } satisfies Record<string, Prefers>;

export const cost = { add: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = { add: sameAxes } satisfies Record<string, Axes>;
