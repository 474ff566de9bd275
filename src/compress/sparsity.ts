/** Counts the weights of a network that are zero, masks applied. */
import { textTable } from "../base/text-table.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { mask } from "../ops/weight/mask.ts";

export interface TensorSparsity {
  /** The state's name. */
  name: string;
  weights: number;
  zeros: number;
  /** zeros / weights. */
  sparsity: number;
  /** Does a mask lie on it? */
  masked: boolean;
}

/** Zeros among a network's kernels. */
export interface Sparsity {
  /** Kernels: every state of more than one axis that is no mask. */
  tensors: TensorSparsity[];
  weights: number;
  zeros: number;
  /** The zeros of all kernels together. */
  sparsity: number;
  /** A small table. */
  toString(): string;
}

/** Counts the zeros of a graph's kernels. `read` gives a state's numbers; default: the leaves' `data`. */
export function graphSparsity(
  graph: Graph,
  read: (leaf: Value) => ArrayLike<number> | undefined = v => v.data,
): Sparsity {
  const masks = new Map<Value, Value[]>();
  for (const node of graph.nodes) {
    if (node.op !== mask) continue;
    let [w, m] = node.inputs as [Value, Value];
    while (w.node?.op === mask) w = w.node.inputs[0]!;
    masks.set(w, [...(masks.get(w) ?? []), m]);
  }
  const isMask = new Set([...masks.values()].flat());
  const tensors = graph.leaves
    .filter(v => v.leaf === "state" && v.type.shape.length > 1 && !isMask.has(v))
    .map((v): TensorSparsity => {
      const over = masks.get(v) ?? [];
      const numbers = [v, ...over].map(part => read(part) ?? []);
      const weights = numbers[0]!.length;
      const zero = v.type.quantization?.zeroPoint ?? 0;
      let zeros = 0;
      for (let i = 0; i < weights; i++) if (numbers.some((part, k) => part[i] === (k ? 0 : zero))) zeros++;
      return { name: v.name, weights, zeros, sparsity: weights ? zeros / weights : 0, masked: over.length > 0 };
    });
  const sum = (of: (t: TensorSparsity) => number) => tensors.reduce((total, t) => total + of(t), 0);
  const weights = sum(t => t.weights);
  const zeros = sum(t => t.zeros);
  return {
    tensors,
    weights,
    zeros,
    sparsity: weights ? zeros / weights : 0,
    toString: () => table(tensors, weights, zeros),
  };
}

function table(tensors: readonly TensorSparsity[], weights: number, zeros: number): string {
  const rows = [...tensors, { name: "all", weights, zeros, sparsity: weights ? zeros / weights : 0 }].map(t => [
    t.name,
    String(t.weights),
    String(t.zeros),
    `${(100 * t.sparsity).toFixed(2)} %`,
  ]);
  return textTable([["weight", "elements", "zeros", "sparsity"], ...rows]);
}
