import type { Rows } from "./row.ts";

/** int8 sums over an axis, on stored activations: assembly/i8-reduce.ts. */
export const i8Reduce = {
  /** x [outer][length][inner], y [outer][inner] = clamp(round(sum(x) * scale + offset)), in f32 steps, half to even. */
  i8_mean: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      outer: "int",
      length: "int",
      inner: "int",
      scale: "float",
      offset: "float",
    },
    binary: "run",
    overRead: 16,
  },
} as const satisfies Rows;
