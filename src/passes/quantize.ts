/**
 * Float graph -> int8 graph, in TFLite's scheme: weights symmetric per output channel by max |w| / 127, activations by their observed range
 * with zero kept exact, biases int32 with scale s_x * s_w. Requires a model's graph without weight-edge ops (bake first) and, for static
 * quantization, a range for every activation. Ensures an unfused graph whose convolutions and dense layers are int8; ops
 * without an integer form stay float.
 *
 * Where a clamp (relu, relu6 ...) follows a convolution alone, the convolution is given the clamp's range: since clamping is monotone,
 * the two as separate int8 nodes give exactly what one fused node gives.
 */
import { PenjingError } from "../base/errors.ts";
import { size, type TypedArray } from "../base/shape.ts";
import { Graph, type Node, type Quantization, type Type, type Value } from "../graph/graph.ts";
import { conv2d } from "../ops/convolution/conv2d.ts";
import { dense } from "../ops/convolution/dense.ts";
import { dequantize, quantize } from "../ops/quantized/quantize.ts";

export interface Range {
  min: number;
  max: number;
}

/** The int8 quantization of a range: zero kept exact, 255 steps. TFLite's, computed in float64. */
export function quantizationOf({ min, max }: Range): Quantization {
  const low = Math.min(0, min);
  const high = Math.max(0, max);
  const scale = (high - low) / 255 || 1;
  const zeroPoint = Math.max(-128, Math.min(127, Math.round(-128 - low / scale)));
  return { scale: Float32Array.of(scale), zeroPoint };
}

/** Weights [out][...] -> int8, one scale per output channel: max |w| / 127. A channel of zeros has scale 1. */
export function quantizeWeights(weights: Float32Array, channels: number): { data: Int8Array; scale: Float32Array } {
  const row = weights.length / channels;
  const data = new Int8Array(weights.length);
  const scale = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    let top = 0;
    for (let i = 0; i < row; i++) top = Math.max(top, Math.abs(weights[c * row + i]!));
    const step = Math.fround(top / 127) || 1;
    scale[c] = step;
    for (let i = 0; i < row; i++) data[c * row + i] = clampWeight(halfAwayFromZero(weights[c * row + i]! / step));
  }
  return { data, scale };
}

const clampWeight = (q: number): number => Math.max(-127, Math.min(127, q));

/** TFLite rounds weights half away from zero. */
const halfAwayFromZero = (v: number): number => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);

/** int32 biases in units of s_x * s_w. */
export function quantizeBias(
  bias: Float32Array,
  input: number,
  weights: Float32Array,
): { data: Int32Array; scale: Float32Array } {
  const scale = weights.map(s => Math.fround(input * s));
  const data = Int32Array.from(bias, (b, c) =>
    Math.max(-2147483648, Math.min(2147483647, halfAwayFromZero(b / (input * weights[c]!)))),
  );
  return { data, scale };
}

const WEIGHTED = new Set<string>([conv2d.name, dense.name, "depthwiseConv2d"]);

/** Ops whose int8 output has the quantization of their input. */
const KEEPS = new Set([
  "relu",
  "clip",
  "maxPool2d",
  "averagePool2d",
  "globalAveragePool2d",
  "reshape",
  "transpose",
  "pad",
  "dropout",
]);

/** Clamps: a convolution in front of one is given the clamp's range. */
const CLAMPS = new Set(["relu", "clip"]);

/** Ops that choose the quantization of their output: it is in their attributes. */
const CHOOSES = new Set([
  ...WEIGHTED,
  "add",
  "sub",
  "mul",
  "concat",
  "leakyRelu",
  "elu",
  "hardSigmoid",
  "hardSwish",
  "scale",
]);

const fixed = (scale: number, zeroPoint: number): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** Ops whose outputs have known ends: the quantization TFLite fixes for them. */
const FIXED = new Map<string, Quantization>([
  ["softmax", fixed(1 / 256, -128)],
  ["sigmoid", fixed(1 / 256, -128)],
  ["tanh", fixed(1 / 128, 0)],
]);

export interface QuantizeOptions {
  /** The observed range of an activation of the float graph; undefined: quantize that layer's activations at run time. */
  range(v: Value): Range | undefined;
  /** Is this layer quantized at all? Default: every one. */
  includes?(node: Node): boolean;
  /** Do images enter, and results leave, as int8? Default false: float at the borders. */
  int8Borders?: boolean;
}

/** The values of the float graph whose ranges `quantizeStatic` will ask for, in order of the graph, each once. */
export function observed(graph: Graph, options: Omit<QuantizeOptions, "range"> = {}): Value[] {
  const asked = new Set<Value>();
  const range = (v: Value): Range => {
    asked.add(v);
    return { min: 0, max: 1 };
  };
  quantizeStatic(graph, { ...options, range });
  return [...graph.leaves, ...graph.nodes.flatMap(n => n.outputs)].filter(v => asked.has(v));
}

/** The value whose range a node's output gets: behind a clamp that is its only user, the clamp's. */
function rangeSource(graph: Graph, node: Node): Value {
  const y = node.outputs[0]!;
  const [user, ...others] = graph.users(y);
  return user && !others.length && CLAMPS.has(user.op.name) && !graph.results.includes(y) ? user.outputs[0]! : y;
}

/** Static: every activation is int8, with the ranges given. */
export function quantizeStatic(from: Graph, options: QuantizeOptions): Graph {
  const graph = new Graph();
  const q8 = new Map<Value, Value>();
  const f32 = new Map<Value, Value>();
  const asInt8 = (v: Value): Value => {
    const known = q8.get(v);
    if (known) return known;
    const made = graph.one(quantize, [f32.get(v)!], { quantization: quantizationFor(v, options) });
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

  for (const leaf of from.leaves) {
    if (leaf.leaf !== "input") continue;
    if (options.int8Borders)
      q8.set(
        leaf,
        graph.leaf("input", leaf.name, { ...leaf.type, dtype: "i8", quantization: quantizationFor(leaf, options) }),
      );
    else f32.set(leaf, graph.leaf("input", leaf.name, leaf.type));
  }
  const parameters = new Parameters(graph);
  const parameter = (v: Value) => parameters.plain(v);

  for (const node of from.nodes) {
    const name = node.op.name;
    const included = options.includes?.(node) ?? true;
    graph.scope(node.name, () => {
      if (included && WEIGHTED.has(name)) {
        const x = asInt8(node.inputs[0]!);
        const inputs = parameters.int8(node, x.type.quantization!.scale[0]!);
        const quantization = quantizationFor(rangeSource(from, node), options);
        q8.set(node.outputs[0]!, graph.one(node.op, [x, ...inputs], { ...node.attrs, quantization }));
      } else if (included && KEEPS.has(name))
        graph.add(node.op, [asInt8(node.inputs[0]!)], node.attrs).forEach((v, i) => q8.set(node.outputs[i]!, v));
      else if (included && (CHOOSES.has(name) || FIXED.has(name))) {
        const quantization = FIXED.get(name) ?? quantizationFor(rangeSource(from, node), options);
        const inputs = node.inputs.map(v => (v.leaf === "state" ? parameter(v) : asInt8(v)));
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

/** Dynamic: weights are int8, activations float; kernels quantize them by the range each image has. */
export function quantizeDynamic(from: Graph, includes: (node: Node) => boolean = () => true): Graph {
  const graph = new Graph();
  const of = new Map<Value, Value>();
  const parameters = new Parameters(graph);
  for (const leaf of from.leaves) if (leaf.leaf === "input") of.set(leaf, graph.leaf("input", leaf.name, leaf.type));
  for (const node of from.nodes) {
    const operands = node.inputs.map(v => of.get(v) ?? v);
    const inputs =
      WEIGHTED.has(node.op.name) && includes(node)
        ? [operands[0]!, ...parameters.dynamic(node)]
        : operands.map(v => (v.leaf === "state" ? parameters.plain(v) : v));
    const outputs = graph.scope(node.name, () => graph.add(node.op, inputs, node.attrs));
    node.outputs.forEach((o, i) => of.set(o, outputs[i]!));
  }
  graph.results = from.results.map(v => of.get(v)!);
  keepNames(graph, from);
  graph.prune();
  return graph;
}

/** Results that have names of their own keep them. */
function keepNames(graph: Graph, from: Graph): void {
  graph.results.forEach((result, i) => {
    result.name ||= from.results[i]!.name;
  });
}

function quantizationFor(v: Value, options: QuantizeOptions): Quantization {
  const seen = options.range(v);
  const where = v.node ? `the output of "${v.node.name}"` : `"${v.name}"`;
  if (!seen) throw new PenjingError("calibration", `no range was observed for ${where}`);
  if (!Number.isFinite(seen.min) || !Number.isFinite(seen.max))
    throw new PenjingError("calibration", `the calibration data gives ${where} the range ${seen.min} .. ${seen.max}`);
  return quantizationOf(seen);
}

/**
 * The states of the int8 graph. A weight that several layers share is quantized once; a bias has one int32 form for each scale of its products,
 * since layers that share it may read inputs of different scales; what an excluded layer reads as well stays float beside the int8 form.
 */
class Parameters {
  readonly #graph: Graph;
  readonly #made = new Map<string, Value>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** As it is. */
  plain(v: Value): Value {
    return this.#once(v, "plain", () => ({ type: v.type, data: v.data }));
  }

  /** Weight and bias of a layer whose input has the scale `input`, as int8 and int32. */
  int8(node: Node, input: number): Value[] {
    const weight = this.#weight(node);
    const bias = node.inputs[2];
    if (!bias) return [weight];
    const weights = weight.type.quantization!.scale;
    const made = this.#once(bias, `i32 ${input} ${weight.id}`, () => {
      const { data, scale } = quantizeBias(numbersOf(bias, node), input, weights);
      return { type: { ...bias.type, dtype: "i32", quantization: { scale, zeroPoint: 0, axis: 0 } }, data };
    });
    return [weight, made];
  }

  /** Weight as int8, bias in float. */
  dynamic(node: Node): Value[] {
    return [this.#weight(node), ...node.inputs.slice(2).map(bias => this.plain(bias))];
  }

  #weight(node: Node): Value {
    const weight = node.inputs[1]!;
    return this.#once(weight, "i8", () => {
      const { data, scale } = quantizeWeights(numbersOf(weight, node), weight.type.shape[0]!);
      return { type: { ...weight.type, dtype: "i8", quantization: { scale, zeroPoint: 0, axis: 0 } }, data };
    });
  }

  /** A leaf for one form of `v`, made on first use; the first form keeps v's name. */
  #once(v: Value, form: string, make: () => { type: Type; data: TypedArray | undefined }): Value {
    const key = `${v.id} ${form}`;
    const known = this.#made.get(key);
    if (known) return known;
    let name = v.name;
    for (let k = 2; this.#graph.leafOf(name); k++) name = `${v.name} ${k}`;
    const { type, data } = make();
    const leaf = this.#graph.state(v.role!, name, type, data);
    if (v.frozen) leaf.frozen = true;
    this.#made.set(key, leaf);
    return leaf;
  }
}

function numbersOf(v: Value, node: Node): Float32Array {
  if (v.leaf !== "state" || !(v.data instanceof Float32Array) || v.data.length !== size(v.type.shape))
    throw new PenjingError("quantize", `layer "${node.name}" has no plain float weights: bake the model first`, {
      path: node.name,
    });
  return v.data;
}
