/** Ranges of activations, by one of several methods or given. */
import { oneOf, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { type CalibrateOptions, calibrate, movingAverages } from "./calibrate.ts";
import { histograms } from "./percentiles.ts";
import { entropyRange, leastErrorRange, percentileRange } from "./range-methods.ts";

/**
 * The method that makes the range of an activation of calibration data. Numbers outside of it are clamped to its ends.
 *
 * - "minMax": the smallest and the largest number.
 * - "ema": the moving average of the smallest and the largest number of each batch, with the share 0.01 for a new one
 *   and no bias of a beginning.
 * - "percentile": 99.99 % of the numbers, and as many at the lower end where they are negative.
 * - "entropy": the range whose 8-bit histogram diverges least from that of the numbers (Kullback-Leibler; Migacz,
 * "8-bit
 *   Inference with TensorRT", 2017).
 * - "mse": the range of the least squared error.
 */
export type RangeMethod = "minMax" | "ema" | "percentile" | "entropy" | "mse";

const METHODS: readonly RangeMethod[] = ["minMax", "ema", "percentile", "entropy", "mse"];

/** By the names of layers; "input" or what the input is named is one of them. */
export type GivenRanges = Readonly<Record<string, readonly [min: number, max: number]>>;

/** The layer whose output a value is, or the input. */
const layerOf = (v: Value): string => v.node?.name ?? v.name;

/** Ranges by a method, or by the names of layers and the smallest and largest number for the others. */
export async function calibratedRanges(
  graph: Graph,
  data: Dataset,
  values: readonly Value[],
  how: RangeMethod | GivenRanges = "minMax",
  options: CalibrateOptions = {},
): Promise<Map<Value, Range>> {
  if (how !== null && typeof how === "object") {
    const seen = await calibrate(graph, data, values, options);
    return givenRanges(values, how, v => seen.get(v));
  }
  const method = oneOf("range", how, METHODS);
  if (method === "minMax") return calibrate(graph, data, values, options);
  if (method === "ema") return movingAverages(graph, data, values, options);
  const of = { percentile: percentileRange, entropy: entropyRange, mse: leastErrorRange }[method];
  const made = await histograms(graph, data, values, options);
  return new Map(values.map(v => [v, of(made.get(v)!)]));
}

/** Ranges by the names of layers; of the others, those that `seen` knows. */
export function givenRanges(
  values: readonly Value[],
  given: RangeMethod | GivenRanges | undefined,
  seen: (v: Value) => Range | undefined,
): Map<Value, Range> {
  if (given !== undefined && (given === null || typeof given !== "object" || Array.isArray(given)))
    throw wrongType("range", `${METHODS.join(", ")} with calibration data, or ranges by the names of layers`, given);
  const names = values.map(layerOf);
  for (const [layer, ends] of Object.entries(given ?? {})) {
    if (!names.includes(layer))
      throw wrongValue("range", `layers whose outputs are quantized (${names.join(", ")})`, layer);
    const [min = NaN, max = NaN, ...more] = Array.isArray(ends) ? (ends as number[]) : [];
    if (!(Number.isFinite(min) && Number.isFinite(max) && min <= max && !more.length))
      throw wrongValue(`range.${layer}`, "[min, max] of finite numbers", ends);
  }
  return new Map(
    values.map(v => {
      const ends = (given as GivenRanges | undefined)?.[layerOf(v)];
      const found = ends ? { min: ends[0], max: ends[1] } : seen(v);
      if (found) return [v, found];
      const what = `layer "${layerOf(v)}" has no range yet: train the model first, or give calibration data`;
      throw new PenjingError("calibration", what, { path: layerOf(v) });
    }),
  );
}
