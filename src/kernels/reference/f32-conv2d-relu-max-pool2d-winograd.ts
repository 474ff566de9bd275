/**
 * Twins of the Winograd kernels: the three matrices of F(4, 5), written out and multiplied in float64.
 * Outputs of a 5-tap filter g over 8 inputs d: A ((G g) * (B d)).
 */
import { type Pooled, pool, type Sizes, windowsOf } from "./f32-conv2d-relu-max-pool2d.ts";

/** Points 0, 1, -1, 2, -2, 1/2, -1/2, infinity. */
const G = [
  [1, 0, 0, 0, 0],
  [1, 1, 1, 1, 1].map(v => (v * -2) / 9),
  [1, -1, 1, -1, 1].map(v => (v * 2) / 9),
  [1, 2, 4, 8, 16].map(v => v / 90),
  [1, -2, 4, -8, 16].map(v => v / 90),
  [16, 8, 4, 2, 1].map(v => (v * 2) / 45),
  [16, -8, 4, -2, 1].map(v => (v * 2) / 45),
  [0, 0, 0, 0, 1],
];
const B = [
  [1, 0, -5.25, 0, 5.25, 0, -1, 0],
  [0, 1, 1, -4.25, -4.25, 1, 1, 0],
  [0, 1, -1, -4.25, 4.25, 1, -1, 0],
  [0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0],
  [0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0],
  [0, 2, 4, -2.5, -5, 0.5, 1, 0],
  [0, -2, 4, 2.5, -5, -0.5, 1, 0],
  [0, -1, 0, 5.25, 0, -5.25, 0, 1],
];
const A = [
  [1, 1, 1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0.5, -0.5, 0],
  [0, 1, 1, 4, 4, 0.25, 0.25, 0],
  [0, 1, -1, 8, -8, 0.125, -0.125, 1],
];

const times = (matrix: number[][], v: number[]): number[] =>
  matrix.map(row => row.reduce((sum, m, i) => sum + m * v[i]!, 0));

/** Four outputs, from one list of 8 inputs and of 5 taps for each kernel row (or column) and channel. */
function four(inputs: number[][], taps: number[][]): number[] {
  const products = new Array<number>(8).fill(0);
  inputs.forEach((d, k) => {
    const u = times(B, d);
    times(G, taps[k]!).forEach((v, t) => {
      products[t]! += v * u[t]!;
    });
  });
  return times(A, products);
}

/** Outputs come in fours from every other window; of an odd number of windows the last two make the last four. */
const firstOf = (output: number, windows: number): number => {
  const window = output >> 1;
  return 2 * (windows % 2 && window >= windows - 2 ? windows - 2 : window & ~1);
};

const each = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

/** Weights in panels, [panels][before][5][after][8], to [panels][8][before][after][8]. */
export function f32_panels_to_winograd(panels: number, before: number, after: number, x: Float32Array): Float32Array {
  const y = new Float32Array((x.length / 5) * 8);
  for (let p = 0; p < panels; p++)
    for (let b = 0; b < before; b++)
      for (let a = 0; a < after; a++)
        for (let lane = 0; lane < 8; lane++) {
          const taps = each(5, t => x[(((p * before + b) * 5 + t) * after + a) * 8 + lane]!);
          times(G, taps).forEach((v, t) => {
            y[(((p * 8 + t) * before + b) * after + a) * 8 + lane] = v;
          });
        }
  return y;
}

/** Kernels 5 wide, along x. */
export function f32_conv2d_relu_max_pool2d_winograd(
  s: Sizes,
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
): Pooled {
  const pairs = each(s.kh * s.cin, k => [Math.floor(k / s.cin), k % s.cin] as const);
  return pool(s, bias, (o, r, c) => {
    const first = firstOf(c, windowsOf(s)[1]);
    const inputs = pairs.map(([ky, ci]) => each(8, i => x[((r + ky) * s.w + first + i) * s.cin + ci]!));
    const taps = pairs.map(([ky, ci]) => each(5, i => weight[((o * s.kh + ky) * 5 + i) * s.cin + ci]!));
    return four(inputs, taps)[c - first]!;
  });
}
