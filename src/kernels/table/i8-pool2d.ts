import type { Rows } from "./row.ts";

/**
 * int8 pools of stored images of h x w pixels, rows `xpitch` bytes apart, to oh x ow: assembly/i8-pool2d.ts.
 * x and y are first pixels inside a halo. A window starts at (row * sh - pt, column * sw - pl) and is cut at the image's edge.
 */
export const i8Pool2d = {
  /** The largest stored number of each window. */
  i8_max_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      xpitch: "int",
      h: "int",
      w: "int",
      c: "int",
      kh: "int",
      kw: "int",
      sh: "int",
      sw: "int",
      pt: "int",
      pl: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      oh: "int",
      ow: "int",
    },
    binary: "run",
    overRead: 16,
  },
  /** The integer mean, halves away from `middle`, of what is inside; `includePad`: also of what lies in the pads, which are `zero`; `pb`, `pr`: how far those reach. Windows below 65 000 pixels. */
  i8_average_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      xpitch: "int",
      h: "int",
      w: "int",
      c: "int",
      kh: "int",
      kw: "int",
      sh: "int",
      sw: "int",
      pt: "int",
      pl: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      oh: "int",
      ow: "int",
      pb: "int",
      pr: "int",
      includePad: "int",
      zero: "int",
      middle: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
