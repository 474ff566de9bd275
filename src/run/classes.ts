/** Converts the outputs of a classifier to probabilities, by the op the network ends with. */
import { exp, sigmoid } from "../base/math.ts";
import type { KnownNumbers } from "../graph/meaning.ts";

export interface Classification {
  /** The class's name; its number as text if the network has no labels. */
  label: string;
  probability: number;
}

/**
 * The probability of each class, from outputs of the kind `gives`, default logits. A single output is the probability
 * of the second of two classes.
 */
export function probabilities(outputs: Float32Array, gives: KnownNumbers | undefined): number[] {
  const all = Array.from(outputs);
  const known = gives === "distribution" || gives === "probabilities";
  if (all.length === 1 && gives !== "distribution") {
    const second = known ? all[0]! : sigmoid(all[0]!);
    return [1 - second, second];
  }
  if (known) return all;
  if (gives === "logarithms") return all.map(exp);
  const top = all.reduce((a, b) => Math.max(a, b));
  const powers = all.map(x => exp(x - top));
  const sum = powers.reduce((total, p) => total + p, 0);
  return powers.map(p => p / sum);
}
