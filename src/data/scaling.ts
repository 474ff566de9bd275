/** The conversion of stored numbers of a data set to real ones, for all channels or per channel. */
import { knownOptions, number } from "../base/errors.ts";
import type { Preprocessing } from "../container/extras.ts";
import { type ChannelScaling, perChannel } from "../run/pixels.ts";

/** A number for all channels, or a list with one per channel. */
export type PerChannel = number | readonly number[];

/** Options of `normalise`. */
export type Normalisation = { scale: number; offset?: number } | { mean: PerChannel; std: PerChannel };

/** Checks a number that kernels take as float32. */
export const single = (what: string, value: unknown): number => Math.fround(number(what, value));

/**
 * The scaling (scale * v - mean) / std + offset after `normalise`: another one, or (real - mean) / std of the real
 * numbers that `scaling` gives.
 */
export function normalised(scaling: Preprocessing, by: Normalisation, channels: number): Preprocessing {
  knownOptions("normalise", by, ["scale", "offset", "mean", "std"]);
  if ("scale" in by) {
    knownOptions("normalise by scale", by, ["scale", "offset"]);
    return { scale: single("scale", by.scale), offset: single("offset", by.offset ?? 0) };
  }
  const means = listed("mean", by.mean, channels);
  const deviations = listed("std", by.std, channels, { above: 0 });
  const { scale = 1, offset = 0, mean = [0], std = [1] } = scaling;
  const length = Math.max(means.length, deviations.length, mean.length, std.length);
  if (length === 1 && !scaling.mean && !scaling.std) {
    const [m, d] = [means[0]!, deviations[0]!];
    return { scale: single("scale", scale / d), offset: single("offset", (offset - m) / d) };
  }
  const each = (of: (c: number) => number) => Array.from({ length }, (_, c) => of(c));
  const at = (list: readonly number[], c: number) => list[c % list.length]!;
  return {
    scale,
    mean: each(c => at(mean, c) + (at(means, c) - offset) * at(std, c)),
    std: each(c => at(std, c) * at(deviations, c)),
  };
}

const listed = (what: string, value: unknown, channels: number, bounds = {}): number[] =>
  Array.isArray(value) ? perChannel(what, value, channels, bounds) : [number(what, value, bounds)];

/** The element of a list of one, or the list. */
export const alone = (list: Float32Array): PerChannel => (list.length === 1 ? list[0]! : Array.from(list));

/** Converts one row of stored numbers, which begins at `first`, to real ones. */
export function rescale(
  images: ArrayLike<number>,
  first: number,
  to: Float32Array,
  { factor, addend }: ChannelScaling,
): void {
  const n = to.length;
  if (factor.length === 1) {
    const scale = factor[0]!;
    const offset = addend[0]!;
    for (let j = 0; j < n; j++) to[j] = Math.fround(images[first + j]! * scale) + offset;
    return;
  }
  for (let j = 0, c = 0; j < n; j++) {
    to[j] = Math.fround(images[first + j]! * factor[c]!) + addend[c]!;
    if (++c === factor.length) c = 0;
  }
}
