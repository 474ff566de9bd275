/** Counts the different values of the weights that a network computes with, codebooks and masks applied. */
import { wrongType } from "../base/errors.ts";
import { textTable } from "../base/text-table.ts";
import { Model } from "../model/model.ts";
import { bake } from "../passes/bake.ts";

export interface TensorValues {
  /** The state's name. */
  name: string;
  weights: number;
  /** Different values among them, 0 included. */
  values: number;
  zeros: number;
}

/** Different values among a network's kernels. */
export interface DistinctValues {
  /** Kernels: every state of more than one axis that is no mask. */
  tensors: TensorValues[];
  /** A small table. */
  toString(): string;
}

/**
 * Counts the different values of a model's kernels, layer by layer: before clustering, while codebooks are on, and
 * after `bake()`.
 */
export function distinctValues(model: Model): DistinctValues {
  if (!(model instanceof Model)) throw wrongType("model", "a Model", model);
  const { graph } = model.graph.copy();
  bake(graph);
  const tensors = graph.leaves.flatMap(({ leaf, name, type, data }): TensorValues[] => {
    if (leaf !== "state" || type.shape.length < 2 || !data) return [];
    const zero = type.quantization?.zeroPoint ?? 0;
    const values = new Set<number>();
    let zeros = 0;
    for (const w of data) {
      values.add(w);
      if (w === zero) zeros++;
    }
    return [{ name, weights: data.length, values: values.size, zeros }];
  });
  const rows = () => tensors.map(t => [t.name, ...[t.weights, t.values, t.zeros].map(String)]);
  return { tensors, toString: () => textTable([["weight", "elements", "values", "zeros"], ...rows()]) };
}
