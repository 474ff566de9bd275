/** Measures the cost of quantizing each layer alone. */
import { knownOptions, naming, wrongType } from "../base/errors.ts";
import { size } from "../base/shape.ts";
import { textTable } from "../base/text-table.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { scoreAnswers } from "../model/answers.ts";
import type { Model } from "../model/model.ts";
import { hasKernel } from "../ops/traits.ts";
import { int8Borders } from "../passes/quantize/borders.ts";
import { quantizationOf, type Range } from "../passes/quantize/scheme.ts";
import { Net, type Reals } from "../run/net.ts";
import type { Metric, MetricName, Scores } from "../train/index.ts";
import { expectScaling } from "../train/scaling.ts";
import { Difference } from "./layer-errors.ts";
import { observe } from "./observe.ts";
import { preparedFor, type QuantizeStaticOptions } from "./quantize.ts";

export interface QuantizationReportOptions extends Omit<QuantizeStaticOptions, "inputType"> {
  /** The metric that is measured beside the loss. Default: accuracy where the data have labels, else nothing. */
  metric?: Metric | MetricName;
}

export interface LayerQuantization {
  readonly layer: string;
  /** Bits of its weights: 2 for ternary ones. */
  readonly bits: number;
  /** Signal to quantization noise of its output, with this layer quantized alone, in decibels. */
  readonly sqnr: number;
  /** The share of its outputs that its range cuts off. */
  readonly clipped: number;
  /** Loss and metric with this layer quantized alone. */
  readonly scores: Scores;
  /** The decrease of the metric; without a metric, the increase of the loss. */
  readonly lost: number;
}

export interface QuantizationReport {
  /** The name of the score that was asked for: "accuracy", or "loss" where there is no metric. */
  readonly metric: string;
  readonly samples: number;
  /** Scores of the float network. */
  readonly scores: Scores;
  /** Scores with all layers quantized. */
  readonly quantized: Scores;
  readonly layers: readonly LayerQuantization[];
  /** A table with a row for each layer. */
  toString(): string;
}

const OPTIONS = ["calibration", "weights", "range", "exclude", "batchSize", "signal", "onProgress", "metric"];

/**
 * Measures the cost of `quantizeStatic` with the same options, layer by layer: the network is run over `data` with the
 * weights, the input and the output of one layer quantized, and all others in float.
 *
 *     console.log(String(await quantizationReport(model, test.take(1000), { calibration: train.take(512), weights: 4
 * })));
 *
 * Errors: those of `quantizeStatic`.
 */
export async function quantizationReport(
  model: Model,
  data: Dataset,
  options: QuantizationReportOptions,
): Promise<QuantizationReport> {
  return naming("quantizationReport", () => measured(model, data, options));
}

async function measured(model: Model, data: Dataset, options: QuantizationReportOptions): Promise<QuantizationReport> {
  if (!(data instanceof Dataset)) throw wrongType("data", "a Dataset", data);
  knownOptions("quantizationReport", options, OPTIONS);
  const { metric, signal } = options ?? {};
  const alone = (name: string) => (node: Node) => node.name === name;
  const layersOf = (graph: Graph, includes: (node: Node) => boolean): string[] => [
    ...new Set(graph.nodes.filter(node => hasKernel(node) && includes(node)).map(node => node.name)),
  ];
  const prepared = await preparedFor(model, options ?? {}, (graph, includes) => [
    includes,
    ...layersOf(graph, includes).map(alone),
  ]);
  const { graph, includes } = prepared;
  expectScaling("data", data, model.preprocessing);
  const how = { ...(metric !== undefined && { metrics: [metric] }), ...(signal && { signal }) };
  const score = async (of: Graph): Promise<Scores> => scoreAnswers(await Net.create(of), of, data, how);
  const scores = await score(graph);
  const [name = "loss"] = Object.keys(scores).filter(each => each !== "loss");
  const names = layersOf(graph, includes);
  const clipped = await clippedShares(graph, data, includes, prepared.range, names, signal);
  const { source } = int8Borders(graph, includes);
  /** Layer -> the one whose output is rounded: an activation behind it may be a layer of its own. */
  const rounded = new Map(names.map(layer => [layer, source(kernelOf(graph, layer).outputs[0]!).node!.name]));
  const layers: LayerQuantization[] = [];
  for (const layer of names) {
    signal?.throwIfAborted();
    const integers = prepared.build(alone(layer));
    const own = await score(integers);
    const sqnr = await noiseOf(graph, integers, rounded.get(layer)!, data, signal);
    const levels = graph.nodes.filter(node => node.name === layer && hasKernel(node)).map(prepared.levels);
    const bits = Math.max(...levels.map(bitsOfLevels));
    const lost = name === "loss" ? own.loss - scores.loss : scores[name]! - own[name]!;
    layers.push({ layer, bits, sqnr, clipped: clipped.get(layer)!, scores: own, lost });
  }
  const quantized = await score(prepared.build(includes));
  const found = { metric: name, samples: data.length, scores, quantized, layers };
  return { ...found, toString: () => table(found) };
}

const bitsOfLevels = (levels: number): number => 33 - Math.clz32(levels);

/** The last node of a layer that has a kernel. */
const kernelOf = (graph: Graph, layer: string): Node =>
  graph.nodes.findLast(node => node.name === layer && hasKernel(node))!;

/** The last value of a layer. */
const outputOf = (graph: Graph, layer: string): Value =>
  graph.nodes.findLast(node => node.name === layer && node.outputs[0]!.type.batched)!.outputs[0]!;

/** Samples in one call. */
const TOGETHER = 16;

/** The ratio of the numbers that leave a layer to what its quantization adds to them, in decibels. */
async function noiseOf(
  float: Graph,
  integers: Graph,
  layer: string,
  data: Dataset,
  signal: AbortSignal | undefined,
): Promise<number> {
  const nets = await Promise.all(
    [float, integers].map(from => {
      const { graph, of } = from.copy();
      graph.results = [of.get(outputOf(from, layer))!];
      graph.prune();
      return Net.create(graph, { capacity: TOGETHER });
    }),
  );
  const difference = new Difference();
  for (const { x } of data.batch(TOGETHER)) {
    signal?.throwIfAborted();
    const [a, b] = nets.map(net => net.predict<Reals>(x) as Float32Array);
    difference.add(a!, b!);
  }
  return difference.errors.sqnr;
}

/** The share of the numbers of each layer that its range cuts off, by more than rounding. */
async function clippedShares(
  graph: Graph,
  data: Dataset,
  includes: (node: Node) => boolean,
  rangeOf: (v: Value) => Range | undefined,
  layers: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const { source } = int8Borders(graph, includes);
  const values = layers.map(layer => source(kernelOf(graph, layer).outputs[0]!));
  const limits = values.map(v => {
    const { scale, zeroPoint } = quantizationOf(rangeOf(v)!);
    return { low: scale[0]! * (-128.5 - zeroPoint), high: scale[0]! * (127.5 - zeroPoint) };
  });
  const counts = values.map(() => 0);
  await observe(
    graph,
    "data",
    data,
    values,
    (k, numbers, row, images) => {
      const { low, high } = limits[k]!;
      const length = size(values[k]!.type.shape);
      for (let image = 0; image < images; image++)
        for (let i = image * row; i < image * row + length; i++)
          if (numbers[i]! < low || numbers[i]! > high) counts[k]!++;
    },
    { signal },
  );
  return new Map(layers.map((layer, k) => [layer, counts[k]! / (data.length * size(values[k]!.type.shape))]));
}

function table({ metric, samples, scores, quantized, layers }: Omit<QuantizationReport, "toString">): string {
  const accuracy = metric === "accuracy";
  const shown = (of: Scores): string => (accuracy ? `${(100 * of.accuracy!).toFixed(2)} %` : of[metric]!.toFixed(4));
  const rows = layers.map(({ layer, bits, sqnr, clipped, scores: own, lost }) => [
    layer,
    String(bits),
    sqnr.toFixed(1),
    `${(100 * clipped).toFixed(2)} %`,
    shown(own),
    accuracy ? `${(100 * lost).toFixed(2)} points` : lost.toFixed(4),
  ]);
  const whole = `float ${shown(scores)}, quantized ${shown(quantized)}`;
  const head = `${metric} on ${samples} samples: ${whole}; each layer quantized alone:`;
  return `${head}\n${textTable([["layer", "bits", "SQNR, dB", "clipped", metric, "lost"], ...rows])}`;
}
