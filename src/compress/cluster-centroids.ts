/** The values that clusters begin with: a few numbers for many weights. */
import { log } from "../base/math.ts";
import { Random } from "../base/random.ts";
import { halfEven } from "../base/rounding.ts";
import { Clusters } from "./cluster-optimal.ts";
import { Philox } from "./philox.ts";

/** The method that finds the first values of a codebook. */
export type CentroidInit = "optimal" | "kmeans++" | "density" | "linear" | "random";

export const CENTROID_INITS: readonly CentroidInit[] = ["optimal", "kmeans++", "density", "linear", "random"];

export interface CentroidOptions {
  init: CentroidInit;
  /** 0 is one of the values. */
  zero: boolean;
  seed: number;
}

const f = Math.fround;

/** Values for weights, of which there is one at least: at most `count`. */
type Finder = (weights: Float32Array, count: number, how: { zero: boolean; seed: number }) => ArrayLike<number>;

const FINDERS: Record<Exclude<CentroidInit, "optimal">, Finder> = { "kmeans++": spread, density, linear, random };

/**
 * Values for `weights`, least first, `count` of them; where fewer are enough, the last is repeated. With `zero` there
 * is a 0 beside them, which is not among those returned: negative and positive weights get values of their own, in
 * proportion to how many they are, as in tfmot; "optimal" finds the best proportion.
 */
export function centroids(weights: Float32Array, count: number, how: CentroidOptions): Float32Array {
  const found = how.zero ? sparseCentroids(weights, count, how) : plainCentroids(weights, count, how);
  const sorted = Float32Array.from(found).sort();
  return Float32Array.from({ length: count }, (_, i) => sorted[Math.min(i, sorted.length - 1)] ?? 0);
}

function plainCentroids(weights: Float32Array, count: number, how: CentroidOptions): ArrayLike<number> {
  if (!weights.length || count === 0) return [];
  if (how.init === "optimal") return new Clusters(weights).means(count);
  return FINDERS[how.init](weights, count, how);
}

function sparseCentroids(weights: Float32Array, count: number, how: CentroidOptions): ArrayLike<number> {
  if (how.init === "optimal") return new Sides(weights).means(count);
  const [negative, positive] = [weights.filter(w => w < 0), weights.filter(w => w > 0)];
  const share = negative.length / (negative.length + positive.length || 1);
  const below = halfEven(count * share);
  return [
    ...Array.from(plainCentroids(negative, below, how)),
    ...Array.from(plainCentroids(positive, count - below, how)),
  ];
}

/** Clusters of weights beside one around 0. */
class Sides {
  readonly #below: Clusters;
  /** Clusters of the positive weights, with the other sign. */
  readonly #above: Clusters;

  constructor(weights: Float32Array) {
    this.#below = new Clusters(
      weights.filter(w => w < 0),
      true,
    );
    this.#above = new Clusters(
      weights.filter(w => w > 0).map(w => -w),
      true,
    );
  }

  /** Splits `count` clusters into those of the negative weights and the others, with the least error. */
  #best(count: number): { split: number; error: number } {
    let best = { split: 0, error: Infinity };
    for (let split = 0; split <= count; split++) {
      const error = this.#below.error(split) + this.#above.error(count - split);
      if (error < best.error) best = { split, error };
    }
    return best;
  }

  error(count: number): number {
    return this.#best(count).error;
  }

  means(count: number): number[] {
    const { split } = this.#best(count);
    return [...this.#below.means(split), ...this.#above.means(count - split).map(w => -w)];
  }
}

/**
 * The least number of values, 0 among them where it is pinned, with which the optimal clusters of each row err by no
 * more than `budget` of the weights' sum of squares; `most` if none does.
 */
export function countWithin(
  rows: readonly Float32Array[],
  budget: number,
  { zero, least, most }: { zero: boolean; least: number; most: number },
): number {
  const sides = rows.map(row => (zero ? new Sides(row) : new Clusters(row)));
  const limit = budget * rows.reduce((sum, row) => sum + row.reduce((all, w) => all + w * w, 0), 0);
  for (let count = least; count < most; count++) {
    const error = sides.reduce((sum, side) => sum + side.error(zero ? count - 1 : count), 0);
    if (error <= limit) return count;
  }
  return most;
}

const least = (weights: Float32Array): number => weights.reduce((a, b) => Math.min(a, b));
const greatest = (weights: Float32Array): number => weights.reduce((a, b) => Math.max(a, b));

/** Equal steps from the least weight to the greatest. */
function linear(weights: Float32Array, count: number): Float32Array {
  return spaced(least(weights), greatest(weights), count);
}

/** `count` numbers in equal steps, in float32. */
function spaced(first: number, last: number, count: number): Float32Array {
  const step = f(f(last - first) / Math.max(1, count - 1));
  return Float32Array.from({ length: count }, (_, i) => (i && i === count - 1 ? last : f(first + f(step * i))));
}

/**
 * As many weights between neighbours: the points of a grid of 30, a little wider than the weights, at which the share
 * of weights that are not greater passes 1 %, ..., 100 % in equal steps.
 */
function density(weights: Float32Array, count: number, { zero }: { zero: boolean }): Float32Array {
  const [low, high] = [least(weights), greatest(weights)];
  // where 0 is a value of its own, the grid stays on one side of it
  const gap = zero ? Math.min(f(0.01), Math.min(Math.abs(low), Math.abs(high)) / 2) : f(0.01);
  const grid = spaced(f(low - gap), f(high + gap), 30);
  const sorted = weights.slice().sort();
  let below = 0;
  const shares = grid.map(x => {
    while (below < sorted.length && sorted[below]! <= x) below++;
    return below / sorted.length;
  });
  return spaced(f(0.01), 1, count).map(share => {
    const at = shares.findIndex(reached => reached > share);
    return grid[at < 0 ? 29 : at]!;
  });
}

/** Random numbers between the least weight and the greatest. */
function random(weights: Float32Array, count: number, { seed }: { seed: number }): Float32Array {
  const [low, high] = [least(weights), greatest(weights)];
  const numbers = new Random(seed).fork("centroids");
  return Float32Array.from({ length: count }, () => low + (high - low) * numbers.uniform());
}

/** Draws until a weight is found that is not chosen yet; after these, all are as near as can be. */
const DRAWS = 1000;

/**
 * k-means++ (D. Arthur and S. Vassilvitskii, 2007): weights far from those chosen are more likely the next, and of a
 * few drawn that is taken which leaves the least distances. The numbers drawn are those of TensorFlow's kernel.
 */
function spread(weights: Float32Array, count: number, { seed }: { seed: number }): ArrayLike<number> {
  const distinct = new Set(weights);
  if (distinct.size <= count) return [...distinct];
  const draws = new Philox(seed);
  const n = weights.length;
  const halves = weights.map(w => f(f(w * w) * 0.5));
  let distances: Float32Array = new Float32Array(n).fill(Infinity);
  const sums = new Float32Array(n);
  const chosen = new Set<number>();
  const draw = (): number => {
    if (!chosen.size) return draws.integer(n);
    for (let i = 0; i < DRAWS; i++) {
      const mark = f(draws.uniform() * sums[n - 1]!);
      const index = sums.findIndex(sum => sum > mark);
      if (index >= 0 && !chosen.has(index)) return index;
    }
    // numbers so close that their distances round to nothing
    return weights.findIndex((w, i) => !chosen.has(i) && ![...chosen].some(other => weights[other] === w));
  };
  const beside = (index: number): Float32Array =>
    distances.map((known, i) => Math.min(known, f(f(halves[i]! - f(weights[i]! * weights[index]!)) + halves[index]!)));
  const tries = 3 + Math.floor(log(count));
  while (chosen.size < count) {
    if (chosen.size) distances.reduce((sum, d, i) => (sums[i] = f(sum + d)), 0);
    let best = { index: 0, left: Infinity, distances };
    for (let i = 0; i < tries; i++) {
      const index = draw();
      const now = beside(index);
      const left = f(now.reduce((sum, d) => sum + d, 0));
      if (left < best.left) best = { index, left, distances: now };
    }
    chosen.add(best.index);
    distances = best.distances;
  }
  return [...chosen].map(index => weights[index]!);
}
