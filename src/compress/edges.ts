/** Chains of ops on the edges of weights, as compression lays them. */
import { PenjingError } from "../base/errors.ts";
import type { Op, Promised, Value } from "../graph/graph.ts";

/** The ops on the edge of a weight, from its state to `value`. */
export function chainBehind(value: Value): readonly Op[] {
  const { node } = value;
  return node?.op.weightEdge ? [...chainBehind(node.inputs[0]!), node.op] : [];
}

/** The state of the weight whose edge ends in `value`. */
export function stateBehind(value: Value): Value {
  const { node } = value;
  return node?.op.weightEdge ? stateBehind(node.inputs[0]!) : value;
}

const DONE: Record<Promised, string> = { zeros: "pruned", "distinct values": "clustered", range: "quantized" };

/**
 * Throws a PenjingError `masked` where `op` would break what an op on the edge promises of the weight. `what` is done
 * by `op`: "pruning".
 */
export function demandPlace(
  edge: Value,
  { weightEdge: added }: Pick<Op, "weightEdge">,
  what: string,
  layer: string,
): void {
  for (const { weightEdge } of chainBehind(edge))
    for (const promise of weightEdge!.gives)
      if (!added!.keeps.includes(promise)) {
        const order = `is ${DONE[promise]} already, and ${what} goes before that`;
        const message = `layer "${layer}" ${order}: bake the model first`;
        throw new PenjingError("masked", message, { path: layer });
      }
}
