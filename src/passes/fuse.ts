/**
 * Operator fusion. A rule matches a node and its producers; if a fused op has kernels for these shapes, it returns the
 * outputs that replace the node's. The fused op has its own gradient.
 */
import type { Graph, Node, Op, RewriteRule, Value } from "../graph/graph.ts";
import { pass } from "../graph/pass.ts";
import { relu, reluGradient } from "../ops/activation/relu.ts";
import { type Conv2d, conv2d } from "../ops/convolution/conv2d.ts";
import { type Dense, dense, denseInputGradient } from "../ops/convolution/dense.ts";
import { depthwiseConv2d } from "../ops/convolution/depthwise-conv2d.ts";
import { conv2dMaxPool2d } from "../ops/fused/conv2d-max-pool2d.ts";
import { algorithmFor, conv2dReluMaxPool2d } from "../ops/fused/conv2d-relu-max-pool2d.ts";
import { maxPool2d, type Pool2d } from "../ops/pooling/max-pool2d.ts";
import { isInt8 } from "../ops/quantized/int8-types.ts";

/** The node of kind `op` that makes v, if nothing else reads v. */
function soleProducer<A>(graph: Graph, v: Value, op: Op<A>): Node<A> | undefined {
  return v.node?.op === op && graph.onlyUser(v) ? v.node : undefined;
}

/** relu(dense(x)) -> dense with relu. */
const denseRelu: RewriteRule = (node, graph) => {
  if (node.op !== relu) return;
  const inner = soleProducer<Dense>(graph, node.inputs[0]!, dense);
  if (!inner || inner.attrs.relu || inner.inputs.length < 3 || isInt8(inner.inputs[1]!.type)) return;
  return graph.add(dense, inner.inputs, { ...inner.attrs, relu: true });
};

/** relu(int8 convolution or dense layer) -> the layer with a tighter clamp. */
const int8Relu: RewriteRule = (node, graph) => {
  if (node.op !== relu || !isInt8(node.outputs[0]!.type)) return;
  for (const op of [conv2d, dense, depthwiseConv2d] as Op<{ relu?: boolean }>[]) {
    const inner = soleProducer(graph, node.inputs[0]!, op);
    if (inner && !inner.attrs.relu) return graph.add(op, inner.inputs, { ...inner.attrs, relu: true });
  }
};

/** maxPool2d(conv2d(x)) in int8, with or without a relu -> conv2dMaxPool2d. */
const int8Pool: RewriteRule = (node, graph) => {
  if (node.op !== maxPool2d || !isInt8(node.outputs[0]!.type) || graph.isUsed(node.outputs[1]!)) return;
  const conv = soleProducer<Conv2d>(graph, node.inputs[0]!, conv2d);
  if (!conv || !pairsUp(node as Node<Pool2d>, conv)) return;
  return graph.add(conv2dMaxPool2d, conv.inputs, conv.attrs);
};

/** True for a pool of 2x2 with stride 2 that covers every pixel of `conv`. */
function pairsUp({ attrs }: Node<Pool2d>, conv: Node): boolean {
  const odd = conv.outputs[0]!.type.shape.slice(0, 2).some(n => n % 2);
  return (
    all(2, attrs.size) && all(2, attrs.strides) && none(attrs.pads) && all(1, attrs.dilations) && !(attrs.ceil && odd)
  );
}

const none = (pads: readonly number[]): boolean => pads.every(pad => pad === 0);
const all = (value: number, pair: readonly number[]): boolean => pair.every(v => v === value);

/** maxPool2d(relu(conv2d(x))) or the equal relu(maxPool2d(conv2d(x))) -> conv2dReluMaxPool2d. */
const conv2dPool: RewriteRule = (node, graph) => {
  const last = node.op === relu ? soleProducer<Pool2d>(graph, node.inputs[0]!, maxPool2d) : undefined;
  const pool = node.op === maxPool2d ? (node as Node<Pool2d>) : last;
  if (!pool || graph.isUsed(pool.outputs[1]!)) return;
  const middle = last ? pool : soleProducer(graph, pool.inputs[0]!, relu);
  const conv = middle && soleProducer<Conv2d>(graph, middle.inputs[0]!, conv2d);
  if (!conv) return;
  const [x, weight] = conv.inputs;
  const fits =
    pairsUp(pool, conv) &&
    all(1, conv.attrs.strides) &&
    none(conv.attrs.pads) &&
    all(1, conv.attrs.dilations) &&
    conv.attrs.groups === 1 &&
    !isInt8(weight!.type) &&
    algorithmFor(x!.type.shape, weight!.type.shape);
  if (!fits) return;
  const [pooled] = graph.add(conv2dReluMaxPool2d, conv.inputs);
  return [pooled];
};

/** reluGradient(denseInputGradient(weight, d), y) -> denseInputGradient(weight, d, y). */
const denseInputReluGradient: RewriteRule = (node, graph) => {
  if (node.op !== reluGradient) return;
  const inner = soleProducer(graph, node.inputs[0]!, denseInputGradient);
  if (!inner || inner.inputs.length > 2) return;
  return graph.add(denseInputGradient, [...inner.inputs, node.inputs[1]!]);
};

export const FORWARD: readonly RewriteRule[] = [denseRelu, conv2dPool, int8Relu, int8Pool];
export const BACKWARD: readonly RewriteRule[] = [denseInputReluGradient];

/** Applies `rules` to every node in order; returns true if anything changed. */
export const fuse = pass({ name: "fuse", needs: [], ensures: [] }, (graph, rules: readonly RewriteRule[]) =>
  graph.rewrite(rules),
);
