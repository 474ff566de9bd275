/**
 * Tells where int8 begins and ends in a float graph, and whose range decides the quantization of each value. Both the
 * network of integers (`static.ts`) and the float one that is trained for it (`fake.ts`) follow from this.
 *
 * If a clamp (relu, relu6 ...) is the only reader of a convolution, the convolution gets the clamp's range, and so it
 * does behind a batch normalization that is folded into it later.
 */
import type { Graph, Node, Value } from "../../graph/graph.ts";
import type { Int8Form } from "../../graph/meaning.ts";
import { batchNormalization } from "../../ops/normalization/batch-normalization.ts";
import { hasKernel, traitsOf } from "../../ops/traits.ts";

export interface Int8Borders {
  /** The form of a node: "float" if it is not included; "folds": it becomes part of the layer in front of it. */
  form(node: Node): Int8Form | "folds";
  /** The value whose range gives `v` its quantization. */
  source(v: Value): Value;
}

/** `includes`: selects the layers that become integers. Default: all. */
export function int8Borders(graph: Graph, includes: (node: Node) => boolean = () => true): Int8Borders {
  const results = new Set(graph.results);
  const forms = new Map<Node, Int8Form | "folds">();
  const sources = new Map<Value, Value>();
  const sourceOf = (v: Value): Value => sources.get(v) ?? v;

  /** The output of what only changes y before it is rounded. */
  const behind = (y: Value): Value => {
    let value = y;
    let user = soleUser(graph, value, results);
    if (user && folds(graph, user)) {
      value = user.outputs[0]!;
      user = soleUser(graph, value, results);
    }
    return user && traitsOf(user).int8 === "clamps" ? user.outputs[0]! : value;
  };

  for (const node of graph.nodes) {
    const form = formOf(graph, node, includes);
    forms.set(node, form);
    const [x] = node.inputs;
    if (form === "float" || form === "border") continue;
    const chooses = form === "kernel" || form === "alike" || form === "sums" || form === "chooses";
    for (const y of node.outputs) sources.set(y, chooses ? behind(y) : typeof form === "object" ? y : sourceOf(x!));
  }
  return { form: node => forms.get(node) ?? "float", source: sourceOf };
}

function soleUser(graph: Graph, v: Value, results: ReadonlySet<Value>): Node | undefined {
  return results.has(v) ? undefined : graph.onlyUser(v);
}

/** The form of a node; "float" if it would keep the quantization of a constant, which has none. */
function formOf(graph: Graph, node: Node, includes: (node: Node) => boolean): Int8Form | "folds" {
  const layer = node.inputs[0]?.node;
  if (folds(graph, node) && includes(layer!)) return "folds";
  if (!includes(node)) return "float";
  const { int8 } = traitsOf(node);
  if (int8 === "clamps") return node.inputs[0]!.type.batched ? int8 : "float";
  const keeps = int8 === "keeps" || int8 === "averages" || int8 === "alike";
  return keeps && !node.inputs.every(v => v.type.batched) ? "float" : int8;
}

/** True for a batch normalization that `foldBatchNormalization` makes part of the layer in front of it. */
function folds(graph: Graph, node: Node): boolean {
  if (node.op !== batchNormalization) return false;
  const [x, ...parameters] = node.inputs;
  const layer = x!.node;
  if (!layer || !hasKernel(layer) || layer.attrs.relu || graph.onlyUser(x!) !== node) return false;
  const states = [...parameters, ...layer.inputs.slice(1)];
  return states.every(v => ownState(graph, v));
}

/** True if nothing else reads the state at the beginning of this edge. */
function ownState(graph: Graph, edge: Value): boolean {
  let value = edge;
  for (;;) {
    if (!graph.onlyUser(value)) return false;
    if (value.leaf) return value.leaf === "state";
    if (!value.node!.op.weightEdge) return false;
    value = value.node!.inputs[0]!;
  }
}
