import type { Rows } from "./row.ts";

/** int8 depthwise convolution: assembly/i8-depthwise.ts. A multiplier over 1 reads an image whose channels are repeated. */
export const i8Depthwise = {
  /** int8 weights [channels][taps], i32 bias (address 0: none) and f32 scale per channel -> panels of 8 channels, taps in pairs. */
  i8_depthwise_pack: {
    args: { channels: "int", taps: "int", w: "read", bias: "read", scale: "read", zero: "int", y: "write" },
    binary: "run",
  },
  /**
   * y stored = clamp(round((bias + sum (x - zero) * w) * scale) + zero, qmin, qmax). `taps`: byte offset of each tap from the pixel's first, an even
   * number of them (the last may be any: its weight is 0); `pixels`, `results`: as in i8_conv2d.
   */
  i8_depthwise_conv2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      w: "read",
      pairs: "int",
      taps: "read",
      tiles: "int",
      pixels: "read",
      results: "read",
      y: "write",
      ys: "int",
      channels: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;

/** The same for kernels of 3x3, steps of 1 or 2 and at least 4 channels, faster: assembly/i8-depthwise-3x3.ts. */
export const i8Depthwise3x3 = {
  /** int8 weights [channels][3][3], i32 bias (address 0: none) and f32 scale per channel -> panels of 4 channels, the last overlapping the one before. */
  i8_depthwise_3x3_pack: {
    args: { channels: "int", w: "read", bias: "read", scale: "read", zero: "int", y: "write" },
    binary: "run",
  },
  /**
   * y as i8_depthwise_conv2d has it. x: the first tap of the first pixel of a stored image; y: the first pixel inside its halo, height x width.
   * `down`, `across`: the strides; `scratch`: rows interleaved.
   */
  i8_depthwise_conv2d_3x3: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pitch: "int",
      channels: "int",
      down: "int",
      across: "int",
      w: "read",
      scratch: "write",
      y: "write",
      ys: "int",
      ypitch: "int",
      height: "int",
      width: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
