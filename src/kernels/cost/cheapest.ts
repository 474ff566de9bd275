/**
 * The choice between algorithms that compute the same, by committed costs. Nothing is timed when a network is loaded: a
 * choice depends on shapes, and for int8 on the variant.
 *
 * A family of algorithms has three things:
 * - its table, plain numbers in a file of this folder: the cost of a unit of each kind of work, for each algorithm;
 * - for each algorithm a function from shapes to its amounts of work, or undefined where it cannot run, beside the byte
 *   counts of its kernels;
 * - a call of `cheapest` where the op is lowered, with the work of each.
 *
 * A table of int8 has a row for each variant, because int8 is exact. A table of f32 has one for both: there algorithms
 * differ in their roundings, and one seed gives the same bytes everywhere.
 *
 * `npm run costs` measures the families of `scripts/costs/families.ts` and fits their tables.
 */

/** Amounts of each kind of work, in the order of the algorithm's costs. */
export type Work = readonly number[];

/** The cost of a unit of each kind of work, by algorithm. An algorithm that is missing cannot run. */
export type Costs<Algorithm extends string> = { readonly [A in Algorithm]?: readonly number[] };

/** The amounts of work of each algorithm, undefined where it cannot run. */
export type Works<Algorithm extends string> = { readonly [A in Algorithm]?: Work | undefined };

/** The cheapest of the algorithms that have both costs and work, the first of equals; undefined where there is none. */
export function cheapest<Algorithm extends string>(
  costs: Costs<Algorithm>,
  works: Works<Algorithm>,
): Algorithm | undefined {
  let best: Algorithm | undefined;
  let least = Infinity;
  for (const algorithm in costs) {
    const cost = works[algorithm]?.reduce((sum, amount, kind) => sum + amount * costs[algorithm]![kind]!, 0);
    if (cost! < least) {
      best = algorithm;
      least = cost!;
    }
  }
  return best;
}
