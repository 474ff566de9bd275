/**
 * Finds the ranges of activations over a data set: the float network runs over it in batches, with an op that watches
 * each value, and the host keeps the smallest and the largest number seen. Memory does not grow with the data.
 */
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { range } from "../ops/quantized/range.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { type ObserveOptions, observe } from "./observe.ts";

export type CalibrateOptions = ObserveOptions;

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
  const widen = (k: number, ends: Float32Array, row: number, images: number): void => {
    const seen = ranges[k]!;
    for (let i = 0; i < images; i++) {
      seen.min = Math.min(seen.min, ends[i * row]!);
      seen.max = Math.max(seen.max, ends[i * row + 1]!);
    }
  };
  await observe(graph, "calibration", data, values, widen, options, (copy, value) => copy.one(range, [value]));
  return new Map(values.map((v, k) => [v, ranges[k]!]));
}
