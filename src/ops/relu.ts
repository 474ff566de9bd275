/** relu(x) = max(x, 0), any shape and layout. */
import { tensor } from "../base/tensor.ts";
import type { Node, Op } from "../graph/graph.ts";
import {
  type Axes,
  type CostOf,
  type Evaluate,
  type Gradient,
  type Lower,
  type Prefers,
  refuse,
} from "../graph/meaning.ts";
import { sameAxes } from "./elementwise.ts";

export const relu: Op = { name: "relu", infer: ([x]) => [x!] };

/** (upstream, y) -> upstream where y > 0, else 0. */
export const reluGradient: Op = { name: "reluGradient", infer: ([upstream]) => [upstream!] };

export const evaluate = {
  relu: ([x]) => [
    tensor(
      x!.shape,
      x!.data.map(v => Math.max(0, v)),
    ),
  ],
  reluGradient: ([upstream, y]) => [
    tensor(
      upstream!.shape,
      upstream!.data.map((d, i) => (y!.data[i]! > 0 ? d : 0)),
    ),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  relu: (node: Node, [upstream], graph) => [graph.one(reluGradient, [upstream!, node.outputs[0]!])],
  reluGradient: refuse("second derivatives are not built"),
} satisfies Record<string, Gradient | object>;

export const lower = {
  relu(node: Node, c) {
    const x = node.inputs[0]!;
    const y = c.out(node.outputs[0]!, c.layoutOf(x));
    c.map("f32_relu", x, n => ({ n, x: c.ref(x), y }));
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  reluGradient(node: Node, c) {
    const [upstream, y] = node.inputs;
    const layout = c.layoutOf(upstream!);
    const dx = c.out(node.outputs[0]!, layout);
    c.map("f32_relu_gradient", upstream!, n => ({ n, dy: c.ref(upstream!), y: c.in(y!, layout), dx }));
  },
} satisfies Record<string, Lower>;

export const prefers = {} satisfies Record<string, Prefers>;

export const cost = { relu: () => ({ macs: 0 }), reluGradient: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = {
  relu: sameAxes,
  reluGradient: refuse("slimming works on forward graphs"),
} satisfies Record<string, Axes | object>;
