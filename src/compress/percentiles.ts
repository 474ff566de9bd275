/** Percentiles of activations over a data set, by histograms: memory does not grow with the data. */
import { size } from "../base/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import type { Range } from "../passes/quantize/scheme.ts";
import { calibrate } from "./calibrate.ts";
import { type ObserveOptions, observe } from "./observe.ts";

/** Bins of a histogram, from the smallest number seen to the largest: a percentile is that exact. */
const BINS = 4096;

export class Histogram {
  readonly range: Range;
  readonly #counts = new Float64Array(BINS);
  #total = 0;

  /** `range`: of all numbers that will come. */
  constructor(range: Range) {
    this.range = range;
  }

  add(number: number): void {
    const { min, max } = this.range;
    const bin = max > min ? Math.floor(((number - min) / (max - min)) * BINS) : 0;
    this.#counts[Math.max(0, Math.min(BINS - 1, bin))]!++;
    this.#total++;
  }

  /** The number of values in each bin. */
  get counts(): Readonly<Float64Array> {
    return this.#counts;
  }

  /** The number that `percentile` % of all lie below or at, between two edges of bins as if they were even. */
  percentile(percentile: number): number {
    const { min, max } = this.range;
    const wanted = (percentile / 100) * this.#total;
    let below = 0;
    for (let bin = 0; bin < BINS; bin++) {
      const count = this.#counts[bin]!;
      if (count && below + count >= wanted) return min + ((max - min) * (bin + (wanted - below) / count)) / BINS;
      below += count;
    }
    return max;
  }

  /** The share of numbers in bins above the one that `bound` lies in. */
  above(bound: number): number {
    const { min, max } = this.range;
    if (bound >= max) return 0;
    const first = Math.floor(((bound - min) / (max - min)) * BINS) + 1;
    return this.#counts.subarray(Math.max(0, first)).reduce((a, b) => a + b, 0) / this.#total;
  }
}

/**
 * The histogram of each of `values` over `data`, which is looked at twice: for the ranges, and for what lies in them.
 */
export async function histograms(
  graph: Graph,
  data: Dataset,
  values: readonly Value[],
  options: ObserveOptions = {},
): Promise<Map<Value, Histogram>> {
  const ranges = await calibrate(graph, data, values, options);
  const made = values.map(value => new Histogram(ranges.get(value)!));
  const counts = values.map(({ type }) => size(type.shape));
  const look = (k: number, numbers: Float32Array, row: number, images: number): void => {
    for (let image = 0; image < images; image++)
      for (let i = 0; i < counts[k]!; i++) {
        const number = numbers[image * row + i]!;
        if (!Number.isNaN(number)) made[k]!.add(number);
      }
  };
  await observe(graph, "data", data, values, look, options);
  return new Map(values.map((value, k) => [value, made[k]!]));
}
