/**
 * Twins of the fused convolution, on one image in logical order: x [h][w][cin], weights [cout][kh][kw][cin].
 * Sums begin at 0 and run over kernel rows, columns, channels; each operation is rounded to f32.
 */

const f = Math.fround;

/** Sizes of one convolution. */
export interface Sizes {
  h: number;
  w: number;
  cin: number;
  cout: number;
  kh: number;
  kw: number;
}

/** Rows and columns of pool windows; an odd last row or column of the convolution is dropped. */
export const windowsOf = ({ h, w, kh, kw }: Sizes): [oh: number, ow: number] => [(h - kh + 1) >> 1, (w - kw + 1) >> 1];

/** The sum at output pixel (r, c) of channel o, before bias. */
export function convolved(s: Sizes, x: Float32Array, weight: Float32Array, o: number, r: number, c: number): number {
  let sum = 0;
  for (let ky = 0; ky < s.kh; ky++)
    for (let kx = 0; kx < s.kw; kx++)
      for (let ci = 0; ci < s.cin; ci++) {
        const pixel = x[((r + ky) * s.w + c + kx) * s.cin + ci]!;
        sum = f(sum + f(pixel * weight[((o * s.kh + ky) * s.kw + kx) * s.cin + ci]!));
      }
  return sum;
}

export interface Pooled {
  y: Float32Array;
  argmax: Int32Array;
}

/**
 * Pools the results of `sum`: relu(max + bias), and the place of the first of the largest. Both outputs [oh][ow][cout].
 */
export function pool(s: Sizes, bias: Float32Array, sum: (o: number, r: number, c: number) => number): Pooled {
  const [oh, ow] = windowsOf(s);
  const y = new Float32Array(oh * ow * s.cout);
  const argmax = new Int32Array(y.length);
  for (let py = 0; py < oh; py++)
    for (let px = 0; px < ow; px++)
      for (let o = 0; o < s.cout; o++) {
        let best = -Infinity;
        let place = -1;
        for (const [dy, dx] of [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ] as const) {
          const value = sum(o, 2 * py + dy, 2 * px + dx);
          if (value <= best) continue;
          best = value;
          place = ((2 * py + dy) * s.w + 2 * px + dx) * s.cin * 4;
        }
        const at = (py * ow + px) * s.cout + o;
        y[at] = Math.max(f(best + bias[o]!), 0);
        argmax[at] = y[at]! > 0 ? place : -1;
      }
  return { y, argmax };
}

export function f32_conv2d_relu_max_pool2d(
  s: Sizes,
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
): Pooled {
  return pool(s, bias, (o, r, c) => convolved(s, x, weight, o, r, c));
}

/** [oh][ow][cout] to [cout][oh][ow]. */
export function planar(s: Sizes, argmax: Int32Array): Int32Array {
  const windows = argmax.length / s.cout;
  return argmax.map((_, i) => argmax[(i % windows) * s.cout + Math.floor(i / windows)]!);
}

/** One channel in: the same sums, argmax planar. */
export function f32_conv2d_relu_max_pool2d_plane(
  s: Sizes,
  x: Float32Array,
  weight: Float32Array,
  bias: Float32Array,
): Pooled {
  const { y, argmax } = f32_conv2d_relu_max_pool2d(s, x, weight, bias);
  return { y, argmax: planar(s, argmax) };
}
