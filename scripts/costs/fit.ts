/** Costs from measurements. */
import type { Work } from "../../src/kernels/cost/cheapest.ts";

export interface Sample {
  readonly work: Work;
  readonly nanoseconds: number;
}

const estimate = (costs: readonly number[], work: Work): number =>
  costs.reduce((sum, cost, kind) => sum + cost * work[kind]!, 0);

/** Errors smaller than this count as this much, so that none of them weighs all. */
const SMALL = 0.01;

/**
 * The costs, none below 0, with the least sum of relative errors: least squares by coordinate descent, again and again
 * with weights of one over the last errors, so that a measurement that was disturbed does not count.
 */
export function fitCosts(samples: readonly Sample[]): number[] {
  const kinds = samples[0]!.work.length;
  const rows = samples.map(({ work, nanoseconds }) => work.map(amount => amount / nanoseconds));
  const costs = new Array<number>(kinds).fill(0);
  let weights = rows.map(() => 1);
  for (let pass = 0; pass < 40; pass++) {
    for (let turn = 0; turn < 400; turn++)
      for (let kind = 0; kind < kinds; kind++) {
        let [product, square] = [0, 0];
        rows.forEach((row, i) => {
          product += weights[i]! * row[kind]! * (1 - estimate(costs, row) + costs[kind]! * row[kind]!);
          square += weights[i]! * row[kind]! ** 2;
        });
        costs[kind] = square && Math.max(0, product / square);
      }
    weights = rows.map(row => 1 / Math.max(SMALL, Math.abs(1 - estimate(costs, row))));
  }
  return costs.map(cost => Number(cost.toPrecision(2)));
}

/** The mean of |estimate / measurement - 1|. */
export const miss = (costs: readonly number[], samples: readonly Sample[]): number =>
  samples.reduce((sum, { work, nanoseconds }) => sum + Math.abs(estimate(costs, work) / nanoseconds - 1), 0) /
  samples.length;
