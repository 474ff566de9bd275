/**
 * Measures how sensitive each layer is: accuracy against the strength with which one layer alone is pruned, slimmed or
 * rounded, without training. Song Han et al., "Learning both weights and connections for efficient neural networks"
 * (2015), section 3.2, chooses a threshold for each layer by it.
 */
import { checkSignal, integer, knownOptions, naming, number, oneOf, PenjingError, wrongType } from "../base/errors.ts";
import { textTable } from "../base/text-table.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import { scoreAnswers } from "../model/answers.ts";
import type { Model } from "../model/model.ts";
import type { Metric, MetricName, Scores } from "../train/index.ts";
import { expectScaling } from "../train/scaling.ts";
import { Channels } from "./channels.ts";
import { checkFloatModel } from "./float-model.ts";
import { type KernelLayer, kernelLayers, selectedLayers } from "./kernels.ts";
import type { LayerSelection } from "./masks.ts";
import { roundedToBits } from "./rounding.ts";
import { greatest, keptWeights } from "./selection.ts";
import { slim } from "./slim.ts";

/** The change made to a layer. */
export type SensitivityTo = "sparsity" | "channels" | "bits";

export interface SensitivityOptions {
  /**
   * "sparsity": the share of its weights of least magnitude that becomes zero. "channels": the share of its channels or
   * neurons of least l1 norm that `slim` removes, with those that residual additions and the like tie to them. "bits":
   * its weights are rounded to so many bits, in steps of max |w| / (2^(bits - 1) - 1) for each output channel. Default
   * "sparsity".
   */
  of?: SensitivityTo;
  /**
   * Strengths to try, in the order given. Default: sparsity 0.3, 0.5, 0.7, 0.8, 0.9, 0.95; channels 0.125, 0.25, 0.5,
   * 0.75; bits 8, 6, 5, 4, 3, 2.
   */
  strengths?: readonly number[];
  /** Names of layers, or a function that chooses. Default: all with a kernel, or with channels that may be removed. */
  layers?: LayerSelection;
  /** A metric beside the loss. Default: accuracy for data with labels, else none. */
  metric?: Metric | MetricName;
  signal?: AbortSignal;
  /** Called after each evaluation of the network: how many are done, of how many, and on which layer. */
  onProgress?: (done: number, total: number, layer: string) => void;
}

export interface SensitivityPoint {
  readonly strength: number;
  /** Loss, without penalties of layers, and metric with this layer changed alone. */
  readonly scores: Scores;
}

export interface LayerSensitivity {
  readonly layer: string;
  readonly op: string;
  /** For channels: the other layers whose channels are removed with those of this layer. */
  readonly tied?: readonly string[];
  /** Numbers in its kernels. */
  readonly weights: number;
  /** In the order of the strengths. */
  readonly points: readonly SensitivityPoint[];
}

/** The result of `sensitivity`; `sensitivityChart` of penjing/report draws it. */
export interface Sensitivity {
  readonly of: SensitivityTo;
  /** The name of the score that was asked for: "accuracy", or "loss" where there is no metric. */
  readonly metric: string;
  readonly samples: number;
  /** Loss and metric of the unchanged model. */
  readonly scores: Scores;
  readonly strengths: readonly number[];
  readonly layers: readonly LayerSensitivity[];
  /** A table with a row for each layer and a column for each strength. */
  toString(): string;
}

interface Method {
  readonly strengths: readonly number[];
  check(strength: unknown, what: string): number;
  /** The layers that can be changed. */
  layers(model: Model): (KernelLayer & { readonly tied?: readonly string[] })[];
  /** The model to score: another one, or this one with other numbers in the kernels of the layer. */
  changed(model: Model, layer: KernelLayer, strength: number): Model | Promise<Model>;
}

/** A method that changes the numbers of a kernel [outputs][...], and nothing else. */
const ofNumbers = (change: (weights: Float32Array, outputs: number, strength: number) => Float32Array) => ({
  layers: ({ graph }: Model) => kernelLayers(graph),
  changed(model: Model, { kernels }: KernelLayer, strength: number) {
    for (const kernel of kernels) kernel.data = change(kernel.data as Float32Array, kernel.type.shape[0]!, strength);
    return model;
  },
});

const METHODS: Readonly<Record<SensitivityTo, Method>> = {
  sparsity: {
    strengths: [0.3, 0.5, 0.7, 0.8, 0.9, 0.95],
    check: (strength, what) => number(what, strength, { min: 0, below: 1 }),
    ...ofNumbers((weights, _, sparsity) => {
      const kept = greatest(weights.map(Math.abs), keptWeights(weights.length, sparsity));
      return weights.map((w, i) => (kept[i] ? w : 0));
    }),
  },
  channels: {
    strengths: [0.125, 0.25, 0.5, 0.75],
    check: (strength, what) => number(what, strength, { min: 0, below: 1 }),
    layers({ graph }) {
      const kernels = new Map(kernelLayers(graph).map(layer => [layer.name, layer]));
      return groupsOf(graph).flatMap(([name, ...tied]) => {
        const layer = kernels.get(name!);
        return layer ? [{ ...layer, ...(tied.length && { tied }) }] : [];
      });
    },
    changed(model, { name }, share) {
      const { group, outputs } = new Channels(model.graph).of("layers", name);
      const kept = Math.max(1, Math.floor((1 - share) * group.size + 0.5));
      return slim(model, { keep: { [name]: kept * outputs } });
    },
  },
  bits: {
    strengths: [8, 6, 5, 4, 3, 2],
    check: (strength, what) => integer(what, strength, 2, 16),
    ...ofNumbers(roundedToBits),
  },
};

/** The layers of each group of channels, those first that have channels of their own. */
function groupsOf(graph: Graph): string[][] {
  const channels = new Channels(graph);
  const layers = new Map<object, string[]>();
  for (const name of channels.layers) {
    const { group } = channels.of("layers", name);
    layers.set(group, [...(layers.get(group) ?? []), name]);
  }
  return [...layers.values()];
}

const OPTIONS = ["of", "strengths", "layers", "metric", "signal", "onProgress"];

/**
 * Measures a float model once for each layer and strength, with that layer changed alone. The model stays as it is.
 *
 *     const found = await sensitivity(model, validation, { of: "bits", strengths: [8, 4, 3, 2] });
 *     console.log(String(found));
 *
 * Errors: RangeError for data or strengths that do not fit, PenjingError "quantized" for a network of integers,
 * AbortError by `signal`.
 */
export async function sensitivity(model: Model, data: Dataset, options: SensitivityOptions = {}): Promise<Sensitivity> {
  return naming("sensitivity", () => measured(model, data, options));
}

async function measured(model: Model, data: Dataset, options: SensitivityOptions): Promise<Sensitivity> {
  checkFloatModel(model, "measure the sensitivity of");
  if (!(data instanceof Dataset)) throw wrongType("data", "a Dataset", data);
  knownOptions("sensitivity", options, OPTIONS);
  const { metric, signal, onProgress } = options;
  const of = oneOf("of", options.of ?? "sparsity", ["sparsity", "channels", "bits"]);
  const method = METHODS[of];
  const strengths = strengthsOf(options.strengths, method);
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw wrongType("onProgress", "a function", onProgress);
  checkSignal(signal);
  expectScaling("data", data, model.preprocessing);
  const probe = model.bake();
  const all = method.layers(probe);
  if (!all.length) throw new PenjingError("layers", `the network has no layer with ${HAVING[of]}`);
  const chosen = selectedLayers(all, options.layers, HAVING[of]);
  const how = { ...(metric !== undefined && { metrics: [metric] }), ...(signal && { signal }) };
  const score = async (model: Model) => scoreAnswers(await model.net(), model.graph, data, how);

  const scores = await score(probe);
  const total = chosen.length * strengths.length;
  let done = 0;
  const layers: LayerSensitivity[] = [];
  for (const layer of chosen) {
    const before = layer.kernels.map(kernel => kernel.data!);
    const points: SensitivityPoint[] = [];
    for (const strength of strengths) {
      points.push({ strength, scores: await score(await method.changed(probe, layer, strength)) });
      layer.kernels.forEach((kernel, i) => {
        kernel.data = before[i]!;
      });
      onProgress?.(++done, total, layer.name);
    }
    const { name, op, tied, kernels } = layer;
    const weights = kernels.reduce((sum, kernel) => sum + kernel.data!.length, 0);
    layers.push({ layer: name, op, ...(tied && { tied }), weights, points });
  }
  const [first = "loss"] = Object.keys(scores).filter(name => name !== "loss");
  const found = { of, metric: first, samples: data.length, scores, strengths, layers };
  return { ...found, toString: () => table(found) };
}

function strengthsOf(given: readonly number[] | undefined, method: Method): readonly number[] {
  if (given === undefined) return method.strengths;
  if (!Array.isArray(given) || !given.length) throw wrongType("strengths", "a list of numbers", given);
  return given.map((strength, i) => method.check(strength, `strengths[${i}]`));
}

const NAMES: Readonly<Record<SensitivityTo, string>> = {
  sparsity: "sparsity",
  channels: "share of channels removed",
  bits: "bits a weight",
};

/** The property that a layer needs, for messages. */
const HAVING: Readonly<Record<SensitivityTo, string>> = {
  sparsity: "a kernel",
  channels: "channels that may be removed",
  bits: "a kernel",
};

function table({ of, metric, samples, scores, strengths, layers }: Omit<Sensitivity, "toString">): string {
  const shown = (of: Scores): string =>
    metric === "accuracy" ? `${(100 * of.accuracy!).toFixed(2)} %` : of[metric]!.toFixed(4);
  const rows = layers.map(({ layer, weights, points }) => [
    layer,
    String(weights),
    ...points.map(point => shown(point.scores)),
  ]);
  const head = `${metric} on ${samples} samples against ${NAMES[of]}; unchanged ${shown(scores)}`;
  return `${head}\n${textTable([["layer", "weights", ...strengths.map(String)], ...rows])}`;
}
