/** Twins of batch normalization, on one channel: x and dy are its values over all images and pixels, in order. */

type Channel = ArrayLike<number>;

const f = Math.fround;

const sum = (x: Channel, of: (v: number, i: number) => number): number => {
  let s = 0;
  for (let i = 0; i < x.length; i++) s += of(x[i]!, i);
  return s;
};

const inverseDeviation = (variance: number, epsilon: number): number => f(1 / f(Math.sqrt(f(variance + f(epsilon)))));

export interface Statistics {
  mean: number;
  variance: number;
}

/** In f64; the variance is the biased one. */
export function f32_batch_normalization_statistics(x: Channel): Statistics {
  const mean = sum(x, v => v) / x.length;
  return { mean: f(mean), variance: f(sum(x, v => (v - mean) * (v - mean)) / x.length) };
}

export function f32_batch_normalization(
  x: Channel,
  { mean, variance }: Statistics,
  gamma: number,
  beta: number,
  epsilon: number,
): Float32Array {
  const scale = f(gamma * inverseDeviation(variance, epsilon));
  const shift = f(beta - f(mean * scale));
  return Float32Array.from(x, v => f(v * scale) + shift);
}

/** z = (x - mean) / deviation. */
const normalized = (x: number, { mean, variance }: Statistics, epsilon: number): number =>
  f(f(x - mean) * inverseDeviation(variance, epsilon));

export const f32_batch_normalization_parameter_gradient = (
  dy: Channel,
  x: Channel,
  s: Statistics,
  epsilon: number,
): { dgamma: number; dbeta: number } => ({
  dgamma: f(sum(dy, (d, i) => f(d * normalized(x[i]!, s, epsilon)))),
  dbeta: f(sum(dy, d => d)),
});

export function f32_batch_normalization_gradient(
  dy: Channel,
  x: Channel,
  s: Statistics,
  gamma: number,
  { dgamma, dbeta }: { dgamma: number; dbeta: number },
  epsilon: number,
): Float32Array {
  const scale = f(gamma * inverseDeviation(s.variance, epsilon));
  const share = f(1 / dy.length);
  return Float32Array.from(dy, (d, i) => {
    const moved = f(dbeta + f(normalized(x[i]!, s, epsilon) * dgamma));
    return f(d - f(moved * share)) * scale;
  });
}

export const f32_batch_normalization_frozen_gradient = (
  dy: Channel,
  variance: number,
  gamma: number,
  epsilon: number,
): Float32Array => Float32Array.from(dy, d => d * f(gamma * inverseDeviation(variance, epsilon)));

export const f32_moving_average = (y: number, x: number, momentum: number): number =>
  f(f(y * f(momentum)) + f(x * f(1 - f(momentum))));
