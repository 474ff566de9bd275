import { resized } from "./f32-resize.ts";
import type { Rows } from "./row.ts";
import { source, target } from "./rows.ts";

/** Bilinear interpolation on stored activations: assembly/i8-resize.ts. */
export const i8Resize = {
  /**
   * y [oh][ow][c] from x. `rows`, `columns`: for each output the byte offsets of two neighbours and the share of the
   * second in 1/2048.
   */
  i8_resize_bilinear: { args: { ...source, ...target, ...resized }, binary: "run", overRead: 16 },
} as const satisfies Rows;
