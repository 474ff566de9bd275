/** The lowering of ops over the rows of the last axis: softmax and logSoftmax. */
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Lower } from "../../graph/meaning.ts";
import { rowsOf } from "../elementwise.ts";

/** `of` on every row of the last axis of x, with the row of `other` beside it. */
export function overRows(
  x: Tensor,
  other: Tensor,
  of: (row: Float64Array, other: Float64Array) => Float64Array,
): Tensor {
  const k = x.shape.at(-1)!;
  const y = tensor(x.shape);
  for (let at = 0; at < x.data.length; at += k)
    y.data.set(of(x.data.subarray(at, at + k), other.data.subarray(at, at + k)), at);
  return y;
}

/** A kernel (x, y) over rows of floats. */
export const lowerRows =
  (kernel: "f32_softmax" | "f32_log_softmax"): Lower =>
  (node, c) => {
    const x = node.inputs[0]!;
    const y = node.outputs[0]!;
    const ends = { x: c.in(x), y: c.out(y) };
    c.each(kernel, { ...ends, ...rowsOf(x) });
  };

/** A kernel (dy, output, dx) over rows of floats. */
export const lowerRowsGradient =
  (kernel: "f32_softmax_gradient" | "f32_log_softmax_gradient"): Lower =>
  (node, c) => {
    const [dy, y] = node.inputs;
    const dx = node.outputs[0]!;
    c.each(kernel, {
      dy: c.in(dy!),
      y: c.in(y!),
      dx: c.out(dx),
      ...rowsOf(dx),
    });
  };
