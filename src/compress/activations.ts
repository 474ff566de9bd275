/** Activations that are bounded, by what data show or by training, and activations put in place of others. */
import { checkSignal, knownOptions, naming, number, oneOf, wrongType, wrongValue } from "../base/errors.ts";
import { Dataset } from "../data/dataset.ts";
import { insertOnEdge } from "../graph/edit.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import type { Model, ModelParts } from "../model/model.ts";
import type { Regularizer } from "../model/regularizers.ts";
import { clip } from "../ops/activation/clip.ts";
import { leakyRelu } from "../ops/activation/leaky-relu.ts";
import { pact } from "../ops/activation/pact.ts";
import { relu } from "../ops/activation/relu.ts";
import { ACTIVATION } from "../ops/index.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { expectScaling } from "../train/scaling.ts";
import { calibrate } from "./calibrate.ts";
import { derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { type Histogram, histograms } from "./percentiles.ts";

/**
 * "clipped": between two bounds that are not those of ReLU6; "pact": with a learned bound. Others as layers name them.
 */
export type ActivationKind = "relu" | "relu6" | "leakyRelu" | "clipped" | "pact" | (string & {});

/** An activation of a model. */
export interface ActivationLayer {
  /** The layer it is part of. */
  readonly name: string;
  readonly activation: ActivationKind;
}

/** Names of layers, or a function that chooses. */
export type ActivationSelection = readonly string[] | ((layer: ActivationLayer) => boolean);

/** The change of one activation, as the model's report has it among the options of the step where there are data. */
export interface ActivationEffect {
  readonly layer: string;
  readonly from: ActivationKind;
  readonly to: ActivationKind;
  /** The smallest and the largest number over the data, before and after. */
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
  /** The share of numbers that were above the new bound. */
  readonly clipped?: number;
}

/** The kind of an activation; undefined: the node is none. Softmax looks at several numbers, and stays. */
function kindOf({ op, attrs }: Node): ActivationKind | undefined {
  if (op === clip) return attrs.low === 0 && attrs.high === 6 ? "relu6" : "clipped";
  if (op === pact || op.name === "prelu") return op.name;
  return op.name in ACTIVATION && !op.name.toLowerCase().includes("softmax") ? op.name : undefined;
}

/** The activations of these kinds, of the chosen layers. `model`: in messages, what there is none of. */
function chosenOf(graph: Graph, kinds: readonly string[] | undefined, layers: ActivationSelection | undefined): Node[] {
  const fitting = graph.nodes.filter(node => {
    const kind = node.outputs[0]!.type.batched ? kindOf(node) : undefined;
    return kind !== undefined && (!kinds || kinds.includes(kind));
  });
  const names = [...new Set(fitting.map(node => node.name))];
  if (!names.length) throw wrongValue("model", `a model with activations ${(kinds ?? []).join(", ")}`, "none");
  let chosen = fitting;
  if (typeof layers === "function")
    chosen = fitting.filter(node => layers({ name: node.name, activation: kindOf(node)! }));
  else if (Array.isArray(layers)) {
    for (const name of layers)
      if (!names.includes(name))
        throw wrongValue("layers", `layers with such an activation (${names.join(", ")})`, name);
    chosen = fitting.filter(node => layers.includes(node.name));
  } else if (layers !== undefined) throw wrongType("layers", "names of layers or a function", layers);
  if (!chosen.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ")}`, "none");
  return chosen;
}

function checkData(data: unknown, model: Model, signal: AbortSignal | undefined): asserts data is Dataset {
  if (!(data instanceof Dataset)) throw wrongType("data", "a Dataset, with labels or without", data);
  expectScaling("data", data, model.preprocessing);
  checkSignal(signal);
}

const ends = ({ min, max }: Range): [number, number] => [min, max];

/** One activation of the model, and the value that takes its place in the graph that results. */
interface Change {
  readonly node: Node;
  readonly made: Value;
  readonly to: ActivationKind;
  readonly clipped?: number;
}

/** The resulting model; with data, its report has the accuracy before and after, and what became of each activation. */
async function changed(
  model: Model,
  graph: Graph,
  name: string,
  options: { data?: Dataset; signal?: AbortSignal },
  changes: readonly Change[],
  parts: Partial<ModelParts> = {},
): Promise<Model> {
  const { data, signal } = options;
  if (!data) return derived(model, graph, { name, options }, parts);
  const passing = { ...(signal && { signal }) };
  const before = await calibrate(
    model.graph,
    data,
    changes.map(({ node }) => node.outputs[0]!),
    passing,
  );
  const after = await calibrate(
    graph,
    data,
    changes.map(({ made }) => made),
    passing,
  );
  const effect = changes.map(
    ({ node, made, to, clipped }): ActivationEffect => ({
      layer: node.name,
      from: kindOf(node)!,
      to,
      before: ends(before.get(node.outputs[0]!)!),
      after: ends(after.get(made)!),
      ...(clipped !== undefined && { clipped }),
    }),
  );
  const labelled = data.classes > 0;
  if (labelled) await model.evaluate(data, { metrics: ["accuracy"], ...passing });
  const made = derived(model, graph, { name, options: { ...options, effect } }, parts);
  if (labelled) await made.evaluate(data, { metrics: ["accuracy"], ...passing });
  return made;
}

export interface ClipActivationsOptions {
  /**
   * Samples like those the network will see, a few hundred. With labels the report has the accuracy before and after.
   */
  data?: Dataset;
  /**
   * The percentage of an activation's numbers over `data`, zeros among them, that lie below its bound. Where they may
   * be negative, there is a lower bound too, with as few numbers beyond it. Default 99.9.
   */
  percentile?: number;
  /**
   * true: bounds are learned by `fit` (PACT). They begin at the percentile, or at 6 where there are no data, and get
   * the penalty `l2`. For "relu", "relu6" and what is clipped at 0. Default false.
   */
  learned?: boolean;
  /** The penalty of learned bounds: l2 alpha^2 is added to the loss. Default 1e-4. */
  l2?: number;
  /** Names, or a function that chooses. Default: every activation but of the network's results. */
  layers?: ActivationSelection;
  signal?: AbortSignal;
}

/** Activations without a bound above, or with one that may be lowered. */
const CLIPPED = ["relu", "relu6", "clipped", "leakyRelu", "prelu", "elu", "gelu", "silu", "hardSwish"];
const RECTIFIED = ["relu", "relu6", "clipped"];

/**
 * Returns a new model with bounds on its activations, so that a few large numbers do not coarsen the 8-bit steps of all
 * others. The bounds are a percentile over data, or learned in `fit` (Choi et al., "PACT: Parameterized Clipping
 * Activation for Quantized Neural Networks", 2018). A ReLU becomes min(max(x, 0), bound); behind others the bounds
 * stand as an op of their own. An activation that is 0 over all data stays as it is.
 *
 *     const clipped = await clipActivations(model, { data: train.take(512), percentile: 99.9 });
 *     const learned = await clipActivations(model, { data: train.take(512), learned: true });
 *     await learned.fit(train, { epochs: 2 });
 *
 * Quantization takes learned bounds for numbers. With data, `report` has the accuracy before and after where there are
 * labels, and in the options of this step what became of each range (`ActivationEffect`).
 *
 * Errors: TypeError where there are neither data nor learned bounds; RangeError for layers without such an activation;
 * PenjingError "quantized" of a network of integers.
 */
export async function clipActivations(model: Model, options: ClipActivationsOptions): Promise<Model> {
  return naming("clipActivations", async () => {
    checkFloatModel(model, "clip the activations of");
    if (options === null || typeof options !== "object")
      throw wrongType("clipActivations", "options: data, percentile, learned, l2, layers", options);
    knownOptions("clipActivations", options, ["data", "percentile", "learned", "l2", "layers", "signal"]);
    const { data, learned = false, signal } = options;
    const percentile = number("percentile", options.percentile ?? 99.9, { above: 50, max: 100 });
    const l2 = number("l2", options.l2 ?? 1e-4, { min: 0 });
    if (typeof learned !== "boolean") throw wrongType("learned", "a boolean", learned);
    if (!learned && options.l2 !== undefined) throw wrongValue("l2", "none where bounds are not learned", l2);
    if (!learned || data !== undefined) checkData(data, model, signal);
    const results = new Set(model.graph.results);
    const inner = (layer: ActivationLayer): boolean =>
      !model.graph.nodes.some(node => node.name === layer.name && results.has(node.outputs[0]!));
    const nodes = chosenOf(model.graph, learned ? RECTIFIED : CLIPPED, options.layers ?? inner);
    const values = nodes.map(node => node.outputs[0]!);
    const seen = data && (await histograms(model.graph, data, values, { ...(signal && { signal }) }));
    const { graph, of } = model.graph.copy();
    const regularizers = new Map<string, Regularizer>(model.regularizers);
    const changes = nodes.map((node): Change => {
      const histogram = seen?.get(node.outputs[0]!);
      const twin = of.get(node.outputs[0]!)!;
      if (histogram && !(histogram.range.max > 0)) return { node, made: twin, to: kindOf(node)! };
      const high = histogram ? boundOf(histogram, percentile) : 6;
      const bounds = { low: histogram?.percentile(100 - percentile) ?? 0, high };
      const made = learned ? learnedBound(graph, twin, high) : clipped(graph, twin, node, bounds);
      if (learned) regularizers.set(made.node!.inputs[1]!.name, { l1: 0, l2 });
      const to = learned ? "pact" : kindOf(made.node!)!;
      return { node, made, to, ...(histogram && { clipped: histogram.above(high) }) };
    });
    graph.prune();
    return changed(model, graph, "clipActivations", options, changes, { regularizers });
  });
}

/** The percentile, or the largest number where so many are 0 that the percentile is. */
function boundOf(histogram: Histogram, percentile: number): number {
  const bound = histogram.percentile(percentile);
  return Math.fround(bound > 0 ? bound : histogram.range.max);
}

/** Puts an op that `build` makes in the place of a value of the copy. */
function inPlace(graph: Graph, value: Value, build: (x: Value) => Value): Value {
  const node = value.node!;
  const made = graph.insertBefore(node, () => graph.scope(node.name, () => build(node.inputs[0]!)));
  graph.replace(value, made);
  return made;
}

function learnedBound(graph: Graph, value: Value, bound: number): Value {
  const { name } = value.node!;
  const type = { shape: [1], dtype: "f32", batched: false } as const;
  let state = `${name}/bound`;
  for (let k = 2; graph.leafOf(state); k++) state = `${name}/bound ${k}`;
  return inPlace(graph, value, x => graph.one(pact, [x, graph.state("weight", state, type, Float32Array.of(bound))]));
}

function clipped(graph: Graph, value: Value, node: Node, { low, high }: { low: number; high: number }): Value {
  if (node.op === relu) return inPlace(graph, value, x => graph.one(clip, [x], { low: 0, high }));
  if (node.op === clip) {
    const attrs = { ...node.attrs, high: Math.min(node.attrs.high, Math.max(high, node.attrs.low)) };
    return inPlace(graph, value, x => graph.one(clip, [x], attrs));
  }
  if (!graph.users(value).length)
    throw wrongValue("layers", "layers whose activation another one reads, or that are rectified", node.name);
  return insertOnEdge(graph, value, "all users", clip, [], { low: Math.fround(low), high });
}

export interface SwapActivationOptions {
  /** The activations that are swapped, by their names. Default: "relu", "relu6", "leakyRelu" and what is clipped. */
  from?: ActivationKind | readonly ActivationKind[];
  /** "clipped": a ReLU with the percentile over `data` as its bound, as by `clipActivations`. */
  to: "relu" | "relu6" | "leakyRelu" | "clipped";
  /** The slope of "leakyRelu" below 0. Default 0.2, that of the activation of this name. */
  negativeSlope?: number;
  /** The percentile of "clipped", in percent. Default 99.9. */
  percentile?: number;
  /** Names, or a function that chooses. Default: all. */
  layers?: ActivationSelection;
  /** Samples whose ranges before and after are reported, and with labels the accuracy. Needed by "clipped". */
  data?: Dataset;
  signal?: AbortSignal;
}

const FAMILY = ["relu", "relu6", "leakyRelu", "clipped"] as const;

/**
 * Returns a new model with other activations: ReLU6 for ranges that fit 8 bits, LeakyReLU where neurons die, ReLU for
 * fused kernels. Train it some epochs further where the accuracy suffers. With data, `report` has the accuracy before
 * and after, and in the options of this step the range of each activation (`ActivationEffect`).
 *
 *     const bounded = await swapActivation(model, { from: "relu", to: "relu6", data: test });
 *     console.log(String(bounded.report));
 *
 * Errors: RangeError where there are no such activations; TypeError where "clipped" has no data; PenjingError
 * "quantized" of a network of integers.
 */
export async function swapActivation(model: Model, options: SwapActivationOptions): Promise<Model> {
  return naming("swapActivation", async () => {
    checkFloatModel(model, "swap the activations of");
    if (options === null || typeof options !== "object")
      throw wrongType("swapActivation", "options: from, to, negativeSlope, percentile, layers, data", options);
    const known = ["from", "to", "negativeSlope", "percentile", "layers", "data", "signal"];
    knownOptions("swapActivation", options, known);
    const to = oneOf("to", options.to, FAMILY);
    const { data, signal } = options;
    const alpha = number("negativeSlope", options.negativeSlope ?? 0.2, { min: 0 });
    const percentile = number("percentile", options.percentile ?? 99.9, { above: 50, max: 100 });
    if (to !== "leakyRelu" && options.negativeSlope !== undefined)
      throw wrongValue("negativeSlope", 'none but to "leakyRelu"', alpha);
    if (to !== "clipped" && options.percentile !== undefined)
      throw wrongValue("percentile", 'none but to "clipped"', percentile);
    if (to === "clipped" || data !== undefined) checkData(data, model, signal);
    const from = options.from ?? FAMILY.filter(kind => kind !== to);
    const nodes = chosenOf(model.graph, kindsOf(from), options.layers);
    const { graph, of } = model.graph.copy();
    // with ReLUs in their places, the data say where each is to be clipped
    const plain = nodes.map(node => inPlace(graph, of.get(node.outputs[0]!)!, x => replaced(graph, x, to, alpha)));
    if (to !== "clipped") {
      graph.prune();
      const changes = nodes.map((node, i): Change => ({ node, made: plain[i]!, to }));
      return changed(model, graph, "swapActivation", options, changes);
    }
    graph.prune();
    const seen = await histograms(graph, data!, plain, { ...(signal && { signal }) });
    const changes = nodes.map((node, i): Change => {
      const histogram = seen.get(plain[i]!)!;
      if (!(histogram.range.max > 0)) return { node, made: plain[i]!, to: "relu" };
      const high = boundOf(histogram, percentile);
      const made = inPlace(graph, plain[i]!, x => graph.one(clip, [x], { low: 0, high }));
      return { node, made, to, clipped: histogram.above(high) };
    });
    graph.prune();
    return changed(model, graph, "swapActivation", options, changes);
  });
}

function kindsOf(from: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(from) ? from : [from];
  const names = [...Object.keys(ACTIVATION), "clipped", "pact", "prelu"].filter(name => !/softmax/i.test(name));
  return list.map(kind => oneOf("from", kind, names));
}

function replaced(graph: Graph, x: Value, to: (typeof FAMILY)[number], alpha: number): Value {
  if (to === "leakyRelu") return graph.one(leakyRelu, [x], { alpha });
  return to === "relu6" ? graph.one(clip, [x], { low: 0, high: 6 }) : graph.one(relu, [x]);
}
