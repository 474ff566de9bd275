/** Penalties on weights, as in Keras: loss += l1 sum |w| + l2 sum w^2. */
import { knownOptions, number } from "../base/errors.ts";
import type { Regularizer } from "../train/step.ts";

export type { Regularizer };

/** l1 * sum |w|; default 0.01. */
export const l1 = (factor = 0.01): Regularizer => ({ l1: number("l1", factor, { min: 0 }), l2: 0 });

/** l2 * sum w^2; default 0.01. */
export const l2 = (factor = 0.01): Regularizer => ({ l1: 0, l2: number("l2", factor, { min: 0 }) });

/** Both; each defaults to 0, as in Keras. */
export function l1l2(factors: { l1?: number; l2?: number } = {}): Regularizer {
  knownOptions("l1l2", factors, ["l1", "l2"]);
  return { l1: number("l1", factors.l1 ?? 0, { min: 0 }), l2: number("l2", factors.l2 ?? 0, { min: 0 }) };
}

/** Checks an option such as `kernelRegularizer`; undefined: no penalty. */
export function regularizerOf(what: string, option: Regularizer | undefined): Regularizer | undefined {
  if (option === undefined) return undefined;
  knownOptions(what, option, ["l1", "l2"]);
  return l1l2(option);
}
