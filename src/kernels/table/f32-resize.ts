import type { Rows } from "./row.ts";
import { source, target } from "./rows.ts";

/** The output and the tables of both axes: `rows`, `columns`. */
export const resized = { oh: "int", ow: "int", c: "int", rows: "read", columns: "read" } as const;

/** Bilinear interpolation: assembly/f32-resize.ts. */
export const f32Resize = {
  /**
   * y [oh][ow][c] from x. `rows`, `columns`: for each output the byte offsets of two neighbours (int) and the share of
   * the second (f32).
   */
  f32_resize_bilinear: { args: { ...source, ...target, ...resized }, binary: "both" },
  /** dx += the gradient by dy [oh][ow][c], by the same tables. */
  f32_resize_bilinear_gradient: {
    args: { n: "count", dy: "read", dys: "int", dx: "update", dxs: "int", ...resized },
    binary: "train",
  },
} as const satisfies Rows;
