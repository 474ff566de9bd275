/** Weights and biases of a quantized graph, and the names of its results. */
import { PenjingError } from "../../base/errors.ts";
import { size, type TypedArray } from "../../base/shape.ts";
import type { Graph, Node, Quantization, Type, Value } from "../../graph/graph.ts";
import { quantizeBias, quantizeWeights, type Sums, weightScales } from "./scheme.ts";

/** The numbers that the weights of a layer become. */
export interface WeightNumbers {
  /** The greatest. Default 127. */
  readonly levels: number;
  /** One scale per output, unless the sums of the layer need a greater one. */
  readonly scale: Float32Array;
}

/**
 * Scales that a weight's own must be proportional to, so that what its channels share stays shared; undefined: each
 * channel has its own.
 */
export type SharedScales = (weight: Value) => Float32Array | undefined;

export interface WeightForms {
  /** The numbers of a layer's weights; undefined: 8 bits, by max |w|. Default: undefined for all. */
  readonly numbers?: ((node: Node) => WeightNumbers | undefined) | undefined;
  /** Weights whose channels share values. Default: none. */
  readonly shared?: SharedScales | undefined;
}

/**
 * The states of the int8 graph. A weight that several layers share is quantized once, unless the bias of one of them
 * needs other scales; a bias has one int32 form for each scale of its products, since layers that share it may read
 * inputs of different scales; a state that an excluded layer reads as well stays float beside the int8 form.
 */
export class Parameters {
  readonly #graph: Graph;
  readonly #made = new Map<string, Value>();
  readonly #forms: WeightForms;

  constructor(graph: Graph, forms: WeightForms = {}) {
    this.#graph = graph;
    this.#forms = forms;
  }

  /** Copies a state unchanged. */
  plain(v: Value): Value {
    return this.#once(v, "plain", () => ({ type: v.type, data: v.data }));
  }

  /** Weight and bias of a layer whose input has the scale `input`, as int8 and int32. */
  int8(node: Node, input: number): Value[] {
    const bias = node.inputs[2];
    const real = bias && numbersOf(bias, node);
    const weight = this.#weight(node, { input, bias: real });
    if (!bias) return [weight];
    const weights = weight.type.quantization!.scale;
    const made = this.#once(bias, `i32 ${input} ${weight.id}`, () => {
      const { data, scale } = quantizeBias(real!, input, weights);
      return { type: { ...bias.type, dtype: "i32", quantization: byOutput(scale, real!.length) }, data };
    });
    return [weight, made];
  }

  /** The weight as int8, the bias in float. */
  dynamic(node: Node): Value[] {
    // the scale of the input depends on the image, so the sums hold products alone
    return [this.#weight(node, { input: Infinity }), ...node.inputs.slice(2).map(bias => this.plain(bias))];
  }

  #weight(node: Node, sums: Sums): Value {
    const weight = node.inputs[1]!;
    const real = numbersOf(weight, node);
    const outputs = weight.type.shape[0]!;
    const numbers = this.#forms.numbers?.(node);
    const own = weightScales(real, outputs, sums, numbers?.scale);
    const scale = proportional(own, this.#forms.shared?.(weight));
    const channel = scale.indexOf(Infinity);
    if (channel >= 0) {
      const reason = "no scale makes its weights and its bias fit into sums of 32 bits";
      const message = `layer "${node.name}" has no int8 form: in channel ${channel}, ${reason}`;
      throw new PenjingError("quantize", message, { path: node.name });
    }
    return this.#once(weight, `i8 ${scale} ${numbers?.levels}`, () => ({
      type: { ...weight.type, dtype: "i8", quantization: byOutput(scale, outputs) },
      data: quantizeWeights(real, scale, numbers?.levels),
    }));
  }

  /** Returns the leaf for one form of `v`, made on first use; the first form keeps v's name. */
  #once(v: Value, form: string, make: () => { type: Type; data: TypedArray | undefined }): Value {
    const key = `${v.id} ${form}`;
    const known = this.#made.get(key);
    if (known) return known;
    let name = v.name;
    for (let k = 2; this.#graph.leafOf(name); k++) name = `${v.name} ${k}`;
    const { type, data } = make();
    const leaf = this.#graph.state(v.role!, name, type, data);
    if (v.frozen) leaf.frozen = true;
    if (v.layout) leaf.layout = v.layout;
    this.#made.set(key, leaf);
    return leaf;
  }
}

/** The least scales proportional to `shared` of which none is less than those given; one, if all are equal. */
function proportional(scale: Float32Array, shared: Float32Array | undefined): Float32Array {
  if (!shared || scale.includes(Infinity)) return scale;
  const factor = scale.reduce((most, s, c) => Math.max(most, s / shared[c]!), 1);
  const scales = shared.map(s => s * factor);
  return scales.every(s => s === scales[0]) ? scales.slice(0, 1) : scales;
}

/** Symmetric, with a scale for each output, or with one for all. */
const byOutput = (scale: Float32Array, outputs: number): Quantization => ({
  scale,
  zeroPoint: 0,
  ...(scale.length === outputs && { axis: 0 }),
});

function numbersOf(v: Value, node: Node): Float32Array {
  if (v.leaf !== "state" || !(v.data instanceof Float32Array) || v.data.length !== size(v.type.shape))
    throw new PenjingError("quantize", `layer "${node.name}" has no plain float weights: bake the model first`, {
      path: node.name,
    });
  if (!v.data.every(Number.isFinite))
    throw new PenjingError("quantize", `layer "${node.name}" has weights that are not finite`, { path: node.name });
  return v.data;
}

/** Keeps the names of results that have one. */
export function keepNames(graph: Graph, from: Graph): void {
  graph.results.forEach((result, i) => {
    result.name ||= from.results[i]!.name;
  });
}
