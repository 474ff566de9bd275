import type { Rows } from "./row.ts";

/** Bilinear interpolation on stored activations: assembly/i8-resize.ts. */
export const i8Resize = {
  /** y [oh][ow][c]. `rows`, `columns`: for each output the byte offsets of two neighbours and the share of the second in 1/2048. */
  i8_resize_bilinear: {
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
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
