/** Slow twins of assembly/i8-reduce.ts, on int8. */
import { requantized } from "./stored.ts";

/** x [outer][length][inner] -> [outer][inner]. */
export function i8_mean(
  x: Int8Array,
  { outer, length, inner }: { outer: number; length: number; inner: number },
  scale: number,
  [from, to]: readonly [number, number],
): Int8Array {
  return Int8Array.from({ length: outer * inner }, (_, i) => {
    const first = Math.floor(i / inner) * length * inner + (i % inner);
    let sum = 0;
    for (let k = 0; k < length; k++) sum += x[first + k * inner]! - from;
    return requantized(sum, scale, to, -128, 127);
  });
}
