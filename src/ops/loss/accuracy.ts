/**
 * Counts per image, for metrics: they have no gradient.
 * - accuracy(x [k], target): 1 where the largest of x is at the target's class, else 0;
 * - topK(x [k], target; top): 1 where fewer than `top` of x are greater than the target's, else 0;
 * - binaryAccuracy(x [k], target [k]; threshold): the share of elements where x > threshold says what the target does.
 * A target is a class number (one i32 per image) or a row like x, whose largest element is the class.
 */
import { sameShape, showShape, size } from "../../base/shape.ts";
import { type Tensor, tensor } from "../../base/tensor.ts";
import type { Node, Op, Type } from "../../graph/graph.ts";
import { type CostOf, type Evaluate, type Gradient, type Lower, refuse } from "../../graph/meaning.ts";
import { anyOperands } from "../../graph/operand.ts";

const perImage: Type = { shape: [], dtype: "f32", batched: true };

export const isClass = (target: Type): boolean => target.dtype === "i32" && target.shape.length === 0;

function classified([x, target]: Type[]): Type[] {
  if (!isClass(target!) && !sameShape(x!.shape, target!.shape))
    throw new RangeError(`targets of ${showShape(target!.shape)} do not fit outputs of ${showShape(x!.shape)}`);
  return [perImage];
}

export const accuracy: Op<object> = { name: "accuracy", takes: anyOperands, infer: classified };

export const topK: Op<{ top: number }> = { name: "topK", takes: anyOperands, infer: classified };

export const binaryAccuracy: Op<{ threshold: number }> = {
  name: "binaryAccuracy",
  takes: anyOperands,
  infer: classified,
};

const rowOf = (t: Tensor, image: number): Float64Array => {
  const k = size(t.shape.slice(1));
  return t.data.subarray(image * k, (image + 1) * k);
};

const largest = (row: Float64Array): number => row.reduce((best, v, j) => (v > row[best]! ? j : best), 0);

const classOf = (target: Tensor, image: number): number =>
  target.shape.length === 1 ? target.data[image]! : largest(rowOf(target, image));

const counted = (x: Tensor, count: (row: Float64Array, image: number) => number): Tensor[] => {
  const images = x.shape[0]!;
  return [
    tensor(
      [images],
      Float64Array.from({ length: images }, (_, i) => count(rowOf(x, i), i)),
    ),
  ];
};

export const evaluateBackward = {
  accuracy: ([x, target]) => counted(x!, (row, i) => Number(largest(row) === classOf(target!, i))),
  topK: ([x, target], { top }: { top: number }) =>
    counted(x!, (row, i) => {
      const own = row[classOf(target!, i)]!;
      return Number(row.filter(v => v > own).length < top);
    }),
  binaryAccuracy: ([x, target], { threshold }: { threshold: number }) =>
    counted(x!, (row, i) => {
      const wanted = rowOf(target!, i);
      return row.filter((v, j) => v > threshold === wanted[j]! > 0.5).length / row.length;
    }),
} satisfies Record<string, Evaluate>;

const flatSteps = /* @__PURE__ */ refuse("a count has no slope");

export const gradient = { accuracy: flatSteps, topK: flatSteps, binaryAccuracy: flatSteps } satisfies Record<
  string,
  Gradient | object
>;

/** The arguments of all these kernels. */
const operands = (node: Node, c: Parameters<Lower>[1]) => {
  const [x, target] = node.inputs;
  return {
    x: c.in(x!),
    t: c.in(target!),
    k: size(x!.type.shape),
    y: c.out(node.outputs[0]!),
  };
};

export const lowerBackward = {
  accuracy(node: Node, c) {
    c.each(isClass(node.inputs[1]!.type) ? "f32_sparse_accuracy" : "f32_accuracy", operands(node, c));
  },
  topK(node: Node<{ top: number }>, c) {
    const kernel = isClass(node.inputs[1]!.type) ? "f32_sparse_top_k" : "f32_top_k";
    c.each(kernel, { ...operands(node, c), top: node.attrs.top });
  },
  binaryAccuracy(node: Node<{ threshold: number }>, c) {
    c.each("f32_binary_accuracy", { ...operands(node, c), threshold: node.attrs.threshold });
  },
} satisfies Record<string, Lower>;

const free = () => ({ macs: 0 });
export const cost = { accuracy: free, topK: free, binaryAccuracy: free } satisfies Record<string, CostOf>;
