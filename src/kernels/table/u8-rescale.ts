import type { Rows } from "./row.ts";

export const u8Rescale = {
  /** y = x scale + offset: k bytes of each image to floats. Zeros in the padding of y. */
  u8_rescale: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      k: "int",
      scale: "float",
      offset: "float",
    },
    binary: "both",
    overRead: 12,
  },
} as const satisfies Rows;
