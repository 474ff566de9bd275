/**
 * Layouts: the order of a logical tensor in memory. Logical order is NHWC for images, `[out][kh][kw][in]` for
 * convolutions and `[out][in]` for dense weights. A layout with `map` is a permutation with padding; checkpoints and
 * exports read through it. One without is a transform (Winograd, packed int8), which can only be computed.
 */

import { BYTES, type DType, roundUp, type Shape, size } from "../base/shape.ts";
import type { KernelName } from "./table.ts";

export interface Layout {
  /** Equal names are equal layouts. */
  readonly name: string;
  /** Stored bytes of one image, or of the whole of an unbatched value. */
  bytes(shape: Shape, dtype: DType): number;
  /** Stored element -> logical index, -1 for padding (kept zero). */
  map?(shape: Shape): Int32Array;
  /** The layout that `by` converts from: for a transform, or where a kernel converts faster than an index table. */
  readonly from?: Layout;
  /**
   * The kernel that converts, with its arguments except `x` (source), `y` (target) and, where it has them, `n`, `xs`
   * and `ys`.
   */
  by?(shape: Shape): { kernel: KernelName; args: Record<string, number> };
  /** The kernel that converts back to flat, in the same form. */
  back?(shape: Shape): { kernel: KernelName; args: Record<string, number> };
  /** A layout for consumers that prefer this one and consumers that prefer `other`; undefined if there is none. */
  serving?(other: Layout): Layout | undefined;
}

/** Elements per row of a weight: all axes but the first. */
const rowLength = (shape: Shape): number => (shape.length ? size(shape) / (shape[0] || 1) : 1);

const counted = (stored: number, logical: (p: number) => number): Int32Array =>
  Int32Array.from({ length: stored }, (_, p) => logical(p));

/**
 * Logical order, padded to whole 32 bytes; scalars are not padded, so that labels are contiguous.
 *
 *     e0 e1 e2 ... e(n-1) 0 0 0 | next image
 */
export const flat: Layout = {
  name: "flat",
  bytes: (shape, dtype) => (shape.length === 0 ? BYTES[dtype] : roundUp(size(shape) * BYTES[dtype], 32)),
  map: shape => counted(shape.length === 0 ? 1 : roundUp(size(shape), 8), p => (p < size(shape) ? p : -1)),
};

/**
 * GEMM panels of 8 outputs: [out/8][row][8], outputs padded with zeros to whole panels. The second operand of
 * `f32_gemm`.
 *
 *     k0: o0 o1 o2 ... o7 | k1: o0 ... o7 | ... | next panel: k0: o8 ... o15 | ...
 */
export const panels: Layout = {
  name: "panels",
  bytes: shape => roundUp(shape[0]!, 8) * rowLength(shape) * 4,
  map(shape) {
    const K = rowLength(shape);
    const stored = new Int32Array(roundUp(shape[0]!, 8) * K).fill(-1);
    for (let n = 0; n < shape[0]!; n++)
      for (let k = 0; k < K; k++) stored[(n >> 3) * K * 8 + k * 8 + (n & 7)] = n * K + k;
    return stored;
  },
};

/** The transpose in panels: [row/8][out][8], for the gradient of the input. */
export const panelsTransposed: Layout = {
  name: "panelsTransposed",
  bytes: shape => roundUp(rowLength(shape), 8) * shape[0]! * 4,
  map(shape) {
    const N = shape[0]!;
    const K = rowLength(shape);
    const stored = new Int32Array(roundUp(K, 8) * N).fill(-1);
    for (let n = 0; n < N; n++) for (let k = 0; k < K; k++) stored[(k >> 3) * N * 8 + n * 8 + (k & 7)] = n * K + k;
    return stored;
  },
  from: panels,
  by: shape => ({ kernel: "f32_transpose_panels", args: { n: shape[0]!, k: rowLength(shape) } }),
};

/**
 * The weights of the input gradient of a convolution: [in/8][kh][kw][out][8], the taps backwards and `in` padded with
 * zeros to whole panels, so that the gradient is itself a convolution that runs forwards over memory. With groups, `in`
 * is that of one group.
 */
export const inputPanels: Layout = {
  name: "inputPanels",
  bytes: shape => roundUp(shape.at(-1)!, 8) * (size(shape) / (shape.at(-1) || 1)) * 4,
  map(shape) {
    const [out, kh, kw, channels] = shape as [number, number, number, number];
    const taps = kh * kw;
    const stored = new Int32Array(roundUp(channels, 8) * taps * out).fill(-1);
    for (let o = 0; o < out; o++)
      for (let tap = 0; tap < taps; tap++)
        for (let c = 0; c < channels; c++)
          stored[(((c >> 3) * taps + (taps - 1 - tap)) * out + o) * 8 + (c & 7)] = (o * taps + tap) * channels + c;
    return stored;
  },
  from: panels,
  by([out, kh, kw, channels]) {
    return { kernel: "f32_conv2d_input_panels", args: { cout: out!, taps: kh! * kw!, cin: channels! } };
  },
};

/** Depthwise weights [out][kh][kw][1] with contiguous channels: [kh][kw][out], `out` padded with zeros to 8. */
export const taps: Layout = {
  name: "taps",
  bytes: shape => roundUp(shape[0]!, 8) * rowLength(shape) * 4,
  map(shape) {
    const out = shape[0]!;
    const padded = roundUp(out, 8);
    const K = rowLength(shape);
    return counted(padded * K, p => (p % padded < out ? (p % padded) * K + Math.floor(p / padded) : -1));
  },
};

/**
 * Convolution weights by kernel row, padded to whole vectors: [out][kh][kw * in padded to 4]. The sparse weight
 * gradient adds to it.
 *
 *     o0: ky0: x0c0 x0c1 ... x1c0 ... 0 | ky1: ... | o1: ...
 */
export const kernelRows: Layout = {
  name: "kernelRows",
  bytes: ([out, kh, kw, cin]) => out! * kh! * roundUp(kw! * cin!, 4) * 4,
  map([out, kh, kw, cin]) {
    const run = kw! * cin!;
    const pitch = roundUp(run, 4);
    return counted(out! * kh! * pitch, p => (p % pitch < run ? Math.floor(p / pitch) * run + (p % pitch) : -1));
  },
};

/**
 * The same twice, [2][out][kh][(kw + 1) * in padded to 4]: as it is, and moved right by one pixel, for the sparse input
 * gradient: the winner of a pool window is its left or its right pixel, and either copy begins at the window.
 *
 *     moved 0: w w w w w 0 | pad        moved 1: 0 w w w w w | pad
 */
export const movedRows: Layout = {
  name: "movedRows",
  bytes: ([out, kh, kw, cin]) => 2 * out! * kh! * roundUp((kw! + 1) * cin!, 4) * 4,
  map([out, kh, kw, cin]) {
    const run = kw! * cin!;
    const pitch = roundUp(run + cin!, 4);
    const half = out! * kh! * pitch;
    return counted(2 * half, p => {
      const k = (p % pitch) - (p < half ? 0 : cin!);
      return k >= 0 && k < run ? Math.floor((p % half) / pitch) * run + k : -1;
    });
  },
  from: panels,
  by: ([out, kh, kw, cin]) => ({
    kernel: "f32_panels_to_moved",
    args: { cout: out!, kh: kh!, run: kw! * cin!, cin: cin! },
  }),
};

/**
 * Kernels 5 wide by Winograd's F(4, 5) along a row: [out/8][8 points][kh][in][8]. See
 * assembly/f32-conv2d-relu-max-pool2d-winograd.ts.
 */
export const winogradRows: Layout = {
  name: "winogradRows",
  bytes: ([out, kh, , cin]) => roundUp(out!, 8) * 8 * kh! * cin! * 4,
  from: panels,
  by: ([out, kh, , cin]) => ({
    kernel: "f32_panels_to_winograd",
    args: { panels: Math.ceil(out! / 8), before: kh!, after: cin! },
  }),
};

/**
 * One image, channel by channel: [c][h][w], padded as flat is.
 *
 *     c0: p0 p1 p2 ... | c1: p0 ... | ... 0
 */
export const planes: Layout = {
  name: "planes",
  bytes: flat.bytes,
  map(shape) {
    const channels = shape[2]!;
    const pixels = size(shape) / channels;
    return counted(roundUp(size(shape), 8), p =>
      p < size(shape) ? (p % pixels) * channels + Math.floor(p / pixels) : -1,
    );
  },
};
