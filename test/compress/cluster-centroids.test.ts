/** The first values of codebooks: tfmot's, and the best there are. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CENTROID_INITS, type CentroidInit, centroids, countWithin } from "../../src/compress/cluster-centroids.ts";
import { Clusters } from "../../src/compress/cluster-optimal.ts";
import { Philox } from "../../src/compress/philox.ts";
import { noise } from "../kernels/harness.ts";

interface Tensor {
  shape: number[];
  data: number[];
}
interface Vector {
  clusters: number;
  init: "LINEAR" | "DENSITY_BASED" | "KMEANS_PLUS_PLUS";
  preserveSparsity: boolean;
  perChannel: boolean;
  weights: Tensor;
  centroids?: Tensor;
  clustered: Tensor;
}
const vectors: Record<string, Vector> = JSON.parse(readFileSync("test/vectors/tfmot/clustering.json", "utf8"));
const INITS = { LINEAR: "linear", DENSITY_BASED: "density", KMEANS_PLUS_PLUS: "kmeans++" } as const;

describe.each(Object.entries(vectors))("tfmot %s", (_, vector) => {
  const { weights, clusters, init, preserveSparsity: zero, perChannel } = vector;
  const channels = perChannel ? weights.shape.at(-1)! : 1;
  const of = ({ data }: Tensor, channel: number) => Float32Array.from(data).filter((_, i) => i % channels === channel);

  test("centroids: those of tfmot, and 0 where it is pinned", () => {
    for (let channel = 0; channel < channels; channel++) {
      const count = clusters - Number(zero);
      const found = centroids(of(weights, channel), count, { init: INITS[init], zero, seed: 9 });
      const own = vector.centroids?.data.slice(channel * clusters, (channel + 1) * clusters);
      const expected = own ?? [...new Set(of(vector.clustered, channel))];
      const all = [...found, ...(zero ? [0] : [])].sort((a, b) => a - b);
      expect(all.length).toBe(expected.length);
      [...expected].sort((a, b) => a - b).forEach((c, i) => expect(all[i]).toBeCloseTo(c, 5));
    }
  });
});

/** The least sum of squared errors of `count` clusters, by trying all intervals. */
function leastError(sorted: readonly number[], count: number): number {
  if (!sorted.length) return 0;
  if (!count) return Infinity;
  let best = Infinity;
  for (let end = 1; end <= sorted.length; end++) {
    const some = sorted.slice(0, end);
    const mean = some.reduce((a, b) => a + b, 0) / end;
    const error = some.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    best = Math.min(best, error + leastError(sorted.slice(end), count - 1));
  }
  return best;
}

const errorOf = (weights: ArrayLike<number>, values: ArrayLike<number>): number =>
  Array.from(weights).reduce((sum, w) => sum + Math.min(...Array.from(values, c => (w - c) ** 2)), 0);

const some = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 9 });

test("Clusters: no intervals have a smaller error, and the means are theirs", () => {
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 4 }), (numbers, count) => {
      const sorted = Array.from(Float32Array.from(numbers)).sort((a, b) => a - b);
      const clusters = new Clusters(sorted);
      const expected = leastError(sorted, count);
      expect(clusters.error(count)).toBeCloseTo(expected, 6);
      expect(errorOf(sorted, clusters.means(count))).toBeCloseTo(expected, 6);
    }),
  );
});

test("Clusters beside zero: no values beside 0 have a smaller error", () => {
  fc.assert(
    fc.property(some, fc.integer({ min: 0, max: 3 }), (numbers, count) => {
      const weights = Float32Array.from(numbers);
      const found = centroids(weights, count, { init: "optimal", zero: true, seed: 0 });
      // all splits into negative, around zero, positive: the smallest over all intervals of each side
      const below = [...weights].filter(w => w < 0).sort((a, b) => a - b);
      const above = [...weights].filter(w => w > 0).sort((a, b) => a - b);
      let best = Infinity;
      for (let split = 0; split <= count; split++)
        for (let i = 0; i <= below.length; i++)
          for (let j = 0; j <= above.length; j++) {
            const around = [...below.slice(i), ...above.slice(0, j)].reduce((sum, w) => sum + w * w, 0);
            const outer = leastError(below.slice(0, i), split) + leastError(above.slice(j), count - split);
            best = Math.min(best, around + outer);
          }
      expect(errorOf(weights, [...found, 0])).toBeCloseTo(best, 5);
    }),
    { numRuns: 40 },
  );
});

test("Clusters of many numbers are found in time, and are better than those of k-means++", () => {
  const weights = noise(100_000, 3).map(v => v * v * v);
  const best = errorOf(weights, centroids(weights, 16, { init: "optimal", zero: false, seed: 9 }));
  for (const init of ["kmeans++", "linear", "density", "random"] as const)
    expect(errorOf(weights, centroids(weights, 16, { init, zero: false, seed: 9 }))).toBeGreaterThan(best);
});

test.each(CENTROID_INITS)("centroids by %s: as many as asked for, in order, also of few or equal weights", init => {
  for (const zero of [false, true])
    for (const weights of [[0.5], [1, 1, 1], [0, 0], [-1, 2], [1, 1 + 2 ** -23, 1 + 2 ** -22, 1 + 2 ** -21, 3]]) {
      const found = centroids(Float32Array.from(weights), 4, { init, zero, seed: 3 });
      expect(found.length).toBe(4);
      expect([...found]).toEqual([...found].sort((a, b) => a - b));
      expect(found.every(Number.isFinite)).toBe(true);
      if (!zero && weights.length < 4 && (init === "optimal" || init === "kmeans++"))
        expect(new Set(found)).toEqual(new Set(Float32Array.from(weights)));
    }
});

test("centroids: random values follow the seed and lie between the weights", () => {
  const of = (seed: number, init: CentroidInit) => centroids(noise(50), 6, { init, zero: false, seed });
  for (const init of ["random", "kmeans++"] as const) {
    expect(of(1, init)).toEqual(of(1, init));
    expect(of(1, init)).not.toEqual(of(2, init));
  }
  for (const c of of(1, "random")) expect(Math.abs(c)).toBeLessThanOrEqual(1);
});

test("countWithin: the least number of clusters whose error is within the budget", () => {
  const rows = [noise(200, 1), noise(200, 2)];
  const squares = rows.reduce((sum, row) => sum + errorOf(row, [0]), 0);
  for (const zero of [false, true]) {
    const count = countWithin(rows, 0.01, { zero, least: 2, most: 256 });
    const error = (k: number) =>
      rows.reduce((sum, row) => {
        const values = centroids(row, k - Number(zero), { init: "optimal", zero, seed: 0 });
        return sum + errorOf(row, [...values, ...(zero ? [0] : [])]);
      }, 0) / squares;
    expect(error(count)).toBeLessThanOrEqual(0.01);
    expect(error(count - 1)).toBeGreaterThan(0.01);
  }
  expect(countWithin(rows, 0, { zero: false, least: 2, most: 16 })).toBe(16);
});

test("Philox: the known answer of ten rounds", () => {
  // Random123's test of philox4x32-10 with counter 0 and key 0
  const words = new Philox(0);
  expect(Array.from({ length: 4 }, () => words.word())).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
});
