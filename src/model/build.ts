/**
 * Builds a graph from layers: every layer gets its name, draws its parameters and adds its nodes, in the order of
 * definition. Shapes are checked here, and errors name the layer.
 */
import { integer, knownOptions, wrongType } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { type Shape, showSamples, showShape, size } from "../base/shape.ts";
import { Graph, isLearned, type Value } from "../graph/graph.ts";
import type { StepHook } from "../train/callbacks.ts";
import {
  type Building,
  checkedShape,
  checkName,
  isSymbolic,
  type Layer,
  type ParameterOptions,
  type SymbolicTensor,
  symbolic,
} from "./layer.ts";
import { Model } from "./model.ts";
import type { Regularizer } from "./regularizers.ts";

export interface BuildOptions {
  /** Seed of all initial weights: equal seeds give equal models. Default 0. */
  seed?: number;
  /** For `summary`. Default "model". */
  name?: string;
}

export interface InputOptions {
  /** Shape of one image, e.g. [28, 28, 1]. */
  shape: Shape;
  /** Default: input, input_1, ... */
  name?: string;
}

/** Makes an input of a network. */
export function input(options: InputOptions): SymbolicTensor {
  knownOptions("input", options, ["shape", "name"]);
  const shape = checkedShape("shape", options.shape);
  if (options.name !== undefined) checkName(options.name);
  return symbolic({ inputs: [], shape, ...(options.name !== undefined && { name: options.name }) });
}

/**
 * Builds a model of layers in a chain. The first one needs an `inputShape`, unless `input({ shape })` comes before it.
 *
 *     sequential([conv2d({ filters: 6, kernelSize: 5, inputShape: [28, 28, 1] }), flatten(), dense({ units: 10 })])
 */
export function sequential(layers: readonly (Layer | SymbolicTensor)[], options: BuildOptions = {}): Model {
  if (!Array.isArray(layers)) throw wrongType("layers", "an array of layers", layers);
  knownOptions("sequential", options, ["seed", "name"]);
  const [first, ...rest] = layers as readonly (Layer | SymbolicTensor)[];
  if (first === undefined) throw new RangeError(`"layers" expected at least one layer, got none`);
  let x = isSymbolic(first) ? first : firstOf(first);
  const inputs = isSymbolic(first) ? first : x.inputs[0]!;
  for (const next of rest) {
    if (typeof next !== "function" || !("build" in next)) throw wrongType("layers", "layers", next);
    x = next(x);
  }
  return model({ inputs, outputs: x, ...options });
}

function firstOf(layer: Layer): SymbolicTensor {
  if (typeof layer !== "function" || !("build" in layer)) throw wrongType("layers", "layers", layer);
  const shape = layer.options.inputShape;
  if (!shape)
    throw new TypeError(
      `"inputShape" expected at the first layer (${layer.kind}): begin with input({ shape }) or give it one`,
    );
  return layer(input({ shape }));
}

export interface ModelOptions extends BuildOptions {
  inputs: SymbolicTensor | readonly SymbolicTensor[];
  outputs: SymbolicTensor | readonly SymbolicTensor[];
}

/**
 * Builds a model of the layers between `inputs` and `outputs`. A layer called twice has one set of parameters.
 *
 *     const x = input({ shape: [8] });
 *     const h = dense({ units: 8, activation: "relu" });
 *     model({ inputs: x, outputs: add()(x, h(h(x))) })
 */
export function model(options: ModelOptions): Model {
  if (options === undefined) throw wrongType("model", "options: inputs, outputs, seed, name", options);
  knownOptions("model", options, ["inputs", "outputs", "seed", "name"]);
  const inputs = tensors("inputs", options.inputs);
  const outputs = tensors("outputs", options.outputs);
  for (const x of inputs) if (x.layer) throw wrongType("inputs", "what input() gives", `the output of ${x.layer.kind}`);
  const builder = new Builder(integer("seed", options.seed ?? 0, 0, Number.MAX_SAFE_INTEGER));
  for (const x of inputs) builder.input(x);
  for (const x of between(outputs)) builder.layer(x);
  builder.graph.results = outputs.map(y => builder.value(y));
  return new Model(builder.graph, {
    regularizers: builder.regularizers,
    hooks: builder.hooks,
    ...(options.name !== undefined && { name: options.name }),
  });
}

function tensors(what: string, given: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor[] {
  const all = (Array.isArray(given) ? given : [given]) as SymbolicTensor[];
  for (const x of all) if (!isSymbolic(x)) throw wrongType(what, "what input() or a layer gives", x);
  if (all.length === 0) throw new RangeError(`"${what}" expected at least one tensor, got none`);
  if (new Set(all).size < all.length) throw new RangeError(`"${what}" expected different tensors, got one twice`);
  return all;
}

/** Collects all outputs of layers that `outputs` depend on, in order of definition. */
function between(outputs: readonly SymbolicTensor[]): SymbolicTensor[] {
  const seen = new Set<SymbolicTensor>();
  const open = [...outputs];
  for (let x = open.pop(); x; x = open.pop()) {
    if (seen.has(x)) continue;
    seen.add(x);
    open.push(...x.inputs);
  }
  return [...seen].filter(x => x.layer).sort((a, b) => a.order - b.order);
}

class Builder {
  readonly graph = new Graph();
  readonly regularizers = new Map<string, Regularizer>();
  readonly hooks: StepHook[] = [];
  readonly #random: Random;
  readonly #values = new Map<SymbolicTensor, Value>();
  readonly #names = new Map<Layer, string>();
  readonly #taken = new Set<string>();

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  input(x: SymbolicTensor): void {
    const name = this.#unique("input", x.name);
    this.#values.set(x, this.graph.leaf("input", name, { shape: x.shape!, dtype: "f32", batched: true }));
  }

  layer(x: SymbolicTensor): void {
    const layer = x.layer!;
    let name = this.#names.get(layer);
    if (name === undefined) {
      name = this.#unique(layer.kind, layer.options.name);
      this.#names.set(layer, name);
    }
    const inputs = x.inputs.map(v => this.value(v));
    const made = this.graph.scope(name, () => this.#build(layer, name, inputs));
    this.#values.set(x, made);
  }

  #build(layer: Layer, name: string, inputs: readonly Value[]): Value {
    const expected = layer.options.inputShape;
    const [first] = inputs;
    try {
      if (expected && String(expected) !== String(first!.type.shape))
        throw new RangeError(`expects ${showSamples(expected)}, got ${showShape(first!.type.shape)}`);
      return layer.build(inputs, this.#building(layer, name));
    } catch (error) {
      // errors of ops already name the layer
      if ((error instanceof RangeError || error instanceof TypeError) && !error.message.startsWith("layer "))
        error.message = `layer "${name}" (${layer.kind}): ${error.message}`;
      throw error;
    }
  }

  #building(layer: Layer, name: string): Building {
    return {
      graph: this.graph,
      name,
      parameter: (parameter, shape, options) => this.#parameter(`${name}/${parameter}`, shape, options, layer),
      hook: hook => this.hooks.push(hook),
    };
  }

  #parameter(name: string, shape: Shape, options: ParameterOptions, layer: Layer): Value {
    const known = this.graph.leafOf(name);
    if (known) return known;
    const { role, initializer, fans = { in: size(shape), out: size(shape) }, regularizer, layout } = options;
    const data = initializer(size(shape), fans, this.#random.fork(name));
    if (!(data instanceof Float32Array) || data.length !== size(shape))
      throw wrongType(`initializer of ${name}`, `to give a Float32Array of ${size(shape)}`, data);
    const leaf = this.graph.state(role, name, { shape, dtype: "f32", batched: false }, data);
    if (layout) leaf.layout = layout;
    if (!isLearned(role) || layer.options.trainable === false) leaf.frozen = true;
    if (regularizer && (regularizer.l1 > 0 || regularizer.l2 > 0)) this.regularizers.set(name, regularizer);
    return leaf;
  }

  value(x: SymbolicTensor): Value {
    const known = this.#values.get(x);
    if (known) return known;
    throw new RangeError(
      `"inputs" expected every input that the outputs depend on, got none for ${x.name ?? "one of them"}`,
    );
  }

  /** `given`, or the first free name of kind, kind_1, ... */
  #unique(kind: string, given: string | undefined): string {
    if (given !== undefined && this.#taken.has(given))
      throw new RangeError(`"name" expected a different name for each layer, got "${given}" twice`);
    let name = given ?? kind;
    for (let n = 1; given === undefined && this.#taken.has(name); n++) name = `${kind}_${n}`;
    this.#taken.add(name);
    return name;
  }
}
