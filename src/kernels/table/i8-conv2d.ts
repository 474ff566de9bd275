import type { Rows } from "./row.ts";

/**
 * int8 convolutions without im2col: assembly/i8-conv2d.ts. Weights are packed by `i8_gemm_pack`, a run being what lies side by side in a stored image
 * (a kernel row, or one tap where the kernel is dilated or the channels are in groups).
 *
 * Tables that `offsets` writes drive the tile, so that stride, pads, dilation and tails cost nothing inside it (all in bytes):
 * - `taps`: for each k-group, how far it is from the first tap of the pixel
 * - `pixels`: for each pixel, how far its first tap is from x, that of the first
 * - `results`: for each pixel, how far its result is from y. What is read of both past the last pixel repeats it.
 *
 * i8_conv2d has tiles of 4 or 2 `rows` of pixels (`tilePixels`); with 2 it takes two panels at a time, of outputs that
 * are whole sixteens.
 * Its `taps` may be 0: the k-groups of a pixel lie side by side, which saves their addresses (3 % of MobileNetV1 0.25).
 */
export const i8Conv2d = {
  /** y stored = clamp(round((bias + sum (x - zero) * w) * scale) + zero, qmin, qmax); a ReLU is a qmin, a ReLU6 a qmin and a qmax. */
  i8_conv2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      w: "read",
      groups: "int",
      taps: "read",
      rows: "int",
      tiles: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 4,
  },
  /** The same and a 2x2 max pool of stride 2: the four pixels of a tile are one window, for which there is one result. */
  i8_conv2d_max_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      w: "read",
      groups: "int",
      taps: "read",
      tiles: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 4,
  },
  /** i8_conv2d with a quantization found at run time, f32 results: see i8_gemm_dynamic. */
  i8_conv2d_dynamic: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      w: "read",
      groups: "int",
      taps: "read",
      tiles: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      outs: "int",
      chosen: "read",
      cs: "int",
      bias: "read",
    },
    binary: "run",
    overRead: 32,
  },
} as const satisfies Rows;

/**
 * One input channel, stride 1, with a 2x2 max pool: assembly/i8-conv2d-1c.ts. Kernels are at most
 * `ONE_CHANNEL_WIDTH` (kernels/i8/conv2d-1c.ts) wide, the pooled image at least 4.
 */
export const i8Conv2d1c = {
  /** int8 weights [outs][kh][kw], i32 bias (address 0: none) and f32 scale per output -> the places of k-groups, then pairs of outputs. */
  i8_conv2d_1c_pack: {
    args: {
      outs: "int",
      kh: "int",
      kw: "int",
      w: "read",
      bias: "read",
      scale: "read",
      zero: "int",
      y: "write",
    },
    binary: "run",
  },
  /**
   * x: the first tap of the first pixel of a stored image, of which 2 * height + kh - 1 rows are read; y: the first pixel of the pooled one,
   * height x width. `scratch`: a strip.
   */
  i8_conv2d_1c_max_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pitch: "int",
      kh: "int",
      kw: "int",
      scratch: "write",
      w: "read",
      y: "write",
      ys: "int",
      ypitch: "int",
      ypixel: "int",
      height: "int",
      width: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 32,
  },
} as const satisfies Rows;

/** The same for any number of channels with fewer products (assembly/i8-conv2d-fir.ts); only in the plain binary. */
export const i8Conv2dFir = {
  /** int8 weights [outs][kh][kw][channels], i32 bias (address 0: none) and f32 scale per output -> the steps of a tile, then panels of sums of weights. */
  i8_conv2d_fir_pack: {
    args: {
      outs: "int",
      kh: "int",
      kw: "int",
      channels: "int",
      w: "read",
      bias: "read",
      scale: "read",
      zero: "int",
      y: "write",
    },
    binary: "run",
  },
  /** x: the first tap of the first pixel of a stored image; y: the first pixel of the pooled one, height x width, at least 4 wide. */
  i8_conv2d_fir_max_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pitch: "int",
      channels: "int",
      kh: "int",
      kw: "int",
      scratch: "write",
      w: "read",
      y: "write",
      ys: "int",
      ypitch: "int",
      ypixel: "int",
      height: "int",
      width: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
