import type { Rows } from "./row.ts";

/**
 * int8 matrix products on stored activations (q + 128) and packed weights: assembly/i8-gemm.ts.
 *
 * Packed: panels of 8 outputs, the last one padded with zeros; k-groups are 4 weights (relaxed) or 2 (plain), zero-padded at the end of each run:
 *
 *     8 x i32 bias - (zero + 128) * sum of weights | 8 x f32 scale | k-group 0: o0 .. o7, 4 bytes each | k-group 1 ... | next panel
 */
export const i8Gemm = {
  /**
   * int8 weights [outs][runs][length], i32 bias (address 0: none) and f32 scale per output -> panels. `runs`: k-groups do not straddle them,
   * since a convolution reads each from another place; `zero`: of the activations to come.
   */
  i8_gemm_pack: {
    args: {
      outs: "int",
      runs: "int",
      length: "int",
      w: "read",
      bias: "read",
      scale: "read",
      zero: "int",
      y: "write",
    },
    binary: "run",
  },
  /** y[n][outs] i32 = bias + sum over k of (x - zero) * w; `groups` k-groups are read from each row of x. */
  i8_gemm: {
    args: { n: "count", x: "read", xs: "int", groups: "int", w: "read", y: "write", ys: "int", outs: "int" },
    binary: "run",
    overRead: 4,
  },
  /** The same, requantized: y stored = clamp(round(i8_gemm * scale) + zero, qmin, qmax). */
  i8_gemm_requantize: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      groups: "int",
      w: "read",
      y: "write",
      ys: "int",
      outs: "int",
      zero: "int",
      qmin: "int",
      qmax: "int",
    },
    binary: "run",
    overRead: 4,
  },
  /**
   * The same with a quantization found at run time: y f32 = acc * chosen scale * scale[out] + bias[out]. `w` is packed with bias 0 and zero -127,
   * so that its first words hold minus the sums of weights; `chosen`: one of i8_choose per row.
   */
  i8_gemm_dynamic: {
    args: {
      n: "count",
      x: "read",
      xs: "int",
      groups: "int",
      w: "read",
      y: "write",
      ys: "int",
      outs: "int",
      chosen: "read",
      cs: "int",
      bias: "read",
    },
    binary: "run",
    overRead: 32,
  },
} as const satisfies Rows;
