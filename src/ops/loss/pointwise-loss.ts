/**
 * Losses that compare predictions and targets element by element: (predictions, targets of the same shape) -> one
 * number per image, the mean over its elements (klDivergence: their sum). Keras' semantics: probabilities are clipped
 * to [1e-7, 1 - 1e-7], for the divergence predictions and targets to [1e-7, 1]; beyond that nothing flows. Nothing
 * flows into targets.
 */
import { exp, log, log1p, sigmoid } from "../../base/math.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { realOperands } from "../../graph/operand.ts";
import { free, sameType } from "../elementwise.ts";
import { lossArgs, slopeArgs } from "./loss-args.ts";
import { BELOW_ONE, clip, type Smoothing, unclipped } from "./probabilities.ts";

export interface Huber {
  /** The error at which the loss turns from a square into a line. */
  delta: number;
}

const perImage: Type = { shape: [], dtype: "f32", batched: true };

function infer([x, t]: Type[]): Type[] {
  if (!sameShape(x!.shape, t!.shape))
    throw new RangeError(`predictions of ${showShape(x!.shape)} do not fit targets of ${showShape(t!.shape)}`);
  return [perImage];
}

/** mean (x - t)^2. */
export const meanSquaredError: Op = { name: "meanSquaredError", takes: realOperands, infer };
/** mean |x - t|. */
export const meanAbsoluteError: Op = { name: "meanAbsoluteError", takes: realOperands, infer };
/** mean of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2); e = x - t. */
export const huber: Op<Huber> = { name: "huber", takes: realOperands, infer };
/** From probabilities: mean of -(t log x + (1 - t) log(1 - x)). */
export const binaryCrossEntropy: Op<Smoothing> = { name: "binaryCrossEntropy", takes: realOperands, infer };
/** The same from logits. */
export const sigmoidCrossEntropy: Op<Smoothing> = { name: "sigmoidCrossEntropy", takes: realOperands, infer };
/** sum t log(t / x), one vector per image. */
export const klDivergence: Op = {
  name: "klDivergence",
  takes: realOperands,
  infer(types) {
    if (types[0]!.shape.length !== 1)
      throw new RangeError(`expects one vector per image, got ${showShape(types[0]!.shape)}`);
    return infer(types);
  },
};

/** (predictions, targets, dy per image) -> dx. */
export const meanSquaredErrorGradient: Op = { name: "meanSquaredErrorGradient", takes: realOperands, infer: sameType };
export const meanAbsoluteErrorGradient: Op = {
  name: "meanAbsoluteErrorGradient",
  takes: realOperands,
  infer: sameType,
};
export const huberGradient: Op<Huber> = { name: "huberGradient", takes: realOperands, infer: sameType };
export const binaryCrossEntropyGradient: Op<Smoothing> = {
  name: "binaryCrossEntropyGradient",
  takes: realOperands,
  infer: sameType,
};
export const sigmoidCrossEntropyGradient: Op<Smoothing> = {
  name: "sigmoidCrossEntropyGradient",
  takes: realOperands,
  infer: sameType,
};
export const klDivergenceGradient: Op = { name: "klDivergenceGradient", takes: realOperands, infer: sameType };

const drawn = (t: number, { smoothing }: Smoothing): number => t * (1 - smoothing) + smoothing / 2;

type OfPair<A> = (x: number, t: number, attrs: A) => number;

const mean =
  <A>(term: OfPair<A>, sum = false): Evaluate<A> =>
  ([x, t], attrs) => {
    const images = x!.shape[0]!;
    const k = x!.data.length / images;
    const loss = tensor([images]);
    x!.data.forEach((v, at) => {
      loss.data[Math.floor(at / k)]! += term(v, t!.data[at]!, attrs) / (sum ? 1 : k);
    });
    return [loss];
  };

const slopes =
  <A>(slope: OfPair<A>, sum = false): Evaluate<A> =>
  ([x, t, dy], attrs) => {
    const k = x!.data.length / x!.shape[0]!;
    const d = x!.data.map((v, at) => (slope(v, t!.data[at]!, attrs) * dy!.data[Math.floor(at / k)]!) / (sum ? 1 : k));
    return [tensor(x!.shape, d)];
  };

export const evaluateBackward = {
  meanSquaredError: /* @__PURE__ */ mean((x, t) => (x - t) ** 2),
  meanSquaredErrorGradient: /* @__PURE__ */ slopes((x, t) => 2 * (x - t)),
  meanAbsoluteError: /* @__PURE__ */ mean((x, t) => Math.abs(x - t)),
  meanAbsoluteErrorGradient: /* @__PURE__ */ slopes((x, t) => Math.sign(x - t)),
  huber: /* @__PURE__ */ mean((x, t, { delta }: Huber) =>
    Math.abs(x - t) <= delta ? (x - t) ** 2 / 2 : delta * (Math.abs(x - t) - delta / 2),
  ),
  huberGradient: /* @__PURE__ */ slopes((x, t, { delta }: Huber) => Math.min(Math.max(x - t, -delta), delta)),
  binaryCrossEntropy: /* @__PURE__ */ mean((x, t, attrs: Smoothing) => {
    const q = clip(x, BELOW_ONE);
    const target = drawn(t, attrs);
    return -(target * log(q) + (1 - target) * log(1 - q));
  }),
  binaryCrossEntropyGradient: /* @__PURE__ */ slopes((x, t, attrs: Smoothing) =>
    unclipped(x, BELOW_ONE) ? (x - drawn(t, attrs)) / (x * (1 - x)) : 0,
  ),
  sigmoidCrossEntropy: /* @__PURE__ */ mean(
    (x, t, attrs: Smoothing) => Math.max(x, 0) - x * drawn(t, attrs) + log1p(exp(-Math.abs(x))),
  ),
  sigmoidCrossEntropyGradient: /* @__PURE__ */ slopes((x, t, attrs: Smoothing) => sigmoid(x) - drawn(t, attrs)),
  klDivergence: /* @__PURE__ */ mean((x, t) => clip(t, 1) * log(clip(t, 1) / clip(x, 1)), true),
  klDivergenceGradient: /* @__PURE__ */ slopes((x, t) => (unclipped(x, 1) ? -clip(t, 1) / x : 0), true),
} satisfies Record<string, Evaluate>;

const rule =
  <A>(backward: Op<A>): Gradient<A> =>
  (node: Node<A>, [dy], graph) => [graph.one(backward, [...node.inputs, dy!], node.attrs), undefined];

export const gradient = {
  meanSquaredError: /* @__PURE__ */ rule(meanSquaredErrorGradient),
  meanAbsoluteError: /* @__PURE__ */ rule(meanAbsoluteErrorGradient),
  huber: /* @__PURE__ */ rule(huberGradient),
  binaryCrossEntropy: /* @__PURE__ */ rule(binaryCrossEntropyGradient),
  sigmoidCrossEntropy: /* @__PURE__ */ rule(sigmoidCrossEntropyGradient),
  klDivergence: /* @__PURE__ */ rule(klDivergenceGradient),
} satisfies Record<string, Gradient | object>;

type PlainLoss = "f32_mean_squared_error" | "f32_mean_absolute_error" | "f32_kl_divergence";
type SmoothedLoss = "f32_binary_cross_entropy" | "f32_sigmoid_cross_entropy";

const lowerLoss =
  (kernel: PlainLoss): Lower<object> =>
  (node, c) =>
    c.each(kernel, lossArgs(node, c));

const lowerSlope =
  (kernel: `${PlainLoss}_gradient`): Lower<object> =>
  (node, c) =>
    c.each(kernel, slopeArgs(node, c));

const lowerSmoothed =
  (kernel: SmoothedLoss): Lower<Smoothing> =>
  (node, c) =>
    c.each(kernel, { ...lossArgs(node, c), ...node.attrs });

const lowerSmoothedSlope =
  (kernel: `${SmoothedLoss}_gradient`): Lower<Smoothing> =>
  (node, c) =>
    c.each(kernel, { ...slopeArgs(node, c), ...node.attrs });

export const lowerBackward = {
  meanSquaredError: /* @__PURE__ */ lowerLoss("f32_mean_squared_error"),
  meanSquaredErrorGradient: /* @__PURE__ */ lowerSlope("f32_mean_squared_error_gradient"),
  meanAbsoluteError: /* @__PURE__ */ lowerLoss("f32_mean_absolute_error"),
  meanAbsoluteErrorGradient: /* @__PURE__ */ lowerSlope("f32_mean_absolute_error_gradient"),
  huber: (node: Node<Huber>, c) => c.each("f32_huber", { ...lossArgs(node, c), ...node.attrs }),
  huberGradient: (node: Node<Huber>, c) => c.each("f32_huber_gradient", { ...slopeArgs(node, c), ...node.attrs }),
  binaryCrossEntropy: /* @__PURE__ */ lowerSmoothed("f32_binary_cross_entropy"),
  binaryCrossEntropyGradient: /* @__PURE__ */ lowerSmoothedSlope("f32_binary_cross_entropy_gradient"),
  sigmoidCrossEntropy: /* @__PURE__ */ lowerSmoothed("f32_sigmoid_cross_entropy"),
  sigmoidCrossEntropyGradient: /* @__PURE__ */ lowerSmoothedSlope("f32_sigmoid_cross_entropy_gradient"),
  klDivergence: /* @__PURE__ */ lowerLoss("f32_kl_divergence"),
  klDivergenceGradient: /* @__PURE__ */ lowerSlope("f32_kl_divergence_gradient"),
} satisfies Record<string, Lower>;

export const cost = {
  meanSquaredError: free,
  meanSquaredErrorGradient: free,
  meanAbsoluteError: free,
  meanAbsoluteErrorGradient: free,
  huber: free,
  huberGradient: free,
  binaryCrossEntropy: free,
  binaryCrossEntropyGradient: free,
  sigmoidCrossEntropy: free,
  sigmoidCrossEntropyGradient: free,
  klDivergence: free,
  klDivergenceGradient: free,
} satisfies Record<string, CostOf>;
