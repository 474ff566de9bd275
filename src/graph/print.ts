/** Prints a graph as text, one line per node, for debugging. */
import { printable } from "../base/printable.ts";
import { showShape } from "../base/shape.ts";
import type { Graph, Node, Type, Value } from "./graph.ts";

const nameOf = (v: Value): string => (v.leaf ? v.name : `%${v.id}`);

/** `f32*[28x28x1]`: the star marks batched values; `i8*[10] 0.0039(q+128)` has a quantization. */
function showType(t: Type): string {
  const kind = `${t.dtype}${t.batched ? "*" : ""}[${showShape(t.shape)}]`;
  if (!t.quantization) return kind;
  const { scale, zeroPoint } = t.quantization;
  const zero = zeroPoint === 0 ? "q" : zeroPoint < 0 ? `(q+${-zeroPoint})` : `(q-${zeroPoint})`;
  return `${kind} ${scale.length > 1 ? `${scale.length} scales ` : Number(scale[0]!.toPrecision(6))}${zero}`;
}

function showAttribute(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(",")}]`;
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return String(value);
}

function showNode(n: Node): string {
  const attrs = Object.entries(n.attrs as object)
    .filter(([key, value]) => value !== undefined && key !== "quantization")
    .map(([key, value]) => `${key}=${showAttribute(value)}`);
  const results = n.outputs.map(o => `%${o.id}: ${showType(o.type)}`).join(", ");
  const call = `${n.op.name}(${n.inputs.map(nameOf).join(", ")})`;
  return `${results} = ${[call, ...attrs].join(" ")}${n.name === n.op.name ? "" : `    ; ${n.name}`}`;
}

/**
 * `state conv2d/kernel: f32[6x5x5x1]` for each leaf, `%3: f32*[24x24x6] = conv2d(image, conv2d/kernel, conv2d/bias)
 * strides=[1,1] ...` for each node in order, `-> %12` for the results.
 */
export function printGraph(graph: Graph): string {
  const leaves = graph.leaves.map(v => `${v.leaf} ${v.name}: ${showType(v.type)}${v.frozen ? " frozen" : ""}`);
  const results = graph.results.length ? [`-> ${graph.results.map(nameOf).join(", ")}`] : [];
  return [...leaves, ...graph.nodes.map(showNode), ...results].map(printable).join("\n");
}
