/**
 * Finds the ranges of activations over a data set: the float network runs over it in batches, with an op that watches
 * each value, and the host keeps the smallest and the largest number seen, or their moving averages. Memory does not
 * grow with the data.
 */
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { range } from "../ops/quantized/range.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { type ObserveOptions, observe } from "./observe.ts";

export type CalibrateOptions = ObserveOptions;

/** The share of a new batch in a moving average. */
const RATE = 0.01;

/**
 * The range of each of `values` (of `graph`, one input) over `data`. NaN made inside the network is left out; a
 * RangeError names the first number of the data that is not finite.
 */
export async function calibrate(
  graph: Graph,
  data: Dataset,
  values: readonly Value[],
  options: CalibrateOptions = {},
): Promise<Map<Value, Range>> {
  const ranges = values.map((): Range => ({ min: Infinity, max: -Infinity }));
  await observeRanges(graph, data, values, options, (k, { min, max }) => {
    const seen = ranges[k]!;
    seen.min = Math.min(seen.min, min);
    seen.max = Math.max(seen.max, max);
  });
  return new Map(values.map((v, k) => [v, ranges[k]!]));
}

/** The moving average of the ranges of batches. */
export async function movingAverages(
  graph: Graph,
  data: Dataset,
  values: readonly Value[],
  options: CalibrateOptions,
): Promise<Map<Value, Range>> {
  const ranges = values.map(() => ({ min: 0, max: 0, weight: 0 }));
  await observeRanges(graph, data, values, options, (k, { min, max }) => {
    const seen = ranges[k]!;
    seen.weight += RATE * (1 - seen.weight);
    seen.min += ((min - seen.min) * RATE) / seen.weight;
    seen.max += ((max - seen.max) * RATE) / seen.weight;
  });
  return new Map(values.map((v, k) => [v, { min: ranges[k]!.min, max: ranges[k]!.max }]));
}

/** Shows to `look` the range of each value in each batch. */
async function observeRanges(
  graph: Graph,
  data: Dataset,
  values: readonly Value[],
  options: CalibrateOptions,
  look: (value: number, range: Range) => void,
): Promise<void> {
  const widest = (k: number, ends: Float32Array, row: number, images: number): void => {
    const seen: Range = { min: Infinity, max: -Infinity };
    for (let i = 0; i < images; i++) {
      seen.min = Math.min(seen.min, ends[i * row]!);
      seen.max = Math.max(seen.max, ends[i * row + 1]!);
    }
    look(k, seen);
  };
  await observe(graph, "calibration", data, values, widest, options, (copy, value) => copy.one(range, [value]));
}
