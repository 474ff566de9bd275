/** Slow twins of assembly/i8-reduce.ts, on int8. */
import { halfEven } from "../../base/rounding.ts";
import { clamp } from "./stored.ts";

/** x [outer][length][inner] -> [outer][inner]. */
export function i8_mean(
  x: Int8Array,
  { outer, length, inner }: { outer: number; length: number; inner: number },
  scale: number,
  offset: number,
): Int8Array {
  return Int8Array.from({ length: outer * inner }, (_, i) => {
    const first = Math.floor(i / inner) * length * inner + (i % inner);
    let sum = 0;
    for (let k = 0; k < length; k++) sum += x[first + k * inner]!;
    return averaged(sum, scale, offset);
  });
}

/** round(f32(f32(f32(sum) * scale) + offset)), half to even, clamped. */
export const averaged = (sum: number, scale: number, offset: number): number =>
  clamp(halfEven(Math.fround(Math.fround(Math.fround(sum) * scale) + offset)), -128, 127);
