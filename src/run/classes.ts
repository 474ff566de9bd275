/** What the outputs of a classifier say: probabilities, by what the network ends with. */
import { exp, sigmoid } from "../base/math.ts";
import type { Value } from "../graph/graph.ts";

export interface Classification {
  /** The class's name; its number as text where the network knows no names. */
  label: string;
  probability: number;
}

/** What stands behind the op that makes the numbers and leaves them as they are. */
const PASSES_ON = ["dequantize", "quantize", "requantize", "reshape"];

/** The name of the op that makes a result's numbers. */
export function lastOp(result: Value): string | undefined {
  let { node } = result;
  while (node && PASSES_ON.includes(node.op.name)) node = node.inputs[0]!.node;
  return node?.op.name;
}

/**
 * The probability of each class. Outputs of softmax and sigmoid are probabilities, those of logSoftmax their logarithms, all others logits.
 * A single output is the second of two classes.
 */
export function probabilities(outputs: Float32Array, madeBy: string | undefined): number[] {
  const all = Array.from(outputs);
  const known = madeBy === "softmax" || madeBy === "sigmoid";
  if (all.length === 1 && madeBy !== "softmax") {
    const second = known ? all[0]! : sigmoid(all[0]!);
    return [1 - second, second];
  }
  if (known) return all;
  if (madeBy === "logSoftmax") return all.map(exp);
  const top = Math.max(...all);
  const powers = all.map(x => exp(x - top));
  const sum = powers.reduce((total, p) => total + p, 0);
  return powers.map(p => p / sum);
}
