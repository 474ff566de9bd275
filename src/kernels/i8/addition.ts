/** The fixed-point parameters of int8 sums. */
import { halfEven } from "../../base/rounding.ts";

/** The numbers of `i8_add`. */
export interface Addition {
  readonly ma: number;
  readonly mb: number;
  readonly bias: number;
  readonly shift: number;
}

interface Affine {
  readonly scale: number;
  readonly zero: number;
}

/**
 * XNNPACK's parameters of qs8-vadd: multipliers of at most 21 bits with one shift, for operands stored as q + 128. A
 * negative `sign` subtracts. Undefined where a scale is more than 2^8 times, or both less than 2^-10 times, the
 * result's.
 */
export function addition(a: Affine, b: Affine, y: Affine, sign: 1 | -1 = 1): Addition | undefined {
  const ratio = (x: Affine) => Math.fround(Math.fround(x.scale) / Math.fround(y.scale));
  const larger = Math.max(ratio(a), ratio(b));
  if (!(larger >= 2 ** -10 && larger < 2 ** 8)) return undefined;
  // the larger ratio becomes a number in 2^20 .. 2^21
  let shift = 12;
  while (larger * (1 << shift) < 2 ** 20) shift++;
  const ma = halfEven(ratio(a) * (1 << shift));
  const mb = sign * halfEven(ratio(b) * (1 << shift));
  return { ma, mb, shift, bias: (1 << (shift - 1)) - (a.zero + 128) * ma - (b.zero + 128) * mb };
}
