/** IEEE 754 half precision: 1 bit of sign, 5 of exponent, 10 of mantissa. */
import { halfEven } from "./rounding.ts";

/** The greatest finite number. */
export const MAX_FLOAT16 = 65504;

/** The 16 bits of the number that these bits are in float32; -1 if float16 does not have it, or it is not finite. */
export function narrowFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 255;
  const mantissa = bits & 0x7fffff;
  const cut = (all: number, lost: number): number => (all & ((1 << lost) - 1) ? -1 : sign | (all >>> lost));
  if (!exponent && !mantissa) return sign;
  if (exponent >= 113 && exponent <= 142) return cut(((exponent - 112) << 23) | mantissa, 13);
  return exponent >= 103 && exponent < 113 ? cut(0x800000 | mantissa, 126 - exponent) : -1;
}

/** The nearest number that float16 has, of two as near the even one; beyond `MAX_FLOAT16` without a limit. */
export function roundToFloat16(x: number): number {
  const size = Math.abs(x);
  if (!(size < Infinity)) return x;
  // the distance between neighbours: 2^-24 below 2^-14, then 2^-10 of the power of two below
  let step = 2 ** -24;
  while (size >= step * 2048) step *= 2;
  return halfEven(x / step) * step;
}
