/**
 * Weights in Keras' layout. In a graph the first axis of a kernel is its output: one row of a matrix product is
 * contiguous (`[out][kh][kw][in]`, dense `[out][in]`). Keras has another order (`KernelLayout`): that recorded by the
 * layer that made the kernel, or by default that of the op that reads it. A loaded model only has ops.
 */
import { type Shape, size } from "../base/shape.ts";
import { type Graph, isLearned, type KernelLayout, type Node, type Value } from "../graph/graph.ts";
import { hasKernel, traitsOf } from "../ops/traits.ts";

/**
 * One weight in Keras' layout: kernels `[kh][kw][in][out]`, dense `[in][out]`, depthwise `[kh][kw][in][multiplier]`.
 */
export interface Weight {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Weights by name, in the order of the layers: `{ "conv2d/kernel": { shape, data }, ... }`. */
export type Weights = Record<string, Weight>;

/**
 * The node that reads a weight, and the operand number: behind all ops on the weight's edge (masks, fake quantization).
 */
interface Consumer {
  node: Node;
  operand: number;
}

/** Returns undefined if nothing reads it. */
function consumerOf(graph: Graph, leaf: Value): Consumer | undefined {
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

/**
 * The states of a graph that are weights in Keras' sense, in the order of its layers; int8 ones and their int32 biases
 * too.
 */
export function weightsOf(graph: Graph): Value[] {
  return graph.leaves.filter(v => isLearned(v.role) || v.role === "statistic");
}

/** Number of elements that are not zero. */
export function nonZeros({ data, type }: Value): number {
  const zero = type.quantization?.zeroPoint ?? 0;
  let count = 0;
  for (const x of data ?? []) if (x !== zero) count++;
  return count;
}

/**
 * Keras' layout of the leaf, if it differs from that of the graph, and the channels of its consumer; undefined if it
 * does not.
 */
function layoutOf(graph: Graph, leaf: Value): { layout: KernelLayout; channels: number } | undefined {
  const consumer = consumerOf(graph, leaf);
  if (consumer?.operand !== 1 || !hasKernel(consumer.node)) return undefined;
  return {
    layout: leaf.layout ?? traitsOf(consumer.node).kernel!,
    channels: consumer.node.inputs[0]!.type.shape.at(-1)!,
  };
}

/** The shape of a leaf in Keras. */
export function kerasShape(graph: Graph, leaf: Value): Shape {
  const { shape } = leaf.type;
  const found = layoutOf(graph, leaf);
  if (!found) return shape;
  const [out, ...rest] = shape as [number, ...number[]];
  switch (found.layout) {
    case "outputsLast":
      return [...rest, out];
    case "multiplierLast":
      return [rest[0]!, rest[1]!, found.channels, out / found.channels];
    case "sequence":
      return [...rest.slice(1), out];
    case "transposed":
      return [rest[0]!, rest[1]!, out, rest[2]!];
  }
}

/** The contents of a leaf in real numbers, a copy in Keras' order. */
export function toKeras(graph: Graph, leaf: Value): Float32Array {
  const data = realNumbers(leaf);
  const found = layoutOf(graph, leaf);
  return found ? Float32Array.from(kerasOrder(found.layout, leaf.type.shape), i => data[i]!) : data.slice();
}

/**
 * Dequantizes integers, scale * (q - zeroPoint), each with the scale of its index along the axis of scales; returns
 * floats unchanged.
 */
function realNumbers({ data, type: { shape, quantization } }: Value): Float32Array {
  if (data instanceof Float32Array) return data;
  const { scale, zeroPoint, axis = 0 } = quantization ?? { scale: Float32Array.of(1), zeroPoint: 0 };
  const stride = size(shape.slice(axis + 1));
  return Float32Array.from(data!, (q, i) => scale[Math.floor(i / stride) % scale.length]! * (q - zeroPoint));
}

/** Copies all weights of a graph in Keras' layout and order. */
export function kerasWeights(graph: Graph): Weights {
  const weights: Weights = {};
  for (const leaf of weightsOf(graph))
    weights[leaf.name] = { shape: kerasShape(graph, leaf), data: toKeras(graph, leaf) };
  return weights;
}

/** The inverse of `toKeras`. */
export function fromKeras(graph: Graph, leaf: Value, data: ArrayLike<number>): Float32Array {
  const found = layoutOf(graph, leaf);
  const result = Float32Array.from(data);
  if (found)
    kerasOrder(found.layout, leaf.type.shape).forEach((place, i) => {
      result[place] = data[i]!;
    });
  return result;
}

/** For each number of a kernel in Keras' order, its position in [out][taps ...][in]. */
function kerasOrder(layout: KernelLayout, shape: Shape): Int32Array {
  const [out, ...rest] = shape as [number, ...number[]];
  const row = size(rest);
  const order = new Int32Array(out * row);
  let i = 0;
  if (layout !== "transposed") {
    for (let r = 0; r < row; r++) for (let o = 0; o < out; o++) order[i++] = o * row + r;
    return order;
  }
  const depth = rest.at(-1)!;
  for (let tap = row - depth; tap >= 0; tap -= depth)
    for (let o = 0; o < out; o++) for (let c = 0; c < depth; c++) order[i++] = o * row + tap + c;
  return order;
}
