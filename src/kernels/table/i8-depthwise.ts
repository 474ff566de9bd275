import type { Rows } from "./row.ts";
import { clamped, packing, source, target } from "./stored.ts";

/**
 * int8 depthwise convolution: assembly/i8-depthwise.ts. A multiplier over 1 reads an image whose channels are repeated.
 */
export const i8Depthwise = {
  /** Weights [cin][taps] -> panels of 8 channels, taps in pairs. */
  i8_depthwise_pack: { args: { cin: "int", taps: "int", ...packing }, binary: "run" },
  /**
   * y stored = clamp(round((bias + sum (x - zero) * weight) * scale) + zero, qmin, qmax). `taps`: the byte offset of
   * each tap from the pixel's first, an even number of them (the last may be any: its weight is 0); `pixels`,
   * `results`: as in i8_conv2d.
   */
  i8_depthwise_conv2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      weight: "read",
      pairs: "int",
      taps: "read",
      tiles: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      cin: "int",
      ...clamped,
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;

/** The same for kernels of 3x3, strides of 1 or 2 and at least 4 channels, faster: assembly/i8-depthwise-3x3.ts. */
export const i8Depthwise3x3 = {
  /** Weights [cin][3][3] -> panels of 4 channels, the last overlapping the one before. */
  i8_depthwise_3x3_pack: { args: { cin: "int", ...packing }, binary: "run" },
  /**
   * y as i8_depthwise_conv2d has it. x: the first tap of the first pixel of a stored image; y: the first pixel inside
   * its halo, oh x ow. `scratch`: rows interleaved.
   */
  i8_depthwise_conv2d_3x3: {
    args: {
      ...source,
      cin: "int",
      stride_h: "int",
      stride_w: "int",
      weight: "read",
      scratch: "write",
      ...target,
      oh: "int",
      ow: "int",
      ...clamped,
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
