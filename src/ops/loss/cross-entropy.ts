/**
 * Cross-entropy from probabilities, one loss per image, in Keras' two orders: crossEntropy(p [k], targets [k]) divides
 * by the sum and then clips to [1e-7, 1 - 1e-7]; sparseCrossEntropy(p [k], class) clips first. target = t (1 -
 * smoothing) + smoothing / k. entropy(p [k]) = -sum p log p has no target: how undecided a prediction is.
 */
import { log } from "../../base/math.ts";
import { sameShape, showShape } from "../../base/shape.ts";
import { tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import type { CostOf, Evaluate, Gradient, Lower } from "../../graph/meaning.ts";
import { anyOperands, realOperands } from "../../graph/operand.ts";
import { free, sameType } from "../elementwise.ts";
import { flowArgs, lossArgs, slopeArgs } from "./loss-args.ts";
import { BELOW_ONE, clip, type Smoothing, unclipped } from "./probabilities.ts";

const perImage: Type = { shape: [], dtype: "f32", batched: true };

function vector(x: Type): void {
  if (x.shape.length !== 1) throw new RangeError(`expects one vector per image, got ${showShape(x.shape)}`);
}

export const crossEntropy: Op<Smoothing> = {
  name: "crossEntropy",
  takes: anyOperands,
  infer([x, t]) {
    vector(x!);
    if (!sameShape(x!.shape, t!.shape))
      throw new RangeError(`predictions of ${showShape(x!.shape)} do not fit targets of ${showShape(t!.shape)}`);
    return [perImage];
  },
};

export const sparseCrossEntropy: Op<Smoothing> = {
  name: "sparseCrossEntropy",
  takes: anyOperands,
  infer([x, t]) {
    vector(x!);
    if (t!.shape.length || t!.dtype !== "i32") throw new RangeError("expects one class number (i32) per image");
    return [perImage];
  },
};

export const entropy: Op = {
  name: "entropy",
  takes: anyOperands,
  infer([x]) {
    vector(x!);
    return [perImage];
  },
};

/** (probabilities, targets, dy per image) -> dx; entropy has no targets. */
export const crossEntropyGradient: Op<Smoothing> = {
  name: "crossEntropyGradient",
  takes: anyOperands,
  infer: sameType,
};
export const sparseCrossEntropyGradient: Op<Smoothing> = {
  name: "sparseCrossEntropyGradient",
  takes: anyOperands,
  infer: sameType,
};
export const entropyGradient: Op = { name: "entropyGradient", takes: realOperands, infer: sameType };

const sum = (x: Float64Array): number => x.reduce((a, b) => a + b, 0);
const dot = (x: Float64Array, y: Float64Array): number => x.reduce((s, v, j) => s + v * y[j]!, 0);

/** `of` for each image: its row of probabilities, its targets as a row, its dy. */
function perRow(
  [x, t, dy]: Parameters<Evaluate>[0],
  { smoothing }: Smoothing,
  of: (row: Float64Array, target: Float64Array, up: number) => ArrayLike<number>,
): Float64Array {
  const [images, k] = x!.shape as [number, number];
  const all: number[] = [];
  for (let i = 0; i < images; i++) {
    const hit = (j: number) => (t!.data.length === images ? Number(t!.data[i] === j) : t!.data[i * k + j]!);
    const target = Float64Array.from({ length: k }, (_, j) => hit(j) * (1 - smoothing) + smoothing / k);
    for (const v of Array.from(of(x!.data.subarray(i * k, (i + 1) * k), target, dy?.data[i] ?? 1))) all.push(v);
  }
  return Float64Array.from(all);
}

export const evaluateBackward = {
  crossEntropy(inputs, attrs: Smoothing) {
    const loss = perRow(inputs, attrs, (row, target) => {
      const logs = row.map(v => log(clip(v / sum(row), BELOW_ONE)));
      return [-dot(target, logs)];
    });
    return [tensor([loss.length], loss)];
  },
  crossEntropyGradient(inputs, attrs: Smoothing) {
    const d = perRow(inputs, attrs, (row, target, up) => {
      const q = row.map(v => v / sum(row));
      const g = q.map((v, j) => (unclipped(v, BELOW_ONE) ? -target[j]! / v : 0));
      return g.map(v => ((v - dot(g, q)) * up) / sum(row));
    });
    return [tensor(inputs[0]!.shape, d)];
  },
  sparseCrossEntropy(inputs, attrs: Smoothing) {
    const loss = perRow(inputs, attrs, (row, target) => {
      const q = row.map(v => clip(v, BELOW_ONE));
      const logs = q.map(v => log(v));
      return [log(sum(q)) * sum(target) - dot(target, logs)];
    });
    return [tensor([loss.length], loss)];
  },
  sparseCrossEntropyGradient(inputs, attrs: Smoothing) {
    const d = perRow(inputs, attrs, (row, target, up) => {
      const total = sum(row.map(v => clip(v, BELOW_ONE)));
      return row.map((v, j) => (unclipped(v, BELOW_ONE) ? (1 / total - target[j]! / v) * up : 0));
    });
    return [tensor(inputs[0]!.shape, d)];
  },
  entropy([x]) {
    const [images, k] = x!.shape as [number, number];
    const loss = tensor([images]);
    x!.data.forEach((v, at) => {
      loss.data[Math.floor(at / k)]! -= clip(v, 1) * log(clip(v, 1));
    });
    return [loss];
  },
  entropyGradient([x, dy]) {
    const k = x!.shape[1]!;
    const d = x!.data.map((v, at) => (unclipped(v, 1) ? -(log(v) + 1) * dy!.data[Math.floor(at / k)]! : 0));
    return [tensor(x!.shape, d)];
  },
} satisfies Record<string, Evaluate>;

export const gradient = {
  crossEntropy: (node: Node<Smoothing>, [dy], graph) => [
    graph.one(crossEntropyGradient, [...node.inputs, dy!], node.attrs),
    undefined,
  ],
  sparseCrossEntropy: (node: Node<Smoothing>, [dy], graph) => [
    graph.one(sparseCrossEntropyGradient, [...node.inputs, dy!], node.attrs),
    undefined,
  ],
  entropy: (node: Node, [dy], graph) => [graph.one(entropyGradient, [node.inputs[0]!, dy!])],
} satisfies Record<string, Gradient | object>;

export const lowerBackward = {
  crossEntropy(node: Node<Smoothing>, c) {
    const { smoothing } = node.attrs;
    c.each("f32_cross_entropy", { ...lossArgs(node, c), smoothing });
  },
  crossEntropyGradient(node: Node<Smoothing>, c) {
    const { smoothing } = node.attrs;
    c.each("f32_cross_entropy_gradient", { ...slopeArgs(node, c), smoothing });
  },
  sparseCrossEntropy(node: Node<Smoothing>, c) {
    const { smoothing } = node.attrs;
    c.each("f32_sparse_cross_entropy", { ...lossArgs(node, c), smoothing });
  },
  sparseCrossEntropyGradient(node: Node<Smoothing>, c) {
    const { smoothing } = node.attrs;
    c.each("f32_sparse_cross_entropy_gradient", { ...slopeArgs(node, c), smoothing });
  },
  entropy(node: Node, c) {
    const x = node.inputs[0]!;
    c.each("f32_entropy", { x: c.in(x), k: x.type.shape[0]!, loss: c.out(node.outputs[0]!) });
  },
  entropyGradient(node: Node, c) {
    const x = node.inputs[0]!;
    c.each("f32_entropy_gradient", { x: c.in(x), k: x.type.shape[0]!, ...flowArgs(node, c) });
  },
} satisfies Record<string, Lower>;

export const cost = {
  crossEntropy: free,
  crossEntropyGradient: free,
  sparseCrossEntropy: free,
  sparseCrossEntropyGradient: free,
  entropy: free,
  entropyGradient: free,
} satisfies Record<string, CostOf>;
