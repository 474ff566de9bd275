/**
 * Twins of layer normalization, on one row, or on columns over all rows of all images. Sums over a row run in four f64
 * lanes.
 */

type Row = ArrayLike<number>;

const f = Math.fround;

export interface RowStatistics {
  mean: number;
  /** 1 / sqrt(variance + epsilon). */
  inverse: number;
}

/** Lane i adds elements i, i + 4, ... in f64; then ((0 + 2) + (1 + 3)). */
function laneMean(x: Row): number {
  const lanes = [0, 0, 0, 0];
  for (let i = 0; i < x.length; i++) lanes[i & 3]! += x[i]!;
  return (lanes[0]! + lanes[2]! + (lanes[1]! + lanes[3]!)) / x.length;
}

export function f32_layer_normalization_statistics(x: Row, epsilon: number): RowStatistics {
  const mean = f(laneMean(x));
  const variance = laneMean(Float64Array.from(x, v => f(v - mean) ** 2));
  return { mean, inverse: f(1 / Math.sqrt(variance + f(epsilon))) };
}

const normalized = (x: number, { mean, inverse }: RowStatistics): number => f(f(x - mean) * inverse);

export function f32_layer_normalization(x: Row, gamma: Row, beta: Row, epsilon: number): Float32Array {
  const s = f32_layer_normalization_statistics(x, epsilon);
  return Float32Array.from(x, (v, j) => f(normalized(v, s) * gamma[j]!) + beta[j]!);
}

/** The gradients of one column, from its dy, its x, and the statistics of each row. */
export function f32_layer_normalization_parameter_gradient(
  dy: Row,
  x: Row,
  rows: readonly RowStatistics[],
): { dgamma: number; dbeta: number } {
  let [dgamma, dbeta] = [0, 0];
  for (let i = 0; i < dy.length; i++) {
    dgamma += f(dy[i]! * normalized(x[i]!, rows[i]!));
    dbeta += dy[i]!;
  }
  return { dgamma: f(dgamma), dbeta: f(dbeta) };
}

export function f32_layer_normalization_gradient(dy: Row, x: Row, s: RowStatistics, gamma: Row): Float32Array {
  const z = Float32Array.from(x, v => normalized(v, s));
  const g = Float32Array.from(dy, (d, j) => d * gamma[j]!);
  const flow = f(laneMean(g));
  const turn = f(laneMean(g.map((v, j) => v * z[j]!)));
  return g.map((v, j) => f(f(v - flow) - f(z[j]! * turn)) * s.inverse);
}
