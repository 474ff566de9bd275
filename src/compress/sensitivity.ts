/**
 * How much each layer bears: accuracy against the strength with which one layer alone is pruned, slimmed or rounded,
 * without training. Song Han et al., "Learning both weights and connections for efficient neural networks" (2015),
 * section 3.2, chooses a threshold for each layer by it.
 */
import { checkSignal, integer, knownOptions, naming, number, oneOf, PenjingError, wrongType } from "../base/errors.ts";
import { textTable } from "../base/text-table.ts";
import { Dataset } from "../data/dataset.ts";
import { scoreAnswers } from "../model/answers.ts";
import type { Model } from "../model/model.ts";
import type { Metric, MetricName, Scores } from "../train/index.ts";
import { expectScaling } from "../train/scaling.ts";
import { checkFloatModel } from "./float-model.ts";
import { type KernelLayer, kernelLayers, selectedLayers } from "./kernels.ts";
import { type LayerSelection, magnitudeMask } from "./masks.ts";
import { roundedToBits } from "./rounding.ts";

/** What is done to a layer. */
export type SensitivityTo = "sparsity" | "bits";

export interface SensitivityOptions {
  /**
   * "sparsity": the share of its weights of least magnitude that becomes zero. "bits": its weights are rounded to so
   * many bits, in steps of max |w| / (2^(bits - 1) - 1) for each output channel. Default "sparsity".
   */
  of?: SensitivityTo;
  /**
   * Strengths to try, in the order given. Default: sparsity 0.3, 0.5, 0.7, 0.8, 0.9, 0.95; bits 8, 6, 5, 4, 3, 2.
   */
  strengths?: readonly number[];
  /** Names of layers, or a function that chooses. Default: all with a kernel. */
  layers?: LayerSelection;
  /** What is measured beside the loss. Default: accuracy where the data have labels, else nothing. */
  metric?: Metric | MetricName;
  signal?: AbortSignal;
  /** Called after each evaluation of the network: how many are done, of how many, and on which layer. */
  onProgress?: (done: number, total: number, layer: string) => void;
}

export interface SensitivityPoint {
  readonly strength: number;
  /** Loss and metric with this layer changed alone. */
  readonly scores: Scores;
}

export interface LayerSensitivity {
  readonly layer: string;
  readonly op: string;
  /** Numbers in its kernels. */
  readonly weights: number;
  /** In the order of the strengths. */
  readonly points: readonly SensitivityPoint[];
}

/** What `sensitivity` found; `sensitivityChart` of penjing/report draws it. */
export interface Sensitivity {
  readonly of: SensitivityTo;
  /** The name of the score that was asked for: "accuracy", or "loss" where there is no metric. */
  readonly metric: string;
  readonly samples: number;
  /** Of the model as it is. */
  readonly scores: Scores;
  readonly strengths: readonly number[];
  readonly layers: readonly LayerSensitivity[];
  /** A table with a row for each layer and a column for each strength. */
  toString(): string;
}

interface Method {
  readonly strengths: readonly number[];
  check(strength: unknown, what: string): number;
  /** The numbers of a kernel with its outputs along axis 0. */
  change(weights: Float32Array, outputs: number, strength: number): Float32Array;
}

const METHODS: Readonly<Record<SensitivityTo, Method>> = {
  sparsity: {
    strengths: [0.3, 0.5, 0.7, 0.8, 0.9, 0.95],
    check: (strength, what) => number(what, strength, { min: 0, below: 1 }),
    change(weights, _, sparsity) {
      const kept = magnitudeMask(weights, sparsity);
      return weights.map((w, i) => (kept[i] ? w : 0));
    },
  },
  bits: {
    strengths: [8, 6, 5, 4, 3, 2],
    check: (strength, what) => integer(what, strength, 2, 16),
    change: roundedToBits,
  },
};

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
  checkFloatModel(model, "analyze");
  if (!(data instanceof Dataset)) throw wrongType("data", "a Dataset", data);
  knownOptions("sensitivity", options, OPTIONS);
  const { metric, signal, onProgress } = options;
  const of = oneOf("of", options.of ?? "sparsity", ["sparsity", "bits"]);
  const method = METHODS[of];
  const strengths = strengthsOf(options.strengths, method);
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw wrongType("onProgress", "a function", onProgress);
  checkSignal(signal);
  expectScaling("data", data, model.preprocessing);
  const probe = model.bake();
  const all = kernelLayers(probe.graph);
  if (!all.length) throw new PenjingError("layers", "the network has no layer with a kernel to analyze");
  const chosen = selectedLayers(all, options.layers);
  const how = { ...(metric !== undefined && { metrics: [metric] }), ...(signal && { signal }) };
  const score = async () => scoreAnswers(await probe.net(), probe.graph, data, how);

  const scores = await score();
  const total = chosen.length * strengths.length;
  let done = 0;
  const layers: LayerSensitivity[] = [];
  for (const layer of chosen) {
    const points: SensitivityPoint[] = [];
    for (const strength of strengths) {
      points.push({ strength, scores: await changed(layer, method, strength, score) });
      onProgress?.(++done, total, layer.name);
    }
    const weights = layer.kernels.reduce((sum, kernel) => sum + kernel.data!.length, 0);
    layers.push({ layer: layer.name, op: layer.op, weights, points });
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

/** What `score` gives while the kernels of a layer are changed. */
async function changed(layer: KernelLayer, method: Method, strength: number, score: () => Promise<Scores>) {
  const before = layer.kernels.map(kernel => kernel.data!);
  try {
    for (const kernel of layer.kernels)
      kernel.data = method.change(kernel.data as Float32Array, kernel.type.shape[0]!, strength);
    return await score();
  } finally {
    layer.kernels.forEach((kernel, i) => (kernel.data = before[i]!));
  }
}

const NAMES: Readonly<Record<SensitivityTo, string>> = { sparsity: "sparsity", bits: "bits a weight" };

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
