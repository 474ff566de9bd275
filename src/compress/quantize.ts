/**
 * Quantization of trained models to int8, in TensorFlow Lite's scheme (docs/quantization.md): static, with calibration
 * data, and dynamic.
 */
import { knownOptions, naming, oneOf, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import { hasKernel } from "../ops/traits.ts";
import { int8Borders as bordersOf } from "../passes/quantize/borders.ts";
import { quantizeDynamic as dynamicForm } from "../passes/quantize/dynamic.ts";
import { isFakeQuantized } from "../passes/quantize/fake.ts";
import { takeLearned } from "../passes/quantize/learned.ts";
import type { WeightNumbers } from "../passes/quantize/parameters.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { observed, quantizeStatic as staticForm } from "../passes/quantize/static.ts";
import { levelsOf, scalesFor, WEIGHT_BITS, type WeightBits } from "../passes/quantize/weight-bits.ts";
import { expectScaling } from "../train/scaling.ts";
import type { CalibrateOptions } from "./calibrate.ts";
import { sharedScales } from "./cluster-scales.ts";
import { type DerivingStep, derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { exceptionsOf } from "./quantization-aware.ts";
import { calibratedRanges, type GivenRanges, givenRanges, type RangeMethod } from "./ranges.ts";
import { toRunningForm } from "./running-form.ts";

/** Names of layers that stay float, or a function that tells them. */
export type Exclusion = readonly string[] | ((layer: { name: string; op: string }) => boolean);

export interface QuantizeStaticOptions extends CalibrateOptions {
  /**
   * Samples like those the network will see, a few hundred, with or without labels: every activation gets a range from
   * them. A model of `quantizeModel` that was trained has ranges, and needs none.
   */
  calibration?: Dataset;
  /**
   * Bits of weights: of all, or by the name of the layer, 8 where it has none. Fewer than 8 are int8 numbers of a
   * smaller range, which files hold in as many bits. "ternary": {-1, 0, 1}. Default 8, or what `quantizeModel` has
   * trained for.
   */
  weights?: WeightBits | Readonly<Record<string, WeightBits>>;
  /**
   * The method that makes ranges of calibration data, or ranges by the name of the layer. Default "minMax".
   */
  range?: RangeMethod | GivenRanges;
  /**
   * "i8": samples enter and results leave as int8, by `net.run`. Default "f32": they are quantized and dequantized
   * inside.
   */
  inputType?: "f32" | "i8";
  /** Default: none. Beside what `quantizeModel` excepts. */
  exclude?: Exclusion;
}

const STATIC = ["calibration", "weights", "range", "inputType", "exclude", "batchSize", "signal", "onProgress"];

/**
 * Weights and activations in int8, integer kernels throughout. Masks are baked and batch normalization is folded first.
 * It takes the ranges and scales that a model of `quantizeModel` has trained:
 *
 *     const aware = quantizeModel(model, { weights: 4 });
 *     await aware.fit(train, { epochs: 2 });
 *     const small = await quantizeStatic(aware);
 *
 * Errors: RangeError for data that do not fit; PenjingError "calibration" where an activation has no finite range,
 * "quantized" for a network of integers, "quantize" or "refused" for a layer whose sums fit into 32 bits at no scale.
 */
export async function quantizeStatic(model: Model, options: QuantizeStaticOptions = {}): Promise<Model> {
  return naming("quantizeStatic", () => inIntegers(model, options));
}

async function inIntegers(model: Model, options: QuantizeStaticOptions): Promise<Model> {
  knownOptions("quantizeStatic", options, STATIC);
  const int8Borders = oneOf("inputType", options.inputType ?? "f32", ["f32", "i8"]) === "i8";
  const { graph, includes, build } = await preparedFor(model, options, (_, included) => [included], int8Borders);
  return integerModel(build(includes), model, { name: "quantizeStatic", options }, graph);
}

/** A float graph that can become integers, as a whole or some layers of it. */
export interface Prepared {
  /** The running form, without fake quantization. */
  readonly graph: Graph;
  readonly includes: (node: Node) => boolean;
  /** The bits of a weight's greatest number: 127 levels for 8 bits. */
  readonly levels: (node: Node) => number;
  /** The range of a value that some of the choices quantize. */
  readonly range: (v: Value) => Range | undefined;
  /** The network in which the included nodes are integers. */
  build(includes: (node: Node) => boolean): Graph;
}

/**
 * Checks the options and finds ranges for all choices of layers that `choices` lists, given the graph that runs and
 * what the options include.
 */
export async function preparedFor(
  model: Model,
  options: Omit<QuantizeStaticOptions, "inputType">,
  choices: (graph: Graph, includes: (node: Node) => boolean) => readonly ((node: Node) => boolean)[],
  int8Borders = false,
): Promise<Prepared> {
  checkFloatModel(model, "quantize");
  const { calibration, exclude, weights, range, batchSize, signal, onProgress } = options;
  const trained = isFakeQuantized(model.graph);
  if (calibration === undefined ? !trained : !(calibration instanceof Dataset))
    throw wrongType("calibration", "a Dataset, with labels or without", calibration);
  if (calibration) expectScaling("calibration", calibration, model.preprocessing);
  if (trained && weights !== undefined)
    throw wrongValue("weights", "none for a model of quantizeModel, which has trained for its own", weights);
  const { graph } = model.graph.copy();
  const excepted = exceptionsOf(model);
  const named = trained && exclude === undefined ? () => true : inclusion(graph, exclude);
  const includes = (node: Node): boolean => named(node) && !excepted(node);
  const learned = trained ? takeLearned(graph, toRunningForm, includes) : undefined;
  if (!learned) toRunningForm(graph);
  const numbers = learned?.weights ?? numbersOf(graph, includes, weights);
  if (learned) demandLearned(graph, includes, numbers);
  const shared = sharedScales(model.graph);
  const chosen = choices(graph, includes);
  const wanted = [...new Set(chosen.flatMap(each => observed(graph, { includes: each, int8Borders })))];
  const borders = bordersOf(graph, includes);
  const ranges = calibration
    ? await calibratedRanges(graph, calibration, wanted, range, { batchSize, signal, onProgress })
    : givenRanges(wanted, range, v => learned!.range(borders.source(v)));
  const found = (v: Value): Range | undefined => ranges.get(v);
  return {
    graph,
    includes,
    range: found,
    levels: node => numbers(node)?.levels ?? 127,
    build: each => staticForm(graph, { includes: each, int8Borders, range: found, weights: { numbers, shared } }),
  };
}

/** Baked weights have lost the scales that were trained. */
function demandLearned(
  graph: Graph,
  includes: (node: Node) => boolean,
  numbers: (node: Node) => WeightNumbers | undefined,
): void {
  const lost = graph.nodes.find(node => hasKernel(node) && includes(node) && !numbers(node));
  if (!lost) return;
  const message = `layer "${lost.name}" has lost the scale that was trained: quantize the model before it is baked`;
  throw new PenjingError("bake", message, { path: lost.name });
}

/** The numbers of weights of so many bits; undefined: those of 8 bits. */
function numbersOf(
  graph: Graph,
  includes: (node: Node) => boolean,
  weights: QuantizeStaticOptions["weights"],
): (node: Node) => WeightNumbers | undefined {
  const layers = graph.nodes.filter(node => hasKernel(node) && includes(node)).map(node => node.name);
  const bits = bitsOf(weights, layers);
  const known = new Map<Node, WeightNumbers>();
  return node => {
    const count = bits(node.name);
    if (count === 8) return undefined;
    const [, weight] = node.inputs;
    let numbers = known.get(node);
    if (!numbers) {
      const scale = scalesFor(count, weight!.data as Float32Array, weight!.type.shape[0]!);
      numbers = { levels: levelsOf(count), scale };
      known.set(node, numbers);
    }
    return numbers;
  };
}

/** Checks the option `weights`, and returns the bits of each layer. */
export function bitsOf(
  weights: QuantizeStaticOptions["weights"] = 8,
  layers: readonly string[],
): (layer: string) => WeightBits {
  const check = (what: string, bits: unknown): WeightBits => {
    if (!WEIGHT_BITS.includes(bits as WeightBits)) throw wrongValue(what, '8, 4, 3, 2 or "ternary"', bits);
    return bits as WeightBits;
  };
  if (weights === null || typeof weights !== "object") {
    const bits = check("weights", weights);
    return () => bits;
  }
  if (Array.isArray(weights)) throw wrongType("weights", "bits, or bits by the names of layers", weights);
  for (const [layer, bits] of Object.entries(weights)) {
    if (!layers.includes(layer))
      throw wrongValue("weights", `layers with weights to quantize (${layers.join(", ")})`, layer);
    check(`weights.${layer}`, bits);
  }
  return layer => (weights as Readonly<Record<string, WeightBits>>)[layer] ?? 8;
}

export interface QuantizeDynamicOptions {
  /** Default: none. TensorFlow Lite leaves weights of less than 1024 elements in float; here all become int8. */
  exclude?: Exclusion;
}

/**
 * Weights in int8, activations in float: each sample is quantized by the range it has when it reaches a layer, and
 * integer kernels run there. Needs no data.
 */
export async function quantizeDynamic(model: Model, options: QuantizeDynamicOptions = {}): Promise<Model> {
  return naming("quantizeDynamic", async () => {
    checkFloatModel(model, "quantize");
    knownOptions("quantizeDynamic", options, ["exclude"]);
    const { graph } = model.graph.copy();
    const excepted = exceptionsOf(model);
    const named = inclusion(graph, options.exclude);
    const includes = (node: Node): boolean => named(node) && !excepted(node);
    // ranges that were trained are those of each image again
    const learned = isFakeQuantized(graph) ? takeLearned(graph, toRunningForm, includes) : undefined;
    if (learned) demandLearned(graph, includes, learned.weights);
    else toRunningForm(graph);
    const integers = dynamicForm(graph, includes, { numbers: learned?.weights, shared: sharedScales(model.graph) });
    return integerModel(integers, model, { name: "quantizeDynamic", options }, graph);
  });
}

/** With the name, labels, preprocessing and metadata of `from`, and nothing of training. `float`: its running form. */
const integerModel = (graph: Graph, from: Model, step: DerivingStep, float: Graph): Model =>
  derived(from, graph, step, { regularizers: new Map(), hooks: [], float });

/** Checks which layers stay float, and tells the others. */
export function inclusion(graph: Graph, exclude: Exclusion = [], what = "exclude"): (node: Node) => boolean {
  const names = [...new Set(graph.nodes.map(n => n.name))];
  let excluded: (node: Node) => boolean;
  if (typeof exclude === "function") excluded = node => exclude({ name: node.name, op: node.op.name });
  else {
    if (!Array.isArray(exclude)) throw wrongType(what, "names of layers or a function", exclude);
    for (const name of exclude)
      if (!names.includes(name)) throw wrongValue(what, `layers among ${names.join(", ")}`, name);
    excluded = node => exclude.includes(node.name);
  }
  if (!graph.nodes.some(node => hasKernel(node) && !excluded(node)))
    throw new PenjingError("quantize", "no convolution or dense layer is left to quantize");
  return node => !excluded(node);
}
