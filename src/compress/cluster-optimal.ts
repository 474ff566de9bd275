/**
 * Optimal clusters of numbers: those whose squared distances from their means are least in sum. On a line they are
 * intervals, so that dynamic programming finds them: the best k clusters of the first i numbers are the best k - 1 of
 * the first j, and the rest, for some j that never falls as i grows (H. Wang and M. Song, "Ckmeans.1d.dp", 2011; the
 * search by halves is O(k n log n)).
 */

/**
 * The most numbers that are clustered exactly. More are binned into so many equal steps of the range, by their means.
 */
const EXACT = 65536;

/** Distinct numbers in order, and how often each occurs. */
interface Counted {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

function counted(numbers: ArrayLike<number>): Counted {
  const sorted = Float64Array.from(numbers).sort();
  const values: number[] = [];
  const counts: number[] = [];
  const width = sorted.length > EXACT ? (sorted.at(-1)! - sorted[0]!) / EXACT : 0;
  // of a step of the range, its first number and the sum of all
  let first = Number.NEGATIVE_INFINITY;
  for (const v of sorted) {
    const last = values.length - 1;
    if (last >= 0 && (v === first || v - first < width)) {
      values[last]! += (v - values[last]!) / ++counts[last]!;
      continue;
    }
    first = v;
    values.push(v);
    counts.push(1);
  }
  return { values: Float64Array.from(values), counts: Float64Array.from(counts) };
}

/** The best clusters of some numbers, for every number of clusters, found as they are asked for. */
export class Clusters {
  /** The count of distinct numbers: with as many clusters nothing is lost. */
  readonly distinct: number;
  readonly #beside: boolean;
  readonly #values: Float64Array;
  /** Sums over the numbers before each: how many, and of the numbers and their squares, from `#center`. */
  readonly #count: Float64Array;
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  readonly #center: number;
  /** Sums of squares, from 0, of the numbers from each to the last. */
  readonly #tail: Float64Array;
  /**
   * By the number of clusters k: the least error of the first i numbers, and where the last of their clusters begins.
   */
  readonly #errors: Float64Array[];
  readonly #begins: Int32Array[] = [new Int32Array(0)];

  /** `besideZero`: the numbers are not greater than 0, and a cluster around 0 takes the last of them besides. */
  constructor(numbers: ArrayLike<number>, besideZero = false) {
    const { values, counts } = counted(numbers);
    const n = values.length;
    this.distinct = n;
    this.#values = values;
    this.#beside = besideZero;
    const sums = () => new Float64Array(n + 1);
    [this.#count, this.#sum, this.#squares, this.#tail] = [sums(), sums(), sums(), sums()];
    this.#center = n ? values[n >> 1]! : 0;
    for (let i = 0; i < n; i++) {
      const [v, count] = [values[i]! - this.#center, counts[i]!];
      this.#count[i + 1] = this.#count[i]! + count;
      this.#sum[i + 1] = this.#sum[i]! + count * v;
      this.#squares[i + 1] = this.#squares[i]! + count * v * v;
    }
    for (let i = n - 1; i >= 0; i--) this.#tail[i] = this.#tail[i + 1]! + counts[i]! * values[i]! ** 2;
    this.#errors = [sums().fill(Infinity, 1)];
  }

  /** The sum of squared errors with k clusters. */
  error(k: number): number {
    return this.#end(this.#within(k)).error;
  }

  /** The means of k clusters, least first; fewer where there are fewer numbers. */
  means(k: number): number[] {
    let clusters = this.#within(k);
    let { end } = this.#end(clusters);
    const means: number[] = [];
    for (; clusters > 0; clusters--) {
      const begin = this.#begins[clusters]![end]!;
      // one number is itself, without rounding
      const mean =
        begin + 1 === end
          ? this.#values[begin]!
          : this.#center + (this.#sum[end]! - this.#sum[begin]!) / (this.#count[end]! - this.#count[begin]!);
      means.push(mean);
      end = begin;
    }
    return means.reverse();
  }

  #within(k: number): number {
    const clusters = Math.min(k, this.distinct);
    for (let known = this.#errors.length; known <= clusters; known++) this.#extend(known);
    return clusters;
  }

  /** The number behind those of the k clusters: the first of the cluster around 0, if there is one. */
  #end(k: number): { end: number; error: number } {
    const errors = this.#errors[k]!;
    if (!this.#beside) return { end: this.distinct, error: errors[this.distinct]! };
    let best = { end: k, error: Infinity };
    for (let end = k; end <= this.distinct; end++) {
      const error = errors[end]! + this.#tail[end]!;
      if (error < best.error) best = { end, error };
    }
    return best;
  }

  /** The squared errors of the numbers from `begin` up to `end` around their mean. */
  #spread(begin: number, end: number): number {
    const sum = this.#sum[end]! - this.#sum[begin]!;
    const squares = this.#squares[end]! - this.#squares[begin]!;
    return Math.max(0, squares - (sum * sum) / (this.#count[end]! - this.#count[begin]!));
  }

  /** Finds the best k clusters of the first i numbers, for all i, from the best k - 1. */
  #extend(k: number): void {
    const before = this.#errors[k - 1]!;
    const errors = new Float64Array(this.distinct + 1).fill(Infinity);
    const begins = new Int32Array(this.distinct + 1);
    const search = (from: number, to: number, least: number, most: number): void => {
      if (from > to) return;
      const i = (from + to) >> 1;
      let best = least;
      for (let begin = least; begin <= Math.min(most, i - 1); begin++) {
        const error = before[begin]! + this.#spread(begin, i);
        if (error < errors[i]!) {
          errors[i] = error;
          best = begin;
        }
      }
      begins[i] = best;
      search(from, i - 1, least, best);
      search(i + 1, to, best, most);
    };
    search(k, this.distinct, k - 1, this.distinct - 1);
    this.#errors.push(errors);
    this.#begins.push(begins);
  }
}
