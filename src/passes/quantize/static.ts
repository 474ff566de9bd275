/**
 * Quantizes a float graph to int8. Requires a model's graph without weight-edge ops (bake first) and a range for every
 * activation. Ensures an unfused graph whose convolutions and dense layers are int8, with sums that fit into 32 bits;
 * ops without an integer form stay float.
 *
 * If a clamp (relu, relu6 ...) is the only reader of a convolution, the convolution gets the clamp's range: since
 * clamping is monotone, two separate int8 nodes give exactly the result of one fused node.
 */
import { PenjingError } from "../../base/errors.ts";
import { Graph, type Node, type Quantization, type Value } from "../../graph/graph.ts";
import { dequantize, quantize } from "../../ops/quantized/quantize.ts";
import { requantize } from "../../ops/quantized/requantize.ts";
import { proveSums } from "../../ops/quantized/sums.ts";
import { int8Borders } from "./borders.ts";
import { keepNames, Parameters, type WeightForms } from "./parameters.ts";
import { quantizationOf as affine, type Range } from "./scheme.ts";

export interface QuantizeOptions {
  /**
   * The observed range of an activation of the float graph; undefined: quantize that layer's activations at run time.
   */
  range(v: Value): Range | undefined;
  /** Selects the layers to quantize. Default: all. */
  includes?(node: Node): boolean;
  /** The numbers that weights become. Default: 8 bits, by max |w|. */
  weights?: WeightForms;
  /** Inputs and outputs are int8. Default false: they are float. */
  int8Borders?: boolean;
}

/** The values of the float graph whose ranges `quantizeStatic` needs, in graph order, each once. */
export function observed(graph: Graph, options: Omit<QuantizeOptions, "range"> = {}): Value[] {
  const asked = new Set<Value>();
  const range = (v: Value): Range => {
    asked.add(v);
    return { min: 0, max: 1 };
  };
  quantizeStatic(graph, { ...options, range });
  return [...graph.leaves, ...graph.nodes.flatMap(n => n.outputs)].filter(v => asked.has(v));
}

/** Static quantization: every activation is int8, with the given ranges. */
export function quantizeStatic(from: Graph, options: QuantizeOptions): Graph {
  const graph = new Graph();
  const borders = int8Borders(from, options.includes);
  const quantizationOf = (v: Value): Quantization => quantizationFor(borders.source(v), options);
  const q8 = new Map<Value, Value>();
  const f32 = new Map<Value, Value>();
  const asInt8 = (v: Value): Value => {
    const known = q8.get(v);
    if (known) return known;
    const made = graph.one(quantize, [f32.get(v)!], { quantization: quantizationOf(v) });
    q8.set(v, made);
    return made;
  };
  const asFloat = (v: Value): Value => {
    const known = f32.get(v);
    if (known) return known;
    const made = graph.one(dequantize, [q8.get(v)!]);
    f32.set(v, made);
    return made;
  };

  /** v in `quantization`, computed from its integers if the two scales are of similar size. */
  const requantized = (v: Value, quantization: Quantization): Value => {
    const x = asInt8(v);
    const [own, wanted] = [x.type.quantization!, quantization];
    const ratio = own.scale[0]! / wanted.scale[0]!;
    if (ratio === 1 && own.zeroPoint === wanted.zeroPoint) return x;
    if (ratio >= 2 ** -8 && ratio <= 2 ** 7) return graph.one(requantize, [x], { quantization });
    return graph.one(quantize, [asFloat(v)], { quantization });
  };

  for (const leaf of from.leaves) {
    if (leaf.leaf !== "input") continue;
    if (options.int8Borders)
      q8.set(leaf, graph.leaf("input", leaf.name, { ...leaf.type, dtype: "i8", quantization: quantizationOf(leaf) }));
    else f32.set(leaf, graph.leaf("input", leaf.name, leaf.type));
  }
  const parameters = new Parameters(graph, options.weights);
  const parameter = (v: Value) => parameters.plain(v);

  for (const node of from.nodes) {
    const form = borders.form(node);
    graph.scope(node.name, () => {
      if (form === "kernel") {
        const x = asInt8(node.inputs[0]!);
        const inputs = parameters.int8(node, x.type.quantization!.scale[0]!);
        const quantization = quantizationOf(node.outputs[0]!);
        const y = graph.one(node.op, [x, ...inputs], { ...node.attrs, quantization });
        proveSums(y.node!);
        q8.set(node.outputs[0]!, y);
      } else if (form === "keeps" || form === "averages" || form === "clamps")
        graph.add(node.op, node.inputs.map(asInt8), node.attrs).forEach((v, i) => q8.set(node.outputs[i]!, v));
      else if (form === "alike") {
        // clipping the operands to the output's range loses nothing: the op returns one of their numbers
        const quantization = quantizationOf(node.outputs[0]!);
        const inputs = node.inputs.map(v => requantized(v, quantization));
        q8.set(node.outputs[0]!, graph.one(node.op, inputs, node.attrs));
      } else if (form === "chooses" || form === "sums" || typeof form === "object") {
        const inputs = node.inputs.map(v => (v.leaf === "state" ? parameter(v) : asInt8(v)));
        const chosen = typeof form === "object" ? form : quantizationOf(node.outputs[0]!);
        const quantization = form === "sums" ? sumQuantization(chosen, inputs) : chosen;
        q8.set(node.outputs[0]!, graph.one(node.op, inputs, { ...node.attrs, quantization }));
      } else {
        // an excluded layer, or an op without an integer form: float, between dequantize and quantize
        const inputs = node.inputs.map(v => (v.leaf === "state" ? parameter(v) : asFloat(v)));
        graph.add(node.op, inputs, node.attrs).forEach((v, i) => f32.set(node.outputs[i]!, v));
      }
    });
  }
  graph.results = from.results.map(v => (options.int8Borders ? asInt8(v) : asFloat(v)));
  keepNames(graph, from);
  graph.prune();
  return graph;
}

/**
 * The quantization of a sum of `inputs`: `chosen`, unless the result is so much smaller than its operands that the
 * kernel cannot represent the ratio of their scales. Then its scale is 1/128 of the largest operand's, or equal to it
 * if the result is always 0.
 */
function sumQuantization(chosen: Quantization, inputs: readonly Value[]): Quantization {
  const coarsest = Math.max(...inputs.map(v => v.type.quantization?.scale[0] ?? 0));
  const ratio = coarsest / chosen.scale[0]!;
  if (ratio >= 2 ** -9 && ratio <= 128) return chosen;
  return { ...chosen, scale: Float32Array.of(ratio > 128 ? coarsest / 128 : coarsest) };
}

function quantizationFor(v: Value, options: QuantizeOptions): Quantization {
  const seen = options.range(v);
  const where = v.node ? `the output of "${v.node.name}"` : `"${v.name}"`;
  if (!seen) throw new PenjingError("calibration", `no range was observed for ${where}`);
  if (!Number.isFinite(seen.min) || !Number.isFinite(seen.max))
    throw new PenjingError("calibration", `the calibration data gives ${where} the range ${seen.min} .. ${seen.max}`);
  return affine(seen);
}
