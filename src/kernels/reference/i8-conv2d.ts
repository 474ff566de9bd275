/** Slow twins of assembly/i8-conv2d.ts: on int8 images without a halo and weights as they are before packing. */
import type { Window } from "../i8/offsets.ts";
import type { Requantization } from "./i8-gemm.ts";
import { requantized } from "./stored.ts";

export interface Convolution extends Window {
  h: number;
  w: number;
  cin: number;
  groups: number;
  cout: number;
  /** [h][w][cin] int8. */
  x: Int8Array;
  /** Zero point of x, and the value of the padding. */
  zero: number;
  /** [cout][kh][kw][cin / groups] int8. */
  weight: Int8Array;
  bias: Int32Array;
}

/** Pixels of the result along one axis. */
const outputLength = (
  length: number,
  before: number,
  after: number,
  kernel: number,
  stride: number,
  dilation: number,
): number => Math.floor((length + before + after - (kernel - 1) * dilation - 1) / stride) + 1;

export function outputSize(c: Convolution): [h: number, w: number] {
  const { pads, kernel, strides, dilations } = c;
  return [
    outputLength(c.h, pads[0], pads[2], kernel[0], strides[0], dilations[0]),
    outputLength(c.w, pads[1], pads[3], kernel[1], strides[1], dilations[1]),
  ];
}

/** Accumulators, [oh][ow][cout]. */
export function accumulators(c: Convolution): Int32Array {
  const [oh, ow] = outputSize(c);
  const [kh, kw] = c.kernel;
  const inside = c.cin / c.groups;
  const perGroup = c.cout / c.groups;
  const y = new Int32Array(oh * ow * c.cout);
  for (let row = 0; row < oh; row++)
    for (let column = 0; column < ow; column++)
      for (let o = 0; o < c.cout; o++) {
        const from = Math.floor(o / perGroup) * inside;
        let sum = c.bias[o]!;
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const iy = row * c.strides[0] - c.pads[0] + ky * c.dilations[0];
            const ix = column * c.strides[1] - c.pads[1] + kx * c.dilations[1];
            if (iy < 0 || iy >= c.h || ix < 0 || ix >= c.w) continue;
            for (let i = 0; i < inside; i++)
              sum +=
                (c.x[(iy * c.w + ix) * c.cin + from + i]! - c.zero) * c.weight[((o * kh + ky) * kw + kx) * inside + i]!;
          }
        y[(row * ow + column) * c.cout + o] = sum;
      }
  return y;
}

export function i8_conv2d(c: Convolution, { scale, zero, qmin, qmax }: Requantization): Int8Array {
  return Int8Array.from(accumulators(c), (acc, i) => requantized(acc, scale[i % c.cout]!, zero, qmin, qmax));
}

/** i8_conv2d, then the largest of each 2x2 window. */
export function i8_conv2d_max_pool2d(c: Convolution, r: Requantization): Int8Array {
  const [oh, ow] = outputSize(c);
  const y = i8_conv2d(c, r);
  const [ph, pw] = [oh >> 1, ow >> 1];
  const pooled = new Int8Array(ph * pw * c.cout);
  for (let row = 0; row < ph; row++)
    for (let column = 0; column < pw; column++)
      for (let o = 0; o < c.cout; o++)
        pooled[(row * pw + column) * c.cout + o] = Math.max(
          ...[0, 1, 2, 3].map(i => y[((2 * row + (i >> 1)) * ow + 2 * column + (i & 1)) * c.cout + o]!),
        );
  return pooled;
}

/** f32(f32(acc) * scale of x) * scale[out] + bias[out]. */
export function i8_conv2d_dynamic(
  c: Omit<Convolution, "bias">,
  chosenScale: number,
  scale: Float32Array,
  bias: Float32Array,
): Float32Array {
  return Float32Array.from(accumulators({ ...c, bias: new Int32Array(c.cout) }), (acc, i) => {
    const real = Math.fround(Math.fround(Math.fround(acc) * Math.fround(chosenScale)) * scale[i % c.cout]!);
    return real + bias[i % c.cout]!;
  });
}
