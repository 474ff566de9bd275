/**
 * softmaxCrossEntropy(logits [k], targets [k]) -> one loss per image, -sum target log softmax(logits), and the
 * probabilities that backward needs; target = t (1 - smoothing) + smoothing / k. Keras:
 * CategoricalCrossentropy(from_logits=True, label_smoothing).
 */
import { exp, log } from "../../base/math.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Node, Op } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";
import { free, sameType } from "../elementwise.ts";
import type { Smoothing } from "./probabilities.ts";

export const softmaxCrossEntropy: Op<Smoothing> = {
  name: "softmaxCrossEntropy",
  takes: anyOperands,
  infer([logits, target]) {
    const got = `${showShape(logits!.shape)} and ${showShape(target!.shape)}`;
    if (logits!.shape.length !== 1 || !sameShape(logits!.shape, target!.shape))
      throw new RangeError(`expects one vector of logits and one of targets per image, got ${got}`);
    return [{ shape: [], dtype: "f32", batched: true }, logits!];
  },
};

/** (probabilities, targets, dy per image) -> dx, of the logits. */
export const softmaxCrossEntropyGradient: Op<Smoothing> = {
  name: "softmaxCrossEntropyGradient",
  takes: anyOperands,
  infer: sameType,
};

/** Losses and probabilities of logits; `target` is that of a class in an image, not yet smoothed. */
export function crossEntropies(
  logits: Tensor,
  { smoothing }: Smoothing,
  target: (image: number, label: number) => number,
): Tensor[] {
  const [images, k] = logits.shape as [number, number];
  const loss = tensor([images]);
  const p = tensor([images, k]);
  for (let i = 0; i < images; i++) {
    const row = logits.data.subarray(i * k, (i + 1) * k);
    const top = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((sum, v) => sum + exp(v - top), 0);
    row.forEach((v, j) => {
      const wanted = target(i, j) * (1 - smoothing) + smoothing / k;
      loss.data[i]! += wanted * (log(total) + top - v);
      p.data[i * k + j] = exp(v - top) / total;
    });
  }
  return [loss, p];
}

export const evaluateBackward = {
  softmaxCrossEntropy: ([logits, target], attrs: Smoothing) =>
    crossEntropies(logits!, attrs, (i, j) => target!.data[i * logits!.shape[1]! + j]!),
  softmaxCrossEntropyGradient([p, target, dy], { smoothing }: Smoothing) {
    const [images, k] = p!.shape as [number, number];
    const dx = tensor(p!.shape);
    for (let i = 0; i < images; i++) {
      const wanted = target!.data.subarray(i * k, (i + 1) * k).map(t => t * (1 - smoothing) + smoothing / k);
      const mass = wanted.reduce((a, b) => a + b, 0);
      for (let j = 0; j < k; j++) dx.data[i * k + j] = (p!.data[i * k + j]! * mass - wanted[j]!) * dy!.data[i]!;
    }
    return [dx];
  },
} satisfies Record<string, Evaluate>;

/** By a backward op that reads (probabilities, targets, dy per image). */
export const crossEntropyGradient =
  (backward: Op<Smoothing>): Gradient<Smoothing> =>
  (node, [dy], graph) => [graph.one(backward, [node.outputs[1]!, node.inputs[1]!, dy!], node.attrs), undefined];

export const gradient = {
  softmaxCrossEntropy: /* @__PURE__ */ crossEntropyGradient(softmaxCrossEntropyGradient),
} satisfies Record<string, Gradient | object>;

/** A kernel (logits, targets) -> loss and probabilities. */
export const lowerCrossEntropy =
  (kernel: "f32_softmax_cross_entropy" | "f32_sparse_softmax_cross_entropy"): Lower<Smoothing> =>
  (node: Node<Smoothing>, c) => {
    const [x, t] = node.inputs;
    const [loss, p] = node.outputs;
    const ends = { x: c.in(x!), t: c.in(t!), loss: c.out(loss!), p: c.out(p!) };
    c.each(kernel, { ...ends, k: x!.type.shape[0]!, smoothing: node.attrs.smoothing });
  };

/** A kernel (probabilities, targets, dy per image) -> dx, of the logits. */
export const lowerCrossEntropyGradient =
  (kernel: "f32_softmax_cross_entropy_gradient" | "f32_sparse_softmax_cross_entropy_gradient"): Lower<Smoothing> =>
  (node: Node<Smoothing>, c) => {
    const [p, t, dy] = node.inputs;
    const ends = { p: c.in(p!), t: c.in(t!), dy: c.ref(dy!), dx: c.out(node.outputs[0]!) };
    c.each(kernel, { ...ends, k: p!.type.shape[0]!, smoothing: node.attrs.smoothing });
  };

export const lowerBackward = {
  softmaxCrossEntropy: /* @__PURE__ */ lowerCrossEntropy("f32_softmax_cross_entropy"),
  softmaxCrossEntropyGradient: /* @__PURE__ */ lowerCrossEntropyGradient("f32_softmax_cross_entropy_gradient"),
} satisfies Record<string, Lower>;

export const cost = { softmaxCrossEntropy: free, softmaxCrossEntropyGradient: free } satisfies Record<string, CostOf>;
