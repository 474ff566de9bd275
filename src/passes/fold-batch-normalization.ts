/**
 * Folds batch normalization behind a convolution or a dense layer into its weights and bias:
 *
 *     gamma (w x + b - mean) / sqrt(variance + epsilon) + beta = (s w) x + (s (b - mean) + beta),    s = gamma /
 * sqrt(variance + epsilon)
 *
 * Skips values with other readers, and states without numbers. Ensures the same outputs but for rounding, in fewer
 * nodes.
 */
import type { Graph, Node, RewriteRule, Value } from "../graph/graph.ts";
import { pass, running } from "../graph/pass.ts";
import { type BatchNormalization, batchNormalization } from "../ops/normalization/batch-normalization.ts";
import { hasKernel } from "../ops/traits.ts";

const fold: RewriteRule = (node, graph) => {
  if (node.op !== batchNormalization) return;
  const layer = node.inputs[0]!.node;
  if (!layer || !hasKernel(layer) || layer.attrs.relu) return;
  const [, weight, bias] = layer.inputs;
  const parameters = [...node.inputs.slice(1), weight!, ...(bias ? [bias] : [])];
  const own = (v: Value): boolean => graph.onlyUser(v) !== undefined;
  if (!own(node.inputs[0]!) || !own(weight!) || (bias && !own(bias)) || !parameters.every(holdsNumbers)) return;
  return graph.scope(layer.name, () => graph.add(layer.op, folded(layer, node, graph), layer.attrs));
};

export const foldBatchNormalization = pass(
  { name: "foldBatchNormalization", needs: [running], ensures: [running] },
  graph => graph.rewrite([fold]),
);

const holdsNumbers = (v: Value): boolean => v.leaf === "state" && v.data instanceof Float32Array;

/** The layer's operands with the normalization folded in. */
function folded(layer: Node, { inputs, attrs }: Node<BatchNormalization>, graph: Graph): Value[] {
  const [x, weight, bias] = layer.inputs;
  const [gamma, beta, mean, variance] = inputs.slice(1).map(v => v.data!);
  const scale = Float64Array.from(gamma!, (g, o) => g / Math.sqrt(variance![o]! + attrs.epsilon));
  const row = weight!.data!.length / scale.length;
  weight!.data = Float32Array.from(weight!.data!, (w, i) => w * scale[Math.floor(i / row)]!);
  const before = bias?.data ?? new Float32Array(scale.length);
  const moved = Float32Array.from(scale, (s, o) => (before[o]! - mean![o]!) * s + beta![o]!);
  if (!bias) return [x!, weight!, graph.state("bias", `${layer.name}/bias`, inputs[1]!.type, moved)];
  bias.data = moved;
  return [x!, weight!, bias];
}
