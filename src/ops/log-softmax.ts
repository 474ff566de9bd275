/** logSoftmax(x) = x - log(sum e^x) over the last axis. */
import { exp, log } from "../base/math.ts";
import { type Tensor, tensor } from "../base/tensor.ts";
import type { Node, Op } from "../graph/graph.ts";
import type { Axes, CostOf, Evaluate, Gradient, Lower, Prefers } from "../graph/meaning.ts";
import { flat } from "../kernels/layout.ts";
import { free, fromOutput, noBackwardAxes, noSecondDerivative, rowsOf, sameAxes, sameType } from "./elementwise.ts";

export const logSoftmax: Op = { name: "logSoftmax", infer: sameType };

/** (upstream, output) -> d input. */
export const logSoftmaxGradient: Op = { name: "logSoftmaxGradient", infer: sameType };

/** `of` on every row of the last axis of x, with the row of `other` beside it. */
function overRows(x: Tensor, other: Tensor, of: (row: Float64Array, other: Float64Array) => Float64Array): Tensor {
  const k = x.shape.at(-1)!;
  const y = tensor(x.shape);
  for (let at = 0; at < x.data.length; at += k)
    y.data.set(of(x.data.subarray(at, at + k), other.data.subarray(at, at + k)), at);
  return y;
}

export const evaluate = {
  logSoftmax: ([x]) => [
    overRows(x!, x!, row => {
      const top = Math.max(...row);
      const total = row.reduce((sum, v) => sum + exp(v - top), 0);
      return row.map(v => v - top - log(total));
    }),
  ],
  logSoftmaxGradient: ([upstream, output]) => [
    overRows(upstream!, output!, (d, y) => {
      const sum = d.reduce((a, b) => a + b, 0);
      return d.map((v, j) => v - exp(y[j]!) * sum);
    }),
  ],
} satisfies Record<string, Evaluate>;

export const gradient = {
  logSoftmax: fromOutput(logSoftmaxGradient),
  logSoftmaxGradient: noSecondDerivative,
} satisfies Record<string, Gradient | object>;

export const lower = {
  logSoftmax(node: Node, c) {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    c.each("f32_log_softmax", {
      n: "count",
      x: c.in(x, flat),
      xs: c.strideIn(x, flat),
      y: c.out(y),
      ys: c.stride(y),
      ...rowsOf(x),
    });
  },
} satisfies Record<string, Lower>;

export const lowerBackward = {
  logSoftmaxGradient(node: Node, c) {
    const [upstream, y] = node.inputs;
    const dx = node.outputs[0]!;
    c.each("f32_log_softmax_gradient", {
      n: "count",
      dy: c.in(upstream!, flat),
      dys: c.strideIn(upstream!, flat),
      y: c.in(y!, flat),
      ys: c.strideIn(y!, flat),
      dx: c.out(dx),
      dxs: c.stride(dx),
      ...rowsOf(dx),
    });
  },
} satisfies Record<string, Lower>;

export const prefers = {} satisfies Record<string, Prefers>;

export const cost = { logSoftmax: free, logSoftmaxGradient: free } satisfies Record<string, CostOf>;

export const axes = { logSoftmax: sameAxes, logSoftmaxGradient: noBackwardAxes } satisfies Record<
  string,
  Axes | object
>;
