import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  automatedGradualPruning,
  constantSparsity,
  oneShot,
  polynomialDecay,
  type Steps,
  scheduleDuring,
} from "../../src/compress/schedules.ts";

interface Vector {
  config: Record<string, number>;
  steps: number[];
  shouldPrune: boolean[];
  sparsity: number[];
}

const vectors: Record<string, Vector> = JSON.parse(readFileSync("test/vectors/tfmot/schedules.json", "utf8"));

const camel = (config: Record<string, number>) =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]) => [key.replace(/_(.)/g, (_, c: string) => c.toUpperCase()), value]),
  );

describe("constantSparsity, polynomialDecay and other schedules", () => {
  test.each(Object.entries(vectors))("%s: as tfmot, but for one update more at the end step", (_, vector) => {
    const config = camel(vector.config) as never;
    const at = ("target_sparsity" in vector.config ? constantSparsity(config) : polynomialDecay(config)).during(1000);
    vector.steps.forEach((step, i) => {
      const { prune, sparsity } = at(step);
      expect(prune, `step ${step}`).toBe(vector.shouldPrune[i]! || step === vector.config.end_step);
      expect(sparsity, `step ${step}`).toBeCloseTo(vector.sparsity[i]!, 6);
    });
  });

  test("reach the final sparsity exactly at an end step that the frequency misses", () => {
    const at = polynomialDecay({ initialSparsity: 0.5, finalSparsity: 0.8, endStep: 250 }).during(300);
    const updates = Array.from({ length: 301 }, (_, step) => step).filter(step => at(step).prune);
    expect(updates).toEqual([0, 100, 200, 250]);
    expect(at(250).sparsity).toBe(0.8);
    expect(at(200).sparsity).toBeCloseTo(0.7976, 10); // where tfmot ends
  });

  test("take shares of the training", () => {
    const at = polynomialDecay({
      initialSparsity: 0,
      finalSparsity: 0.8,
      beginStep: "10%",
      endStep: "75%",
      frequency: "5%",
    }).during(200);
    const updates = Array.from({ length: 201 }, (_, step) => step).filter(step => at(step).prune);
    expect([updates[0], updates[1], updates.at(-1)]).toEqual([20, 30, 150]);
  });

  test("may be one step long", () => {
    const at = polynomialDecay({ initialSparsity: 0.2, finalSparsity: 0.6, beginStep: 5, endStep: 5 }).during(10);
    expect([4, 5, 6].map(at)).toEqual([
      { prune: false, sparsity: expect.closeTo(0.2, 12) },
      { prune: true, sparsity: 0.6 },
      { prune: false, sparsity: 0.6 },
    ]);
  });

  test("automatedGradualPruning is polynomialDecay of power 3 from 0, over three quarters of the training", () => {
    const at = automatedGradualPruning({ finalSparsity: 0.9, frequency: 10 }).during(400);
    const same = polynomialDecay({ initialSparsity: 0, finalSparsity: 0.9, endStep: 300, frequency: 10 }).during(400);
    for (let step = 0; step <= 400; step++) expect(at(step)).toEqual(same(step));
    expect(at(150)).toEqual({ prune: true, sparsity: 0.9 - 0.9 / 8 });
  });

  test("polynomialDecay ends with an update at its final sparsity, whatever the frequency", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (beginStep, length, frequency, finalSparsity) => {
          const endStep = Math.max(1, beginStep + length);
          const at = polynomialDecay({ initialSparsity: 0, finalSparsity, beginStep, endStep, frequency }).during(100);
          const updates = Array.from({ length: 100 }, (_, i) => i + 1).filter(step => at(step).prune);
          expect(updates.at(-1)).toBe(endStep);
          expect(at(endStep).sparsity).toBe(finalSparsity);
          for (const step of updates) expect((step - beginStep) % frequency === 0 || step === endStep).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("oneShot prunes before one step", () => {
    const updates = (step: Steps) => {
      const at = oneShot({ targetSparsity: 0.7, step }).during(200);
      return Array.from({ length: 200 }, (_, i) => i + 1).filter(i => at(i).prune);
    };
    expect([updates(1), updates(17), updates("25%"), updates("0%")]).toEqual([[1], [17], [50], [1]]);
    expect(oneShot({ targetSparsity: 0.7 }).during(9)(1)).toEqual({ prune: true, sparsity: 0.7 });
  });

  test("may be custom functions, checked when they prune", () => {
    const at = scheduleDuring(step => ({ prune: step === 3, sparsity: step / 2 }), 10);
    expect(at(2)).toEqual({ prune: false, sparsity: 1 });
    expect(() => at(3)).toThrow('"schedule(3).sparsity" expected finite number >= 0 and < 1, got 1.5');
    expect(() => scheduleDuring(() => true as never, 10)(1)).toThrow('"schedule(1)" expected { prune');
  });

  test.each([
    [() => constantSparsity({ targetSparsity: 1 }), '"targetSparsity" expected finite number >= 0 and < 1, got 1'],
    [() => constantSparsity({ targetSparsity: 0.5, frequency: 0 }), '"frequency" expected integer >= 1, got 0'],
    [() => constantSparsity({ targetSparsity: 0.5, beginStep: -1 }), '"beginStep" expected integer >= 0, got -1'],
    [
      () => constantSparsity({ targetSparsity: 0.5, beginStep: 10, endStep: 5 }),
      '"endStep" expected a step >= beginStep (10), or -1, got 5',
    ],
    [
      () => polynomialDecay({ initialSparsity: 0.1, finalSparsity: 0.5, endStep: -1 }),
      '"endStep" expected integer >= 0, got -1',
    ],
    [
      () => polynomialDecay({ initialSparsity: 0.1, finalSparsity: 0.5, endStep: "120%" }),
      '"endStep" expected a number',
    ],
    [
      () => polynomialDecay({ initialSparsity: 0.1, finalSparsity: 0.5, endStep: 9, power: 0 }),
      '"power" expected finite number > 0, got 0',
    ],
    [() => constantSparsity({ sparsity: 0.5 } as never), 'has no option "sparsity"'],
    [() => oneShot({ targetSparsity: 0.5, step: 0 }), '"step" expected integer >= 1, got 0'],
    [() => oneShot({} as never), '"targetSparsity" expected finite number'],
    [() => automatedGradualPruning({ finalSparsity: 1 }), '"finalSparsity" expected finite number >= 0 and < 1, got 1'],
    [() => automatedGradualPruning({ power: 2 } as never), 'has no option "power"'],
  ])("refuse wrong options, case %#", (make, message) => {
    expect(make).toThrow(message);
  });
});
