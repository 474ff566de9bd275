/** The scales with which clustered weights become integers. */
import type { Graph, Value } from "../graph/graph.ts";
import { bake } from "../passes/bake.ts";
import type { SharedScales } from "../passes/quantize/parameters.ts";

/** Integers of 8 bits do not tell more values apart. */
const MOST = 256;

/**
 * Finds, for a weight whose channels share a few values, scales by which equal values become equal integers. A scale
 * for each channel would make several of one value. Behind batch normalization, which is folded into the weights first,
 * they are proportional to its factors, and of a value there may be an integer and its opposite. Which weights share
 * values follows from their numbers, as files keep no codebooks.
 */
export function sharedScales(model: Graph): SharedScales {
  const { graph } = model.copy();
  bake(graph);
  const clustered = new Map<string, Float32Array>();
  for (const { leaf, name, type, data } of graph.leaves)
    if (leaf === "state" && type.shape.length > 1 && data instanceof Float32Array && sharesValues(data, type.shape[0]!))
      clustered.set(name, data);
  return ({ name, data, type }: Value) => {
    const values = clustered.get(name);
    return values && data?.length === values.length
      ? scalesOf(values, data as Float32Array, type.shape[0]!)
      : undefined;
  };
}

/** True if there are few values, and most channels with any of them have it in common with others. */
function sharesValues(weights: Float32Array, channels: number): boolean {
  const all = new Set<number>();
  let ofChannels = 0;
  const length = weights.length / channels;
  for (let c = 0; c < channels; c++) {
    const own = new Set(weights.subarray(c * length, (c + 1) * length));
    ofChannels += own.size;
    for (const v of own) all.add(v);
    if (all.size > MOST) return false;
  }
  return all.size > 1 && ofChannels >= 2 * all.size;
}

/** For each channel the scale of the greatest value, times the factor by which the channel was folded. */
function scalesOf(values: Float32Array, folded: Float32Array, channels: number): Float32Array {
  const greatest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const length = values.length / channels;
  return Float32Array.from({ length: channels }, (_, c) => {
    let at = c * length;
    for (let i = at; i < (c + 1) * length; i++) if (Math.abs(values[i]!) > Math.abs(values[at]!)) at = i;
    const factor = values[at] ? Math.abs(folded[at]! / values[at]!) : 1;
    return ((factor || 1) * greatest) / 127;
  });
}
