import type { Rows } from "./row.ts";

/**
 * int8 convolutions 3x3 of stride 1 by Winograd's F(4x4, 3x3), exact: assembly/i8-conv2d-winograd.ts. For shapes that
 * `winogradFits` (kernels/i8/conv2d-winograd.ts).
 */
export const i8Conv2dWinograd = {
  /** int8 weights [outs][3][3][channels], i32 bias (address 0: none) and f32 scale per output -> panels of 8 outputs, 36 points. */
  i8_conv2d_winograd_pack: {
    args: { outs: "int", channels: "int", w: "read", bias: "read", scale: "read", zero: "int", y: "write" },
    binary: "run",
  },
  /**
   * y as i8_conv2d has it. x: the first tap of the first pixel of a stored image; y: the first pixel inside its halo, height x width.
   * `band`: how many rows of 4x4 tiles are worked on at a time, `scratch` for as many.
   */
  i8_conv2d_winograd: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pitch: "int",
      channels: "int",
      w: "read",
      scratch: "write",
      band: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      height: "int",
      width: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
  },
} as const satisfies Rows;
