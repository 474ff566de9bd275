/**
 * Reverse-mode differentiation as a graph pass: walks the nodes backwards and lets each op emit its backward nodes.
 * Appends the backward nodes; existing nodes are unchanged.
 */
import { PenjingError } from "../base/errors.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { type Gradient, type Refusal, refused } from "../graph/meaning.ts";
import { pass } from "../graph/pass.ts";
import { add } from "../ops/arithmetic/add.ts";

/**
 * d(sum of seeds * values) / d(wrt): `from` pairs each value with the gradient that flows into it. A parameter used
 * twice gets the sum of both gradients; one that nothing depends on gets undefined.
 */
export const gradient = pass({ name: "gradient", needs: [], ensures: [] }, differentiate);

function differentiate(
  graph: Graph,
  rules: Readonly<Record<string, Gradient | Refusal>>,
  from: readonly (readonly [value: Value, seed: Value])[],
  wrt: readonly Value[],
): (Value | undefined)[] {
  const needed = new Set<Value>(wrt);
  for (const n of graph.nodes) if (n.inputs.some(v => needed.has(v))) for (const o of n.outputs) needed.add(o);

  const flowing = new Map<Value, Value>();
  const accumulate = (v: Value, d: Value) => {
    const other = flowing.get(v);
    flowing.set(v, other ? graph.one(add, [other, d]) : d);
  };
  for (const [value, seed] of from) accumulate(value, seed);

  for (const n of [...graph.nodes].reverse()) {
    const upstream = n.outputs.map(o => flowing.get(o));
    if (!upstream.some(Boolean) || !n.inputs.some(v => needed.has(v))) continue;
    const rule = rules[n.op.name];
    if (!rule)
      throw new PenjingError("gradient", `op "${n.op.name}" (layer "${n.name}") is not among the ops loaded here`);
    if (refused(rule))
      throw new PenjingError("refused", `layer "${n.name}": op "${n.op.name}" has no gradient: ${rule.refused}`);
    const made = graph.scope(n.name, () => (rule as Gradient)(n, upstream, graph));
    made.forEach((d, i) => {
      const input = n.inputs[i]!;
      if (d && needed.has(input)) accumulate(input, d);
    });
  }
  return wrt.map(v => flowing.get(v));
}
