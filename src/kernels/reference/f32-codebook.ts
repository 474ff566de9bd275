/** Twins of the codebook kernels, for one row. */

const f = Math.fround;

/**
 * Finds the index of the value nearest to a weight, by the midpoints between values in order: the smaller one at a
 * midpoint. With `zero` 0 is a value too, of index -1, and that of 0 itself.
 */
export function nearestOf(values: ArrayLike<number>, zero: boolean): (x: number) => number {
  const order = Array.from(values, (v, index) => ({ v: f(v), index }));
  if (zero) order.push({ v: 0, index: -1 });
  order.sort((a, b) => a.v - b.v);
  const midpoints = order.slice(1).map(({ v: high }, i) => {
    const low = order[i]!.v;
    const middle = f(0.5 * f(low + high));
    // where half of the least number below 0 rounds to 0, 0 is nearer to what is above
    return middle === 0 && low < 0 ? low : middle;
  });
  return x => {
    const weight = f(x);
    let at = 0;
    for (let to = midpoints.length; at < to; ) {
      const middle = (at + to) >> 1;
      if (weight > midpoints[middle]!) at = middle + 1;
      else to = middle;
    }
    return order[at]!.index;
  };
}

/** The values nearest to x, and their indices. */
export function f32_codebook(
  x: ArrayLike<number>,
  values: ArrayLike<number>,
  zero: boolean,
): { y: Float32Array; index: Int32Array } {
  const index = Int32Array.from(x, nearestOf(values, zero));
  return { y: Float32Array.from(index, i => (i < 0 ? 0 : values[i]!)), index };
}

/** Sums of dy over the members of each of k values, or their means. */
export function f32_codebook_gradient(
  dy: ArrayLike<number>,
  index: ArrayLike<number>,
  k: number,
  mean: boolean,
): Float32Array {
  const sums = new Float32Array(k);
  const counts = new Int32Array(k);
  for (let i = 0; i < index.length; i++) {
    const at = index[i]!;
    if (at < 0) continue;
    sums[at]! += dy[i]!;
    counts[at]!++;
  }
  return mean ? sums.map((sum, i) => (counts[i]! > 1 ? sum / counts[i]! : sum)) : sums;
}
