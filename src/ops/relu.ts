/** relu(x) = max(x, 0), any shape and layout. Of int8: max(q, zero point), in the input's own quantization. */
import { tensor } from "../base/tensor.ts";
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
import { passedOn, sameAxes } from "./elementwise.ts";
import { affine, isInt8, rowsBetween, storedIn, storedOut } from "./quantized.ts";

export const relu: Op = { name: "relu", infer: ([x]) => [x!] };

/** (upstream, y) -> upstream where y > 0, else 0. */
export const reluGradient: Op = { name: "reluGradient", infer: ([upstream]) => [upstream!] };

export const evaluate = {
  relu([x], _, { inputs: [type] }) {
    const least = isInt8(type!) ? affine(type!).zero : 0;
    return [
      tensor(
        x!.shape,
        x!.data.map(v => Math.max(least, v)),
      ),
    ];
  },
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
    if (isInt8(x.type)) {
      lowerInt8(node, c);
      return;
    }
    const y = c.out(node.outputs[0]!, c.layoutOf(x));
    c.map("f32_relu", x, n => ({ n, x: c.ref(x), y }));
  },
} satisfies Record<string, Lower>;

function lowerInt8(node: Node, c: Lowering): void {
  const x = node.inputs[0]!;
  const y = node.outputs[0]!;
  const { zero } = affine(x.type);
  // nothing is below the zero point: what quantizes a relu's own range makes it free
  if (zero === -128) {
    c.alias(y, x);
    return;
  }
  const rows = rowsBetween(storedIn(c, x), storedOut(c, y));
  c.each("i8_requantize", { ...rows, scale: 1, from: zero, to: zero, qmin: zero, qmax: 127 });
}

export const lowerBackward = {
  reluGradient(node: Node, c) {
    const [upstream, y] = node.inputs;
    const layout = c.layoutOf(upstream!);
    const dx = c.out(node.outputs[0]!, layout);
    c.map("f32_relu_gradient", upstream!, n => ({ n, dy: c.ref(upstream!), y: c.in(y!, layout), dx }));
  },
} satisfies Record<string, Lower>;

export const prefers = { relu: passedOn } satisfies Record<string, Prefers>;

export const cost = { relu: () => ({ macs: 0 }), reluGradient: () => ({ macs: 0 }) } satisfies Record<string, CostOf>;

export const axes = {
  relu: sameAxes,
  reluGradient: refuse("slimming works on forward graphs"),
} satisfies Record<string, Axes | object>;
