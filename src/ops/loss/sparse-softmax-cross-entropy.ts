/**
 * sparseSoftmaxCrossEntropy(logits [k], class) -> one loss per image, -sum target * log softmax(logits), and the
 * probabilities that backward needs. target = (1 - smoothing) at the class, plus smoothing / k everywhere: Keras'
 * CategoricalCrossentropy(from_logits, label_smoothing) on one-hot targets.
 */
import { tensor } from "../../base/tensor.ts";
import type { Op } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";
import { free, sameType } from "../elementwise.ts";
import type { Smoothing } from "./probabilities.ts";
import {
  crossEntropies,
  crossEntropyGradient,
  lowerCrossEntropy,
  lowerCrossEntropyGradient,
} from "./softmax-cross-entropy.ts";

export const sparseSoftmaxCrossEntropy: Op<Smoothing> = {
  name: "sparseSoftmaxCrossEntropy",
  takes: anyOperands,
  infer([logits, target]) {
    if (logits!.shape.length !== 1)
      throw new RangeError(`expects one vector of logits per image, got ${logits!.shape.length} axes`);
    if (target!.shape.length || target!.dtype !== "i32")
      throw new RangeError("expects one class number (i32) per image");
    return [{ shape: [], dtype: "f32", batched: true }, logits!];
  },
};

/** (probabilities, class, dy per image) -> dx, of the logits. */
export const sparseSoftmaxCrossEntropyGradient: Op<Smoothing> = {
  name: "sparseSoftmaxCrossEntropyGradient",
  takes: anyOperands,
  infer: sameType,
};

export const evaluateBackward = {
  sparseSoftmaxCrossEntropy: ([logits, target], attrs: Smoothing) =>
    crossEntropies(logits!, attrs, (i, j) => Number(target!.data[i] === j)),
  sparseSoftmaxCrossEntropyGradient([p, target, dy], { smoothing }) {
    const k = p!.shape[1]!;
    return [
      tensor(
        p!.shape,
        p!.data.map((v, at) => {
          const i = Math.floor(at / k);
          return (v - (at % k === target!.data[i] ? 1 - smoothing : 0) - smoothing / k) * dy!.data[i]!;
        }),
      ),
    ];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  sparseSoftmaxCrossEntropy: /* @__PURE__ */ crossEntropyGradient(sparseSoftmaxCrossEntropyGradient),
} satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  sparseSoftmaxCrossEntropy: /* @__PURE__ */ lowerCrossEntropy("f32_sparse_softmax_cross_entropy"),
  sparseSoftmaxCrossEntropyGradient: /* @__PURE__ */ lowerCrossEntropyGradient(
    "f32_sparse_softmax_cross_entropy_gradient",
  ),
} satisfies Record<string, Lower>;

export const cost = {
  sparseSoftmaxCrossEntropy: free,
  sparseSoftmaxCrossEntropyGradient: free,
} satisfies Record<string, CostOf>;
