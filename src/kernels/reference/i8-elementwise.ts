/** Slow twins of assembly/i8-elementwise.ts, on int8. */
import type { Addition } from "../i8/addition.ts";
import { clamp, requantized } from "./stored.ts";

/** XNNPACK's qs8-vadd. */
export function i8_add(
  a: Int8Array,
  b: Int8Array,
  { ma, mb, bias, shift }: Addition,
  { zero, qmin, qmax }: { zero: number; qmin: number; qmax: number },
): Int8Array {
  return a.map((_, i) => {
    const sum = bias + (a[i]! + 128) * ma + (b[i]! + 128) * mb;
    return clamp((sum >> shift) + zero, qmin, qmax);
  });
}

/** XNNPACK's qs8-vmul. */
export function i8_mul(
  a: Int8Array,
  b: Int8Array,
  [za, zb]: readonly [number, number],
  scale: number,
  { zero, qmin, qmax }: { zero: number; qmin: number; qmax: number },
): Int8Array {
  return a.map((_, i) => requantized((a[i]! - za) * (b[i]! - zb), scale, zero, qmin, qmax));
}

export const i8_min = (a: Int8Array, b: Int8Array): Int8Array => a.map((q, i) => Math.min(q, b[i]!));

export const i8_max = (a: Int8Array, b: Int8Array): Int8Array => a.map((q, i) => Math.max(q, b[i]!));

/** TFLite's int8 softmax of one row: exponentials from a table by the distance to the largest. */
export function i8_softmax(x: Int8Array, table: Float32Array, scale: number, zero: number): Int8Array {
  const largest = Math.max(...x);
  const sum = x.reduce((total, q) => Math.fround(total + table[largest - q]!), 0);
  const steps = Math.fround(1 / Math.fround(sum * Math.fround(scale)));
  return x.map(q => clamp(Math.floor(Math.fround(table[largest - q]! * steps) + 0.5) + zero, -128, 127));
}
