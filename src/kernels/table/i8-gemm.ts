import type { Rows } from "./row.ts";
import { clamped, dynamic, packing } from "./stored.ts";

/** `k_groups` k-groups are read from each row of x. */
const product = {
  n: "count",
  x: "read",
  xs: "int",
  k_groups: "int",
  weight: "read",
  y: "write",
  ys: "int",
  cout: "int",
} as const;

/**
 * int8 matrix products on stored activations (q + 128) and packed weights: assembly/i8-gemm.ts.
 *
 * Packed: panels of 8 outputs, the last one padded with zeros; k-groups are 4 weights (relaxed) or 2 (plain),
 * zero-padded at the end of each run:
 *
 *     8 x i32 bias - (zero + 128) * sum of weights | 8 x f32 scale
 *     k-group 0: o0 .. o7, 4 bytes each | k-group 1 ... | next panel
 */
export const i8Gemm = {
  /**
   * Weights [cout][runs][length] -> panels. k-groups do not straddle runs, since a convolution reads each from another
   * place.
   */
  i8_gemm_pack: { args: { cout: "int", runs: "int", length: "int", ...packing }, binary: "run" },
  /** y[n][cout] i32 = bias + sum over k of (x - zero) * weight. */
  i8_gemm: { args: product, binary: "run", overRead: 4 },
  /** The same, requantized: y stored = clamp(round(i8_gemm * scale) + zero, qmin, qmax). */
  i8_gemm_requantize: { args: { ...product, ...clamped }, binary: "run", overRead: 4 },
  /**
   * The same with a quantization found at run time: y f32 = acc * chosen scale * scale[output] + bias[output]. `weight`
   * is packed with bias 0 and zero -127, so that its first words hold minus the sums of weights; `chosen`: one entry of
   * i8_choose for each row.
   */
  i8_gemm_dynamic: { args: { ...product, ...dynamic }, binary: "run", overRead: 32 },
} as const satisfies Rows;
