import { rows } from "./row.ts";

/** int8 sums, softmax and repetition on stored activations: assembly/i8-elementwise.ts. */
export const i8Elementwise = rows({
  /** y = clamp(((bias + a * ma + b * mb) >> shift) + zero, qmin, qmax), a and b as stored (q + 128): `addition` of reference/i8-elementwise.ts gives the numbers. */
  i8_add: {
    args: {
      n: "count",
      a: "read",
      as: "int",
      apitch: "int",
      b: "read",
      bs: "int",
      bpitch: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      rows: "int",
      length: "int",
      ma: "int",
      mb: "int",
      bias: "int",
      shift: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
  /** y = clamp(round((a - za) * (b - zb) * scale) + zero, qmin, qmax): XNNPACK's qs8-vmul, scale being f32(s_a * s_b / s_y). */
  i8_mul: {
    args: {
      n: "count",
      a: "read",
      as: "int",
      apitch: "int",
      b: "read",
      bs: "int",
      bpitch: "int",
      y: "write",
      ys: "int",
      ypitch: "int",
      rows: "int",
      length: "int",
      za: "int",
      zb: "int",
      scale: "float",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 16,
  },
  /** Over each of `rows` rows of `length`; `table`: 256 f32, exp(-d * scale of x); `scale`, `zero`: of y. */
  i8_softmax: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      y: "write",
      ys: "int",
      rows: "int",
      length: "int",
      table: "read",
      scale: "float",
      zero: "int",
    },
    binary: "run",
  },
  /** y[length][times] = x[length]. */
  i8_repeat: {
    args: { n: "count", x: "read", xs: "int", y: "write", ys: "int", length: "int", times: "int" },
    binary: "run",
  },
});
