/**
 * Weights as Keras lays them out. Inside, the first axis of a kernel is its output: one row of a matrix product lies in one piece
 * (`[out][kh][kw][in]`, dense `[out][in]`); Keras has it last (`[kh][kw][in][out]`, `[in][out]`, depthwise `[kh][kw][in][multiplier]`).
 */
import { type Shape, size } from "../base/shape.ts";
import { type Graph, isLearned, type Node, type Value } from "../graph/graph.ts";
import { hasKernel, traitsOf } from "../ops/traits.ts";

/** The node that reads a weight, and as which operand: behind whatever stands on the weight's edge (masks, fake quantization). */
interface Reader {
  node: Node;
  operand: number;
}

/** Undefined: nothing reads it. */
function readerOf(graph: Graph, leaf: Value): Reader | undefined {
  let value = leaf;
  for (;;) {
    const node = graph.users(value)[0];
    if (!node) return undefined;
    const operand = node.inputs.indexOf(value);
    const output = node.outputs[0]!;
    if (output.type.batched) return { node, operand };
    if (operand !== 0) return undefined;
    value = output;
  }
}

/** The states of a graph that are weights in Keras' sense, in the order of its layers. */
export function weightsOf(graph: Graph): Value[] {
  return graph.leaves.filter(v => v.type.dtype === "f32" && (isLearned(v.role) || v.role === "statistic"));
}

function isKernel(graph: Graph, leaf: Value): boolean {
  const reader = readerOf(graph, leaf);
  return reader !== undefined && reader.operand === 1 && hasKernel(reader.node);
}

/** The shape Keras gives it. */
export function kerasShape(graph: Graph, leaf: Value): Shape {
  const { shape } = leaf.type;
  if (!isKernel(graph, leaf)) return shape;
  const { node } = readerOf(graph, leaf)!;
  const [out, ...rest] = shape as [number, ...number[]];
  if (traitsOf(node).kernel === "outputsLast") return [...rest, out];
  const channels = node.inputs[0]!.type.shape[2]!;
  return [rest[0]!, rest[1]!, channels, out / channels];
}

/** Its contents, a copy in Keras' order. */
export function toKeras(graph: Graph, leaf: Value): Float32Array {
  const data = leaf.data as Float32Array;
  return isKernel(graph, leaf) ? transposed(data, leaf.type.shape[0]!, size(leaf.type.shape.slice(1))) : data.slice();
}

/** The way back. */
export function fromKeras(graph: Graph, leaf: Value, data: ArrayLike<number>): Float32Array {
  return isKernel(graph, leaf)
    ? transposed(data, size(leaf.type.shape.slice(1)), leaf.type.shape[0]!)
    : Float32Array.from(data);
}

/** [rows][columns] -> [columns][rows] */
function transposed(data: ArrayLike<number>, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = data[r * columns + c]!;
  return result;
}
