import type { Rows } from "./row.ts";
import { clamped, target } from "./stored.ts";

/** Two stored operands and a result of equal rows. */
const pair = {
  n: "count",
  a: "read",
  as: "int",
  a_row_stride: "int",
  b: "read",
  bs: "int",
  b_row_stride: "int",
  ...target,
  rows: "int",
  length: "int",
} as const;

/** int8 sums and softmax on stored activations: assembly/i8-elementwise.ts. */
export const i8Elementwise = {
  /**
   * y = clamp(((bias + a * ma + b * mb) >> shift) + zero, qmin, qmax), a and b as stored (q + 128): `addition` of
   * kernels/i8/addition.ts gives the numbers.
   */
  i8_add: {
    args: { ...pair, ma: "int", mb: "int", bias: "int", shift: "int", ...clamped },
    binary: "run",
    overRead: 16,
  },
  /**
   * y = clamp(round((a - za) * (b - zb) * scale) + zero, qmin, qmax): XNNPACK's qs8-vmul, scale being f32(s_a * s_b /
   * s_y).
   */
  i8_mul: {
    args: { ...pair, za: "int", zb: "int", scale: "float", ...clamped },
    binary: "run",
    overRead: 16,
  },
  /** y = the smaller of a and b, all of one quantization. */
  i8_min: { args: pair, binary: "run", overRead: 16 },
  /** y = the larger of a and b, all of one quantization. */
  i8_max: { args: pair, binary: "run", overRead: 16 },
  /**
   * Over each of `repeat` rows of k stored int8, 0..255; `table`: 256 f32, exp(-d * scale of x); `scale`, `zero`: of y.
   */
  i8_softmax: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      repeat: "int",
      k: "int",
      table: "read",
      scale: "float",
      zero: "int",
    },
    binary: "run",
  },
} as const satisfies Rows;
