import type { Rows } from "./row.ts";

/**
 * int8 pools of stored images of h x w pixels, rows `xpitch` bytes apart, to oh x ow: assembly/i8-pool2d.ts.
 * x and y are first pixels inside a halo. A window starts at (row * stride_h - pad_t, column * stride_w - pad_l) and is cut at the image's edge.
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
      stride_h: "int",
      stride_w: "int",
      pad_t: "int",
      pad_l: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      oh: "int",
      ow: "int",
    },
    binary: "run",
    overRead: 16,
  },
  /** The integer mean, halves away from `middle`, of what is inside; `include_pad`: also of what lies in the pads, which are `zero`; `pad_b`, `pad_r`: how far those reach. Windows below 65 000 pixels. */
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
      stride_h: "int",
      stride_w: "int",
      pad_t: "int",
      pad_l: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      oh: "int",
      ow: "int",
      pad_b: "int",
      pad_r: "int",
      include_pad: "int",
      zero: "int",
      middle: "int",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
