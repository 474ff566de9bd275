/**
 * Arithmetic of the slow twins of the int8 kernels. A twin takes its kernel's arguments, with a typed array in place of
 * each address; strides are in bytes as in the kernel. `Stored` holds q + 128, bytes in the relaxed kernels and 16-bit
 * words in the plain ones.
 */
import { halfEven } from "../../base/rounding.ts";

export type Stored = Uint8Array | Int16Array;

export const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

/** round(f32(f32(acc) * scale)) + zero, clamped: XNNPACK's fp32 requantization. */
export function requantized(acc: number, scale: number, zero: number, qmin: number, qmax: number): number {
  return clamp(halfEven(Math.fround(Math.fround(acc) * Math.fround(scale))) + zero, qmin, qmax);
}

/** Elements in `bytes` bytes of an array. */
export const elements = (array: { BYTES_PER_ELEMENT: number }, bytes: number): number =>
  bytes / array.BYTES_PER_ELEMENT;
