/** Takes ranges of activations and scales of weights out of a network that was trained for quantization. */
import type { Graph, Node, Value } from "../../graph/graph.ts";
import { batchNormalization } from "../../ops/normalization/batch-normalization.ts";
import { fakeQuantizeActivation } from "../../ops/quantized/fake-quantize-activation.ts";
import { type FakeQuantize, fakeQuantize, weightScales } from "../../ops/weight/fake-quantize.ts";
import { bakedNumbers } from "../bake.ts";
import { int8Borders } from "./borders.ts";
import type { WeightNumbers } from "./parameters.ts";
import type { Range } from "./scheme.ts";

export interface Learned {
  /** The range of an activation of the graph without fake quantization; undefined: none was seen. */
  range(v: Value): Range | undefined;
  /** The numbers of a layer's kernel; undefined: it is not quantized. */
  weights(node: Node): WeightNumbers | undefined;
}

/**
 * Takes the fake quantization out of `graph`, whose weights become those that it gave. `running`: makes the form of the
 * graph that runs, in place: it bakes the edges of weights and folds normalization. `includes`: selects the layers that
 * become integers.
 */
export function takeLearned(graph: Graph, running: (graph: Graph) => void, includes: (node: Node) => boolean): Learned {
  const scales = new Map<Node, WeightNumbers>();
  for (const node of graph.nodes) {
    const edge = node.inputs[1]?.node;
    if (edge?.op !== fakeQuantize) continue;
    const { levels } = edge.attrs as FakeQuantize;
    scales.set(node, { levels, scale: scaleOf(edge as Node<FakeQuantize>) });
  }
  const folded = graph.nodes.filter(node => node.op === batchNormalization && scales.has(node.inputs[0]!.node!));
  const factors = folded.map(node => {
    const [, gamma, , , variance] = node.inputs.map(v => v.data!);
    const { epsilon } = node.attrs;
    return Float64Array.from(gamma!, (g, o) => Math.abs(g / Math.sqrt(variance![o]! + epsilon)));
  });
  const layers = folded.map(node => node.inputs[0]!.node!);
  running(graph);
  // a kernel keeps its place in memory when its layer is folded, and the layer does not
  const left = new Set(graph.nodes);
  const numbers = new Map<Value, WeightNumbers>();
  for (const [node, { levels, scale }] of scales) {
    const k = layers.indexOf(node);
    const isFolded = k >= 0 && !left.has(folded[k]!);
    const factor = isFolded ? factors[k]! : undefined;
    numbers.set(node.inputs[1]!, { levels, scale: factor ? scale.map((s, o) => s * factor[o]!) : scale });
  }
  const seen: [Value, Float32Array][] = [];
  for (const node of graph.nodes) {
    if (node.op !== fakeQuantizeActivation) continue;
    const [x, range] = node.inputs;
    const data = range!.data as Float32Array;
    if (data[2]! > 0) seen.push([x!, data]);
  }
  graph.rewrite([node => (node.op === fakeQuantizeActivation ? [node.inputs[0]] : undefined)]);
  const { source } = int8Borders(graph, includes);
  const ranges = new Map<Value, Range>();
  for (const [x, [min, max]] of seen) ranges.set(source(x), { min: min!, max: max! });
  return { range: v => ranges.get(v), weights: node => numbers.get(node.inputs[1]!) };
}

/** The scale of each output. */
function scaleOf({ inputs, attrs }: Node<FakeQuantize>): Float32Array {
  return weightScales(attrs, inputs[0]!.type.shape[0]!, inputs.map(bakedNumbers));
}
