import type { Rows } from "./row.ts";

/**
 * int8 pools of stored images of h x w pixels, rows `pitch` bytes apart, to oh x ow: assembly/i8-pool2d.ts.
 * x and y are first pixels inside a halo. A window starts at (row * sh - top, column * sw - left) and is cut at the image's edge.
 */
export const i8Pool2d = {
  /** The largest stored number of each window. */
  i8_max_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pitch: "int",
      h: "int",
      w: "int",
      channels: "int",
      kh: "int",
      kw: "int",
      sh: "int",
      sw: "int",
      top: "int",
      left: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      oh: "int",
      ow: "int",
    },
    binary: "run",
    overRead: 16,
  },
  /** The integer mean, halves away from zero, of what is inside; `include`: also of what lies in the pads, which are `zero`; `bottom`, `right`: how far those reach. Windows below 130 000 pixels. */
  i8_average_pool2d: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      pitch: "int",
      h: "int",
      w: "int",
      channels: "int",
      kh: "int",
      kw: "int",
      sh: "int",
      sw: "int",
      top: "int",
      left: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      oh: "int",
      ow: "int",
      bottom: "int",
      right: "int",
      include: "int",
      zero: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
