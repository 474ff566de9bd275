import type { Rows } from "./row.ts";
import { clamped, dynamic, packing, source, target } from "./stored.ts";

/** Any convolution, by tables: see `i8Conv2d`. */
const tiled = {
  n: "count",
  x: "read",
  xs: "int",
  weight: "read",
  k_groups: "int",
  taps: "read",
  tiles: "int",
  pixels: "read",
  results: "read",
  y: "write",
  ys: "int",
  cout: "int",
} as const;

/**
 * int8 convolutions without im2col: assembly/i8-conv2d.ts. Weights are packed by `i8_gemm_pack`. A run is the part of a
 * stored image that is contiguous: a kernel row, or one tap where the kernel is dilated or the channels are in groups.
 *
 * Tables that `offsets` writes drive the tile, so that strides, pads, dilations and tails cost nothing inside it. They
 * are in bytes:
 * - `taps`: for each k-group, its distance from the first tap of the pixel
 * - `pixels`: for each pixel, the distance of its first tap from x, which is that of the first pixel
 * - `results`: for each pixel, the distance of its result from y. Entries past the last pixel repeat it.
 */
export const i8Conv2d = {
  /**
   * y stored = clamp(round((bias + sum (x - zero) * weight) * scale) + zero, qmin, qmax). A tile has 4 or 2 pixels,
   * `rows` (`tilePixels`); with 2 it takes two panels at a time, of outputs that are whole sixteens. `taps` may be 0:
   * the k-groups of a pixel are contiguous, which saves their addresses (3 % of MobileNetV1 0.25).
   */
  i8_conv2d: { args: { ...tiled, rows: "int", ...clamped }, binary: "run", overRead: 4 },
  /**
   * The same and a 2x2 max pool of stride 2: the four pixels of a tile are one window, for which there is one result.
   */
  i8_conv2d_max_pool2d: { args: { ...tiled, ...clamped }, binary: "run", overRead: 4 },
  /** i8_conv2d with a quantization found at run time and f32 results: see i8_gemm_dynamic. */
  i8_conv2d_dynamic: { args: { ...tiled, ...dynamic }, binary: "run", overRead: 32 },
} as const satisfies Rows;

/**
 * One input channel, stride 1, with a 2x2 max pool: assembly/i8-conv2d-1c.ts. Kernels are at most
 * `ONE_CHANNEL_WIDTH` (kernels/i8/conv2d-1c.ts) wide, the pooled image at least 4.
 */
export const i8Conv2d1c = {
  /** Weights [cout][kh][kw] -> the place of each k-group, then pairs of outputs. */
  i8_conv2d_1c_pack: { args: { cout: "int", kh: "int", kw: "int", ...packing }, binary: "run" },
  /**
   * x: the first tap of the first pixel of a stored image, of which 2 * oh + kh - 1 rows are read; y: the first pixel
   * of the pooled image, oh x ow. `scratch`: a strip.
   */
  i8_conv2d_1c_max_pool2d: {
    args: {
      ...source,
      kh: "int",
      kw: "int",
      scratch: "write",
      weight: "read",
      ...target,
      y_pixel_stride: "int",
      oh: "int",
      ow: "int",
      cout: "int",
      ...clamped,
    },
    binary: "run",
    overRead: 32,
  },
} as const satisfies Rows;

/** The same for any number of channels with fewer products (assembly/i8-conv2d-fir.ts); only in the plain binary. */
export const i8Conv2dFir = {
  /** Weights [cout][kh][kw][cin] -> the steps of a tile, then panels of sums of weights. */
  i8_conv2d_fir_pack: { args: { cout: "int", kh: "int", kw: "int", cin: "int", ...packing }, binary: "run" },
  /**
   * x: the first tap of the first pixel of a stored image; y: the first pixel of the pooled one, oh x ow, at least 4
   * wide.
   */
  i8_conv2d_fir_max_pool2d: {
    args: {
      ...source,
      cin: "int",
      kh: "int",
      kw: "int",
      scratch: "write",
      weight: "read",
      ...target,
      y_pixel_stride: "int",
      oh: "int",
      ow: "int",
      cout: "int",
      ...clamped,
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
