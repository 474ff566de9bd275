import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import {
  constantSparsity,
  prune,
  pruneOnce,
  type RiglOptions,
  rewind,
  rigl,
  sparsity,
} from "../../src/compress/index.ts";
import type { Regrowth } from "../../src/compress/regrowth.ts";
import { erdosRenyiKernel } from "../../src/compress/rigl.ts";
import { keptWeights } from "../../src/compress/selection.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { batchNormalization, conv2d, dense, flatten, type Model, sequential } from "../../src/model/index.ts";
import type { StepHook, TrainingContext, TrainingState } from "../../src/train/callbacks.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";

const network = (): Model =>
  sequential(
    [
      conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2], activation: "relu" }),
      batchNormalization(),
      flatten(),
      dense({ units: 8, activation: "relu" }),
      dense({ units: 4 }),
    ],
    { seed: 2 },
  );

const random = new Random(5);
const data = new Dataset({
  x: Float32Array.from({ length: 64 * 72 }, () => random.normal()),
  shape: [6, 6, 2],
  labels: Array.from({ length: 64 }, () => random.integer(4)),
});

const bitsOf = (m: Model) => m.graph.leaves.filter(v => v.role === "mask").map(v => [...(v.data as Float32Array)]);
const states = (m: Model) => m.graph.leaves.filter(v => v.leaf === "state").map(v => [v.name, v.data]);
const ones = (bits: ArrayLike<number>) => Array.from(bits).filter(bit => bit === 1).length;

describe("rigl", () => {
  test.each(["uniform", "erdosRenyiKernel"] as const)(
    "keeps the number of weights in each kernel and moves some, from %s masks",
    async distribution => {
      const sparse = rigl(network(), { sparsity: 0.8, distribution, frequency: 2 });
      const before = bitsOf(sparse);
      const weights = before.reduce((sum, bits) => sum + bits.length, 0);
      expect(sparsity(sparse).zeros).toBe(weights - before.reduce((sum, bits) => sum + ones(bits), 0));
      if (distribution === "erdosRenyiKernel") expect(weights - sparsity(sparse).zeros).toBe(keptWeights(weights, 0.8));
      const { history } = await sparse.fit(data, { batchSize: 8, epochs: 3 });
      const after = bitsOf(sparse);
      expect(after.map(ones)).toEqual(before.map(ones));
      expect(after).not.toEqual(before);
      expect(history.sparsity![2]).toBeCloseTo(sparsity(sparse).sparsity, 12);
    },
  );

  test("drops the least magnitudes and grows the greatest gradients, at 0 and without moments", async () => {
    const sparse = rigl(network(), { sparsity: 0.75, frequency: 5, fraction: 0.4, endStep: 20, layers: ["dense"] });
    const [name, mask] = ["dense/kernel", "dense/kernel/mask"];
    const seen: Record<string, Float32Array[]> = {};
    const look = (key: string): StepHook => ({
      next: step => (step <= 4 ? 4 : undefined),
      act(_, state: TrainingState) {
        seen[key] = [name, mask, `${name}/dense_gradient`, `${name}/m`].map(n => state.read(n) as Float32Array);
      },
    });
    // a hook of the options comes after those of the model: this one sees step 5 before it moves weights
    const [own] = sparse.hooks as [Regrowth];
    const hooks: StepHook[] = [look("before"), own, look("after")];
    const { fit } = await import("../../src/train/fit.ts");
    await fit(sparse.graph, data, { batchSize: 8, hooks, optimizer: adam(0.01) });
    const [weights, bits, gradients] = seen.before as [Float32Array, Float32Array, Float32Array];
    const [after, now, , moments] = seen.after as [Float32Array, Float32Array, Float32Array, Float32Array];
    const count = ones(bits);
    // 0.4 / 2 (1 + cos(pi 5 / 20))
    const moved = Math.round(0.2 * (1 + Math.cos(Math.PI / 4)) * count);
    const indices = Array.from(bits, (_, i) => i);
    const stay = indices
      .filter(i => bits[i])
      .sort((a, b) => Math.abs(weights[b]!) - Math.abs(weights[a]!))
      .slice(0, count - moved);
    const grown = indices
      .filter(i => !stay.includes(i))
      .sort((a, b) => Math.abs(gradients[b]!) - Math.abs(gradients[a]!))
      .slice(0, moved);
    expect(indices.filter(i => now[i])).toEqual([...stay, ...grown].sort((a, b) => a - b));
    const fresh = grown.filter(i => !bits[i]);
    expect(fresh.length).toBeGreaterThan(2);
    for (const i of fresh) expect([after[i], moments[i]]).toEqual([0, 0]);
    for (const i of stay) expect(after[i]).toBe(weights[i]);
  });

  test("takes the masks that a model has", async () => {
    const snipped = await pruneOnce(network(), { sparsity: 0.7, criterion: "snip", data });
    const sparse = rigl(snipped, { frequency: 2 });
    expect(bitsOf(sparse)).toEqual(bitsOf(snipped));
    await sparse.fit(data, { batchSize: 8, epochs: 2 });
    expect(bitsOf(sparse).map(ones)).toEqual(bitsOf(snipped).map(ones));
    expect(bitsOf(sparse)).not.toEqual(bitsOf(snipped));
  });

  test("resumed from a checkpoint at any step, gives the bytes of a training that never stopped", async () => {
    const made = () => rigl(network(), { sparsity: 0.7, frequency: 3 });
    const options = { batchSize: 8, epochs: 2, optimizer: adam(0.01) };
    const whole = made();
    const checkpoints: ReturnType<TrainingContext["checkpoint"]>[] = [];
    const callbacks = [
      { onBatchEnd: (_: number, __: object, context: TrainingContext) => void checkpoints.push(context.checkpoint()) },
    ];
    await whole.fit(data, { ...options, callbacks });
    for (const at of [4, 5, 6, 9]) {
      const rest = made();
      await rest.fit(data, { ...options, resume: checkpoints[at - 1]! });
      expect(states(rest), `from step ${at}`).toEqual(states(whole));
    }
  });

  test.each<[RiglOptions, string]>([
    [{ sparsity: 1 }, '"sparsity" expected finite number >= 0 and < 1, got 1'],
    [{}, 'rigl: "sparsity" expected a number, as the model has no masks, got undefined'],
    [{ sparsity: 0.999 }, '"sparsity" expected one that leaves each of 3 kernels a weight of 616, got 0.999'],
    [{ sparsity: 0.5, fraction: 0 }, '"fraction" expected finite number > 0 and <= 1, got 0'],
    [{ sparsity: 0.5, frequency: 0 }, '"frequency" expected integer >= 1, got 0'],
    [{ sparsity: 0.5, endStep: "120%" }, '"endStep" expected a number of steps'],
    [{ sparsity: 0.5, distribution: "even" as never }, '"distribution" expected one of "erdosRenyiKernel", "uniform"'],
    [{ sparsity: 0.5, schedule: 1 } as never, '"rigl" has no option "schedule"'],
  ])("refuses %o", (options, message) => {
    expect(() => rigl(network(), options)).toThrow(message);
  });

  test("refuses masks that a schedule changes, and a training without an update", async () => {
    const pruned = prune(network(), { schedule: constantSparsity({ targetSparsity: 0.5, frequency: 2 }) });
    expect(() => rigl(pruned, {})).toThrow("the masks of this model change while it is trained: bake the model first");
    expect(() => rigl(pruneOnce(network(), 0.5), { seed: 1 })).toThrow(
      '"seed" expected nothing where the model has masks',
    );
    await expect(rigl(network(), { sparsity: 0.5 }).fit(data, { batchSize: 8 })).rejects.toThrow(
      '"rigl" expected one that moves weights within steps 1..8 of this training, got "frequency 100, endStep 75%"',
    );
  });
});

describe("erdosRenyiKernel", () => {
  test("has densities in proportion to the sum of the sizes by their product", () => {
    const kept = erdosRenyiKernel(
      [
        { shape: [300, 100], layer: "a" },
        { shape: [100, 100], layer: "b" },
      ],
      0.9,
    );
    // 400 : 200 of 4000 weights
    expect(kept).toEqual([2667, 1333]);
  });

  test("sums up exactly, makes small kernels dense, and leaves each a weight", () => {
    const shapes = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(shapes, fc.double({ min: 0, max: 0.95, noNaN: true }), (all, share) => {
        const sizes = all.map(size);
        const total = sizes.reduce((a, b) => a + b, 0);
        fc.pre(keptWeights(total, share) >= all.length);
        const kept = erdosRenyiKernel(
          all.map((shape, i) => ({ shape, layer: `${i}` })),
          share,
        );
        expect(kept.reduce((a, b) => a + b, 0)).toBe(keptWeights(total, share));
        kept.forEach((n, i) => {
          expect(n).toBeGreaterThanOrEqual(1);
          expect(n).toBeLessThanOrEqual(sizes[i]!);
        });
      }),
      { numRuns: 300 },
    );
  });
});

describe("rewind", () => {
  test("puts earlier weights under the masks of now, and trains with these", async () => {
    const model = network();
    const early = model.getWeights();
    await model.fit(data, { batchSize: 8, epochs: 2, optimizer: sgd(0.1) });
    const pruned = pruneOnce(model, 0.6);
    const ticket = rewind(pruned, early);
    expect(bitsOf(ticket)).toEqual(bitsOf(pruned));
    for (const [name, { data: now }] of Object.entries(ticket.getWeights())) {
      const then = early[name]!.data;
      const last = pruned.getWeights()[name]!.data;
      now.forEach((w, i) => {
        expect(w).toBe(name.endsWith("kernel") && last[i] === 0 ? 0 : then[i]);
      });
    }
    await ticket.fit(data, { batchSize: 8 });
    expect(bitsOf(ticket)).toEqual(bitsOf(pruned));
    // a second round prunes what is left
    const next = rewind(pruneOnce(ticket.bake(), 0.84), early);
    bitsOf(next).forEach((bits, k) => {
      bits.forEach((bit, i) => {
        if (bit) expect(bitsOf(ticket)[k]![i]).toBe(1);
      });
    });
  });

  test("takes a checkpoint, and leaves schedules behind", async () => {
    const schedule = constantSparsity({ targetSparsity: 0.5, beginStep: 6, frequency: 4 });
    const model = prune(network(), { schedule });
    await model.fit(data, { batchSize: 8 });
    const { checkpoint } = model;
    const early = model.getWeights();
    await model.fit(data, { batchSize: 8 });
    const ticket = rewind(model, checkpoint!);
    expect(ticket.hooks).toEqual([]);
    expect(states(rewind(model, early))).toEqual(states(ticket));
    expect(sparsity(ticket).sparsity).toBe(0.5);
  });

  test("refuses a model without masks and weights of another network", async () => {
    const model = network();
    expect(() => rewind(model, model.getWeights())).toThrow(
      'rewind: "model" expected a Model with masks, as pruneOnce and fit after prune give it, got none',
    );
    const pruned = pruneOnce(model, 0.5);
    expect(() => rewind(pruned, { "dense/kernel": [1] })).toThrow('"dense/kernel" expected 64x8 = 512 numbers, got 1');
    const other = sequential([dense({ units: 4, inputShape: [72] })]);
    await other.fit(
      data.map(row => row, { shape: [72] }),
      { batchSize: 32 },
    );
    expect(() => rewind(pruned, other.checkpoint!)).toThrow(
      '"weights" expected a checkpoint with 72 numbers for "conv2d/kernel", got "none"',
    );
  });
});
