/** Turns scores into masks: how many units stay, and which, whatever the scores mean. */
import { number, oneOf, wrongType, wrongValue } from "../base/errors.ts";
import {
  checkGranularity,
  checkPooling,
  type Granularity,
  isPattern,
  type Pattern,
  type Pooling,
  type Units,
  unitsOf,
} from "./granularity.ts";
import type { MaskedWeight } from "./masks.ts";

/**
 * Which weights compete with each other: those of one kernel, of all, or of the layers of each list (a layer that is in
 * no list is by itself).
 */
export type Scope = "layer" | "global" | readonly (readonly string[])[];

export interface SelectionOptions {
  scope?: Scope | undefined;
  granularity?: Granularity | undefined;
  pooling?: Pooling | undefined;
  /** Units stay whose score is at least this, however many they are. */
  threshold?: number | undefined;
}

/** Scores of all weights of a kernel, and its units. */
interface Scored {
  readonly scores: ArrayLike<number>;
  readonly units: Units;
}

/** Chooses the masks of a list of weights. */
export interface Selection {
  /** The greatest sparsity that leaves what has to stay; undefined: any. */
  readonly most?: number;
  /** Returns a mask for each weight, from its scores. `sparsity` is the share that becomes zero. */
  choose(scores: readonly ArrayLike<number>[], sparsity: number): Float32Array[];
}

/**
 * Makes the selection for the weights of a model.
 * Errors: TypeError or RangeError for a wrong option; RangeError where units do not fit a layer, which it names.
 */
export function selectionOf(weights: readonly MaskedWeight[], options: SelectionOptions = {}): Selection {
  const { scope = "layer", granularity = "element", pooling = "mean", threshold } = options;
  checkGranularity(granularity);
  checkPooling(pooling);
  if (options.pooling !== undefined && (granularity === "element" || isPattern(granularity)))
    throw wrongType("pooling", "nothing where single weights are pruned", options.pooling);
  const pools = poolsOf(scope, weights);
  const units = weights.map(({ layer, shape }) => unitsOf(granularity, shape, pooling, layer));
  if (threshold !== undefined) {
    number("threshold", threshold, { min: 0 });
    if (options.scope !== undefined) throw wrongType("scope", "nothing beside a threshold", options.scope);
    if (isPattern(granularity)) throw wrongType("threshold", "nothing beside { n, m }", threshold);
    return { choose: scores => scores.map((each, i) => reaching({ scores: each, units: units[i]! }, threshold)) };
  }
  const most = isPattern(granularity) ? { most: 1 - granularity.n / granularity.m } : {};
  return { ...most, ...byShare(units, pools) };
}

/** Prunes the share that is asked for, in each pool of kernels. Default: each kernel by itself. */
export const byShare = (
  units: readonly Units[],
  pools: readonly (readonly number[])[] = units.map((_, i) => [i]),
): Selection => ({
  choose(scores, sparsity) {
    const masks: Float32Array[] = new Array(units.length);
    for (const pool of pools) {
      const scored = pool.map(i => ({ scores: scores[i]!, units: units[i]! }));
      chooseUnits(scored, sparsity).forEach((mask, k) => {
        masks[pool[k]!] = mask;
      });
    }
    return masks;
  },
});

/** Chooses what the units' pattern lets stay, whatever the sparsity, and all units of kernels without one. */
export const byPattern = (units: readonly Units[]): Selection => ({
  choose: scores =>
    scores.map((each, i) => {
      const { pattern } = units[i]!;
      const stays = new Float32Array(each.length);
      if (!pattern) return stays.fill(1);
      for (const at of protectedBy(pattern, each)) stays[at] = 1;
      return stays;
    }),
});

/** The places of weights that compete with each other, in lists. */
function poolsOf(scope: Scope, weights: readonly MaskedWeight[]): number[][] {
  const all = weights.map((_, i) => i);
  if (!Array.isArray(scope)) {
    oneOf("scope", scope, ["layer", "global"]);
    return scope === "global" && all.length ? [all] : all.map(i => [i]);
  }
  const names = [...new Set(weights.map(w => w.layer))];
  const of = new Map<string, number>();
  scope.forEach((list: unknown, k) => {
    if (!Array.isArray(list)) throw wrongType(`scope[${k}]`, "a list of names of layers", list);
    for (const name of list) {
      if (!names.includes(name)) throw wrongValue(`scope[${k}]`, `layers that are pruned (${names.join(", ")})`, name);
      if (of.has(name)) throw wrongValue(`scope[${k}]`, "layers that are in no other list", name);
      of.set(name, k);
    }
  });
  const lists = scope.map((_, k) => all.filter(i => of.get(weights[i]!.layer) === k)).filter(list => list.length);
  return [...lists, ...all.filter(i => !of.has(weights[i]!.layer)).map(i => [i])];
}

/** Returns the score of each unit. */
function pooled({ scores, units }: Scored): Float64Array {
  const { count, of, pooling } = units;
  if (!of) return Float64Array.from(scores);
  const places = units.scoredIn ?? of;
  const result = new Float64Array(count).fill(pooling === "max" ? -Infinity : 0);
  const sizes = new Int32Array(count);
  for (let i = 0; i < places.length; i++) {
    const at = places[i]!;
    if (pooling === "max") result[at] = Math.max(result[at]!, scores[i]!);
    else result[at]! += scores[i]!;
    sizes[at]!++;
  }
  return pooling === "max" ? result : result.map((sum, at) => sum / sizes[at]!);
}

/** Returns ones at the weights of the units that stay. */
function masked({ of }: Units, weights: number, stays: ArrayLike<number>): Float32Array {
  const mask = new Float32Array(weights);
  for (let i = 0; i < weights; i++) mask[i] = stays[of ? of[i]! : i]!;
  return mask;
}

/** The places of the `n` greatest scores of every `m`; among equals the first. */
function* protectedBy({ n, m, length }: Pattern, scores: ArrayLike<number>): Generator<number> {
  for (let row = 0; row < scores.length; row += length)
    for (let from = row; from < row + length; from += m) {
      const group = Array.from({ length: Math.min(m, row + length - from) }, (_, i) => from + i);
      yield* group.sort((a, b) => compare(scores[b]!, scores[a]!) || a - b).slice(0, n);
    }
}

/**
 * Prunes the units of the least scores. Each kernel keeps a unit at least. `sparsity` is a share of the units where all
 * have as many weights or there is one kernel, and else the share of weights which whole units come nearest to.
 */
function chooseUnits(pool: readonly Scored[], sparsity: number): Float32Array[] {
  const scores = pool.map(pooled);
  for (const [k, { scores: each, units }] of pool.entries()) {
    const own = scores[k]!;
    if (units.pattern) for (const at of protectedBy(units.pattern, each)) own[at] = Infinity;
    else if (pool.length > 1) own[own.indexOf(own.reduce((a, b) => Math.max(a, b)))] = Infinity;
  }
  const all = new Float64Array(scores.reduce((sum, s) => sum + s.length, 0));
  const sizes = new Int32Array(all.length);
  const starts: number[] = [];
  let from = 0;
  for (const [k, { scores: each, units }] of pool.entries()) {
    starts.push(from);
    all.set(scores[k]!, from);
    if (units.of) for (const unit of units.of) sizes[from + unit]!++;
    else sizes.fill(1, from, from + each.length);
    from += scores[k]!.length;
  }
  const alike = pool.length === 1 || sizes.every(n => n === sizes[0]);
  const stays = alike
    ? greatest(all, Math.max(least(all), keptWeights(all.length, sparsity)))
    : nearest(all, sizes, sparsity);
  return pool.map(({ scores: each, units }, k) =>
    masked(units, each.length, stays.subarray(starts[k]!, starts[k]! + units.count)),
  );
}

/** The number of units that have to stay. */
const least = (scores: Float64Array): number => scores.reduce((sum, score) => sum + (score === Infinity ? 1 : 0), 0);

/** Prunes units from the least score on, among equals from the last, until the zeros are as near as can be. */
function nearest(scores: Float64Array, sizes: Int32Array, sparsity: number): Float32Array {
  const weights = sizes.reduce((a, b) => a + b, 0);
  const wanted = weights - keptWeights(weights, sparsity);
  const stays = new Float32Array(scores.length).fill(1);
  const order = Array.from(scores, (_, i) => i).sort((a, b) => compare(scores[a]!, scores[b]!) || b - a);
  let zeros = 0;
  for (const i of order) {
    const more = zeros + sizes[i]!;
    if (scores[i] === Infinity || more - wanted > wanted - zeros) break;
    stays[i] = 0;
    zeros = more;
  }
  return stays;
}

/** -1, 0 or 1: the difference of two infinities would be no number. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** Returns ones at the `kept` greatest scores; among equals the first stay. */
export function greatest(scores: Float32Array | Float64Array, kept: number): Float32Array {
  const threshold = scores.slice().sort()[scores.length - kept]!;
  let equals = kept;
  for (const score of scores) if (score > threshold) equals--;
  const stays = new Float32Array(scores.length);
  scores.forEach((score, i) => {
    if (score > threshold || (score === threshold && equals-- > 0)) stays[i] = 1;
  });
  return stays;
}

/** Keeps the units whose score is at least `threshold`, and the greatest one whatever the threshold. */
function reaching(scored: Scored, threshold: number): Float32Array {
  const scores = pooled(scored);
  const stays = Float32Array.from(scores, score => (score >= threshold ? 1 : 0));
  return masked(scored.units, scored.scores.length, stays.includes(1) ? stays : greatest(scores, 1));
}

/**
 * The number of `count` units that stay: round(count (1 - sparsity)), half to even, at least one; in float32, as tfmot
 * computes it.
 */
export function keptWeights(count: number, sparsity: number): number {
  const exact = Math.fround(count * Math.fround(1 - Math.fround(sparsity)));
  const floor = Math.floor(exact);
  const rest = exact - floor;
  return Math.max(1, rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}
