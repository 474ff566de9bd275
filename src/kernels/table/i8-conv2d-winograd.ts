import type { Rows } from "./row.ts";
import { clamped, packing, source, target } from "./stored.ts";

/**
 * int8 convolutions 3x3 of stride 1 by Winograd's F(4x4, 3x3), exact: assembly/i8-conv2d-winograd.ts.
 * For shapes that `winogradFits` (kernels/i8/conv2d-winograd.ts).
 */
export const i8Conv2dWinograd = {
  /** Weights [cout][3][3][cin] -> panels of 8 outputs, 36 points. */
  i8_conv2d_winograd_pack: { args: { cout: "int", cin: "int", ...packing }, binary: "run" },
  /**
   * y as i8_conv2d has it. x: the first tap of the first pixel of a stored image; y: the first pixel inside its halo,
   * oh x ow. `band`: the number of rows of 4x4 tiles that are worked on at a time; `scratch` has room for as many.
   */
  i8_conv2d_winograd: {
    args: {
      ...source,
      cin: "int",
      weight: "read",
      scratch: "write",
      band: "int",
      ...target,
      oh: "int",
      ow: "int",
      cout: "int",
      ...clamped,
    },
    binary: "run",
  },
} as const satisfies Rows;
