/** Converts stored bytes to the real numbers that a network was trained on. */
import { knownOptions, number, oneOf, wrongValue } from "../base/errors.ts";
import type { Preprocessing } from "../container/extras.ts";

/** real = factor * stored + addend, in float32, multiplied and then added; one of each per channel, or one for all. */
export interface ChannelScaling {
  readonly factor: Float32Array;
  readonly addend: Float32Array;
}

/** The default. */
export const USUAL: Preprocessing = { scale: 1 / 255 };

const KEYS = ["scale", "offset", "mean", "std", "layout"] as const satisfies readonly (keyof Preprocessing)[];

/** Throws a TypeError for an unknown key, and a RangeError for an unknown layout. */
export function checkKeys(preprocessing: Preprocessing): void {
  knownOptions("preprocessing", preprocessing, KEYS);
  oneOf("preprocessing.layout", preprocessing.layout ?? "NHWC", ["NHWC", "NCHW"]);
}

/**
 * (scale * v - mean) / std, or scale * v + offset, as one product and one sum per channel. Throws a TypeError or
 * RangeError for invalid values.
 */
export function channelScalingOf(preprocessing: Preprocessing, channels: number): ChannelScaling {
  checkKeys(preprocessing);
  const { scale = 1, offset = 0, mean = [0], std = [1] } = preprocessing;
  number("preprocessing.scale", scale);
  number("preprocessing.offset", offset);
  const means = perChannel("preprocessing.mean", mean, channels);
  const deviations = perChannel("preprocessing.std", std, channels, { above: 0 });
  const of = (list: readonly number[], c: number) => list[c % list.length]!;
  const length = Math.max(means.length, deviations.length);
  return {
    factor: Float32Array.from({ length }, (_, c) => scale / of(deviations, c)),
    addend: Float32Array.from({ length }, (_, c) => offset - of(means, c) / of(deviations, c)),
  };
}

/** Checks for one number for all channels, or one for each. */
export function perChannel(what: string, list: unknown, channels: number, bounds = {}): number[] {
  if (!Array.isArray(list) || (list.length !== 1 && list.length !== channels))
    throw wrongValue(what, `${channels} channels`, list);
  return list.map((v, c) => number(`${what}[${c}]`, v, bounds));
}
