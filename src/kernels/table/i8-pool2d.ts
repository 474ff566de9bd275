import type { Rows } from "./row.ts";
import { source, target } from "./stored.ts";

const window = {
  ...source,
  h: "int",
  w: "int",
  c: "int",
  kh: "int",
  kw: "int",
  stride_h: "int",
  stride_w: "int",
  pad_t: "int",
  pad_l: "int",
  ...target,
  oh: "int",
  ow: "int",
} as const;

/**
 * int8 pools of stored images of h x w pixels to oh x ow: assembly/i8-pool2d.ts. x and y are first pixels inside a
 * halo. A window starts at (row * stride_h - pad_t, column * stride_w - pad_l) and is cut at the image's edge.
 */
export const i8Pool2d = {
  /** The largest stored number of each window. */
  i8_max_pool2d: { args: window, binary: "run", overRead: 16 },
  /**
   * The integer mean, halves away from `middle`, of what is inside; with `include_pad` also of the pads, which are
   * `zero`; `pad_b` and `pad_r` say how far those reach. Windows below 65 000 pixels.
   */
  i8_average_pool2d: {
    args: { ...window, pad_b: "int", pad_r: "int", include_pad: "int", zero: "int", middle: "int" },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
