/** Compares the scores of every criterion with numbers computed by hand, or from `Trainer.gradients`. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import {
  type Criterion,
  criterionOf,
  lamp,
  magnitude,
  movement,
  randomScores,
  scoresOf,
  snip,
  taylor,
  type WeightToScore,
} from "../../src/compress/criteria.ts";
import { Gathering } from "../../src/compress/gathering.ts";
import { addMasks } from "../../src/compress/masks.ts";
import { sparseCategoricalCrossentropy } from "../../src/train/losses.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { arrays, Trainer } from "../../src/train/trainer.ts";
import { corners, smallNetwork } from "../train/networks.ts";

const loss = sparseCategoricalCrossentropy({ fromLogits: true });

function weightOf(weights: number[], more: Partial<WeightToScore> = {}): WeightToScore {
  const mask = new Float32Array(weights.length).fill(1);
  return {
    name: "dense/kernel",
    layer: "dense",
    shape: [1, weights.length],
    weights: Float32Array.from(weights),
    mask,
    steps: 0,
    ...more,
  };
}

const scores = (criterion: Criterion, weight: WeightToScore) => [...Array.from(scoresOf(criterion, weight))];

describe("scoresOf", () => {
  test("magnitude is |w|, and 0 of a pruned weight", () => {
    const mask = Float32Array.of(1, 1, 0);
    expect(scores(magnitude, weightOf([-3, 0.5, 0], { mask }))).toEqual([3, 0.5, 0]);
  });

  test("lamp is w^2 by the sum of the squares that are not smaller", () => {
    expect(scores(lamp, weightOf([1, -2, 3, 2]))).toEqual([1 / 18, 4 / 13, 1, 4 / 17]);
    expect(scores(lamp, weightOf([0, 0]))).toEqual([0, 0]);
    // within one kernel it is the order of magnitudes, ties by index
    const random = new Random(1);
    const weights = Array.from({ length: 40 }, () => random.integer(9) - 4);
    const order = (by: number[]) => by.map((_, i) => i).sort((a, b) => by[b]! - by[a]! || a - b);
    const some = order(scores(lamp, weightOf(weights))).filter(i => weights[i]);
    expect(some).toEqual(order(weights.map(Math.abs)).filter(i => weights[i]));
  });

  test("random gives the same numbers for a seed and a weight's name, others for others", () => {
    const weight = weightOf([1, 2, 3]);
    expect(scores(randomScores(1), weight)).toEqual(scores(randomScores(1), weight));
    expect(scores(randomScores(2), weight)).not.toEqual(scores(randomScores(1), weight));
    expect(scores(randomScores(1), { ...weight, name: "other" })).not.toEqual(scores(randomScores(1), weight));
  });

  test("taylor and snip are means over the steps, snip's without its sign; movement is a sum", () => {
    const gathered = Float32Array.of(-4, 2, 8);
    const weight = weightOf([1, 1, 1], { gathered, steps: 4 });
    expect(scores(taylor, weight)).toEqual([-1, 0.5, 2]);
    expect(scores(snip, weight)).toEqual([1, 0.5, 2]);
    expect(scores(movement, weight)).toEqual([-4, 2, 8]);
  });

  test("a pruned weight comes last, unless the criterion has it compete", () => {
    const mask = Float32Array.of(1, 0);
    const own = (pruned?: "last" | "zero" | "latent") =>
      scores({ name: "own", score: ({ weights }) => weights, ...(pruned && { pruned }) }, weightOf([-1, 5], { mask }));
    expect(own()).toEqual([-1, -Infinity]);
    expect(own("latent")).toEqual([-1, 5]);
  });

  test("refuses what is not a number for each weight", () => {
    const of = (score: (weight: WeightToScore) => never) => () => scoresOf(criterionOf(score), weightOf([1, 2]));
    expect(of(() => 1 as never)).toThrow("expected a list of scores, got 1");
    expect(of(() => [1] as never)).toThrow('expected 2 scores for "dense/kernel", got 1');
    expect(of(() => [1, NaN] as never)).toThrow('expected numbers as scores for "dense/kernel", got NaN');
  });
});

describe("criterionOf", () => {
  test("takes names, functions and criteria, magnitude by default", () => {
    expect(criterionOf()).toBe(magnitude);
    expect(criterionOf("threshold")).toBe(magnitude);
    expect(criterionOf("taylor")).toBe(taylor);
    expect(criterionOf(lamp)).toBe(lamp);
    const double = ({ weights }: WeightToScore) => weights;
    expect(criterionOf(double)).toEqual({ name: "double", score: double });
  });

  test.each<[unknown, string]>([
    [
      "size",
      '"criterion" expected one of "magnitude", "threshold", "taylor", "snip", "movement", "lamp", "random", ' +
        'got "size"',
    ],
    [{}, '"criterion" expected one of magnitude, threshold'],
    [3, '"criterion" expected one of magnitude, threshold'],
    [{ name: "own", score: () => [], build: 1 }, '"criterion.build" expected a function, got 1'],
    [{ name: "own", score: () => [], pruned: "never" }, '"criterion.pruned" expected one of "last", "zero", "latent"'],
  ])("refuses %o", (given, message) => {
    expect(() => criterionOf(given as never)).toThrow(message);
  });

  test("refuses a seed where nothing is random", () => {
    expect(() => criterionOf("lamp", 3)).toThrow('"seed" expected nothing but with criterion "random", got 3');
  });
});

describe("Gathering", () => {
  const half = (bits: ArrayLike<number>) => Float32Array.from(bits, (_, i) => i & 1);

  /** Three steps with masks on half of the weights; gives what is gathered, and the same from `Trainer.gradients`. */
  async function gathered(criterion: Criterion, of: (w: number, own: number, dense: number) => number) {
    const graph = smallNetwork();
    const masks = addMasks(graph);
    for (const { mask } of masks) graph.leafOf(mask)!.data = half(graph.leafOf(mask)!.data!);
    const gathering = new Gathering(criterion, masks);
    const hooks = [{ build: gathering.build.bind(gathering) }];
    const trainer = await Trainer.create(graph, { loss, optimizer: sgd(0.1), train: arrays(8), hooks });
    // the gradient behind the masks is that of a network whose weights are what the masks leave
    const bare = smallNetwork();
    const dense = await Trainer.create(bare, { loss, gradients: arrays(8) });
    const { x, y } = [...corners(24).batch(24)][0]!;
    const sums = masks.map(({ weight }) => new Float64Array(trainer.read(weight).length));
    for (let step = 0; step < 3; step++) {
      const batch = [x.slice(step * 512, step * 512 + 512), y.slice(step * 8, step * 8 + 8)] as const;
      for (const name of trainer.weights().filter(name => !name.endsWith("mask"))) {
        const mask = masks.find(({ weight }) => weight === name);
        const bits = mask && trainer.read(mask.mask);
        dense.write(
          name,
          trainer.read(name).map((w, i) => (bits ? w * bits[i]! : w)),
        );
      }
      const { gradients } = dense.gradients(...batch);
      masks.forEach(({ weight, mask }, k) => {
        const [w, g, bits] = [trainer.read(weight), gradients.get(weight)!, trainer.read(mask)];
        sums[k]!.forEach((sum, i) => {
          sums[k]![i] = sum + of(w[i]!, g[i]! * bits[i]!, g[i]!);
        });
      });
      trainer.trainStep(...batch);
    }
    const read = (name: string) => trainer.read(name);
    return { sums, masks, trainer, gathering, steps: gathering.steps(read), scores: gathering.scores(read) };
  }

  const near = (made: ArrayLike<number>, expected: ArrayLike<number>) => {
    expect(Math.max(...Array.from(expected))).toBeGreaterThan(1e-5);
    Array.from(made).forEach((score, i) => {
      expect(score).toBeCloseTo(expected[i]!, 6);
    });
  };
  const unpruned = (scores: ArrayLike<number>) => Array.from(scores).filter((_, i) => i & 1);

  test("taylor: the mean of |w g| over steps", async () => {
    const { sums, scores, steps } = await gathered(taylor, (w, g) => Math.abs(w * g));
    expect(steps).toBe(3);
    scores.forEach((made, k) => {
      expect(made[0]).toBe(-Infinity);
      near(unpruned(made), unpruned(sums[k]!.map(sum => sum / 3)));
    });
  });

  test("snip: |mean of w g|", async () => {
    const { sums, scores } = await gathered(snip, (w, g) => w * g);
    scores.forEach((made, k) => {
      near(unpruned(made), unpruned(sums[k]!.map(sum => Math.abs(sum / 3))));
    });
  });

  test("movement: minus the sum of w g, by the gradient behind the mask, of masked weights too", async () => {
    const { sums, scores } = await gathered(movement, (w, _, g) => -w * g);
    scores.forEach((made, k) => {
      near(made, sums[k]!);
      expect(Array.from(made).filter((v, i) => !(i & 1) && Math.abs(v) > 1e-5).length).toBeGreaterThan(0);
    });
  });

  test("clear begins anew between updates, but not for a criterion of the whole training", async () => {
    for (const [criterion, left] of [
      [taylor, 0],
      [movement, 3],
    ] as const) {
      const { gathering, trainer } = await gathered(criterion, () => 0);
      const read = (name: string) => trainer.read(name);
      gathering.clear(read, (name, values) => trainer.write(name, values));
      expect(gathering.steps(read)).toBe(left);
      const [first] = trainer.states("observation").filter(name => name.endsWith(criterion.name));
      expect(trainer.read(first!).some(v => v !== 0)).toBe(left > 0);
    }
  });
});
