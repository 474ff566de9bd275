import type { Rows } from "./row.ts";

/** Bilinear interpolation: assembly/f32-resize.ts. */
export const f32Resize = {
  /** y [oh][ow][c]. `rows`, `columns`: for each output the byte offsets of two neighbours (int) and the share of the second (f32). */
  f32_resize_bilinear: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      oh: "int",
      ow: "int",
      c: "int",
      rows: "read",
      columns: "read",
    },
    binary: "both",
  },
  /** dx += what flows back from dy [oh][ow][c], by the same tables. */
  f32_resize_bilinear_gradient: {
    args: {
      n: "count",
      dy: "read",
      dys: "int",
      dx: "update",
      dxs: "int",
      oh: "int",
      ow: "int",
      c: "int",
      rows: "read",
      columns: "read",
    },
    binary: "train",
  },
} as const satisfies Rows;
