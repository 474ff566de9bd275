/**
 * Keras' initializers (keras.initializers), drawn from this library's own random numbers, so that one seed gives the
 * same weights on every engine. The numbers differ from Keras', their distributions do not.
 */
import { knownOptions, noArguments, number } from "../base/errors.ts";
import type { Random } from "../base/random.ts";

/** Inputs and outputs of one application of a kernel: Keras' compute_fans. */
export interface Fans {
  readonly in: number;
  readonly out: number;
}

/** Draws `length` initial values. `random` belongs to this parameter alone. */
export type Initializer = (length: number, fans: Fans, random: Random) => Float32Array;

const drawn = (length: number, draw: () => number): Float32Array => Float32Array.from({ length }, draw);

/** Standard deviation of a normal distribution truncated at two standard deviations. */
const TRUNCATED = 0.8796256610342398;

/** Draws again if a value is further out than two standard deviations. */
function truncated(random: Random): number {
  let z = random.normal();
  while (Math.abs(z) > 2) z = random.normal();
  return z;
}

type Mode = (fans: Fans) => number;
const average: Mode = fans => (fans.in + fans.out) / 2;
const incoming: Mode = fans => fans.in;

/** Keras' VarianceScaling: uniform with variance `scale` / mode(fans). */
const scaledUniform =
  (scale: number, mode: Mode): Initializer =>
  (length, fans, random) => {
    const limit = Math.sqrt((3 * scale) / Math.max(1, mode(fans)));
    return drawn(length, () => random.uniform(-limit, limit));
  };

/** The same, normal and truncated at two standard deviations. */
const scaledNormal =
  (scale: number, mode: Mode): Initializer =>
  (length, fans, random) => {
    const deviation = Math.sqrt(scale / Math.max(1, mode(fans))) / TRUNCATED;
    return drawn(length, () => deviation * truncated(random));
  };

/** An initializer that takes no options. */
function plain(name: string, none: readonly unknown[], made: Initializer): Initializer {
  noArguments(name, none);
  return made;
}

/** Uniform in +-sqrt(6 / (fan in + fan out)) (Glorot and Bengio, 2010): the default of kernels. */
export const glorotUniform = (...none: []): Initializer => plain("glorotUniform", none, scaledUniform(1, average));
/** Truncated normal, standard deviation sqrt(2 / (fan in + fan out)). */
export const glorotNormal = (...none: []): Initializer => plain("glorotNormal", none, scaledNormal(1, average));
/** Uniform in +-sqrt(6 / fan in) (He et al., 2015): for layers with ReLU. */
export const heUniform = (...none: []): Initializer => plain("heUniform", none, scaledUniform(2, incoming));
/** Truncated normal, standard deviation sqrt(2 / fan in). */
export const heNormal = (...none: []): Initializer => plain("heNormal", none, scaledNormal(2, incoming));

/** Every weight is `value`; default 0. */
export function constant(value = 0): Initializer {
  number("value", value);
  return length => new Float32Array(length).fill(value);
}
/** Every weight is 0. */
export const zeros = (...none: []): Initializer => plain("zeros", none, constant(0));
/** Every weight is 1. */
export const ones = (...none: []): Initializer => plain("ones", none, constant(1));

/** Normal, not truncated. Default mean 0, stddev 0.05. */
export function randomNormal(options: { mean?: number; stddev?: number } = {}): Initializer {
  knownOptions("randomNormal", options, ["mean", "stddev"]);
  const { mean = 0, stddev = 0.05 } = options;
  number("mean", mean);
  number("stddev", stddev, { min: 0 });
  return (length, _, random) => drawn(length, () => mean + stddev * random.normal());
}

/** Uniform in [minval, maxval), by default [-0.05, 0.05). */
export function randomUniform(options: { minval?: number; maxval?: number } = {}): Initializer {
  knownOptions("randomUniform", options, ["minval", "maxval"]);
  const { minval = -0.05, maxval = 0.05 } = options;
  number("minval", minval);
  number("maxval", maxval, { min: minval });
  return (length, _, random) => drawn(length, () => random.uniform(minval, maxval));
}
