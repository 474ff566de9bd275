/** Twins of the codebook kernels, for one row. */

const f = Math.fround;

/** The index of the value nearest to x; of two as near the first. With `zero`, 0 comes before all and is -1. */
export function nearest(x: number, values: ArrayLike<number>, zero: boolean): number {
  let index = zero ? -1 : 0;
  let least = Math.abs(zero ? f(x) : f(f(x) - f(values[0]!)));
  for (let i = zero ? 0 : 1; i < values.length; i++) {
    const distance = Math.abs(f(f(x) - f(values[i]!)));
    if (distance < least) [least, index] = [distance, i];
  }
  return index;
}

/** The value nearest to x. */
export function f32_codebook(x: number, values: ArrayLike<number>, zero: boolean): number {
  const index = nearest(x, values, zero);
  return index < 0 ? 0 : f(values[index]!);
}

/** Sums of dy over the members of each value, or their means. */
export function f32_codebook_gradient(
  dy: ArrayLike<number>,
  x: ArrayLike<number>,
  values: ArrayLike<number>,
  { zero, mean }: { zero: boolean; mean: boolean },
): Float32Array {
  const sums = new Float32Array(values.length);
  const counts = new Float32Array(values.length);
  for (let i = 0; i < x.length; i++) {
    const index = nearest(x[i]!, values, zero);
    if (index < 0) continue;
    sums[index]! += dy[i]!;
    counts[index]!++;
  }
  return mean ? sums.map((sum, i) => (counts[i]! > 1 ? sum / counts[i]! : sum)) : sums;
}
