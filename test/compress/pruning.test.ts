import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { type Criterion, magnitude } from "../../src/compress/criteria.ts";
import { addMasks } from "../../src/compress/masks.ts";
import { Pruning } from "../../src/compress/pruning.ts";
import { constantSparsity, polynomialDecay, type SparsityFunction } from "../../src/compress/schedules.ts";
import { greatest } from "../../src/compress/selection.ts";
import { graphSparsity } from "../../src/compress/sparsity.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { Graph } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { accumulate } from "../../src/ops/observation/accumulate.ts";
import type { StepHook } from "../../src/train/callbacks.ts";
import type { Checkpoint } from "../../src/train/checkpoint.ts";
import { fit } from "../../src/train/fit.ts";

/** dense 8 -> 10, relu, dense -> 3, with masks on both kernels. */
function network(seed = 3) {
  const random = new Random(seed);
  const graph = new Graph();
  const state = (name: string, shape: number[]) =>
    graph.state(
      "weight",
      name,
      { shape, dtype: "f32", batched: false },
      Float32Array.from({ length: size(shape) }, () => (shape.length > 1 ? random.normal() / 2 : 0)),
    );
  const x = graph.leaf("input", "x", { shape: [8], dtype: "f32", batched: true });
  const hidden = graph.scope("hidden", () =>
    graph.one(dense, [x, state("hidden/kernel", [10, 8]), state("hidden/bias", [10])]),
  );
  const active = graph.one(relu, [hidden]);
  graph.results = [
    graph.scope("out", () => graph.one(dense, [active, state("out/kernel", [3, 10]), state("out/bias", [3])])),
  ];
  return { graph, masks: addMasks(graph) };
}

function data(rows: number): Dataset {
  const random = new Random(7);
  return new Dataset({
    images: Float32Array.from({ length: rows * 8 }, () => random.normal()),
    shape: [8],
    labels: Array.from({ length: rows }, () => random.integer(3)),
  });
}

/** Zeros of the kernel "hidden/kernel" before every step, from step 1 on. */
function watcher(graph: Graph): { hook: StepHook; zeros: number[] } {
  const zeros: number[] = [];
  const hook: StepHook = {
    next: step => step,
    act(_, state) {
      zeros.push(graphSparsity(graph, v => state.read(v.name)).tensors[0]!.zeros);
    },
  };
  return { hook, zeros };
}

describe("Pruning", () => {
  test("prunes at the steps of its schedule, counted from 1", async () => {
    const { graph, masks } = network();
    const { hook, zeros } = watcher(graph);
    const pruning = new Pruning(masks, constantSparsity({ targetSparsity: 0.5, frequency: 4, endStep: 9 }));
    await fit(graph, data(64), { batchSize: 8, epochs: 2, hooks: [pruning, hook] });
    expect(zeros.slice(0, 16)).toEqual([0, 0, 0, ...Array(13).fill(40)]);
  });

  test("reaches the final sparsity exactly, and records it in the history", async () => {
    const { graph, masks } = network();
    const schedule = polynomialDecay({ initialSparsity: 0.2, finalSparsity: 0.8, endStep: "75%", frequency: 3 });
    const { history } = await fit(graph, data(64), { batchSize: 8, epochs: 4, hooks: [new Pruning(masks, schedule)] });
    expect(history.history.sparsity).toHaveLength(4);
    expect(history.history.sparsity![3]).toBeCloseTo(0.8, 12);
    expect(graphSparsity(graph)).toMatchObject({ weights: 110, zeros: 88 });
    expect(graphSparsity(graph).tensors.map(t => t.sparsity)).toEqual([0.8, 0.8]);
    expect(String(graphSparsity(graph))).toContain("hidden/kernel        80     64   80.00 %");
  });

  test("keeps pruned weights at zero, despite the optimizer's moments", async () => {
    const { graph, masks } = network();
    const seen: string[] = [];
    const pruning = new Pruning(masks, constantSparsity({ targetSparsity: 0.6, frequency: 2 }));
    const hook: StepHook = {
      next: step => (step < 20 ? step : undefined),
      act(step, state) {
        if (step >= 2) seen.push(state.read("hidden/kernel/mask").join(""));
      },
    };
    await fit(graph, data(64), { batchSize: 8, epochs: 3, hooks: [pruning, hook] });
    expect(new Set(seen).size).toBe(1);
  });

  test("continues its schedule in a second training", async () => {
    const { graph, masks } = network();
    const schedule = polynomialDecay({ initialSparsity: 0.1, finalSparsity: 0.7, endStep: 12, frequency: 4 });
    const pruning = new Pruning(masks, schedule);
    await fit(graph, data(64), { batchSize: 8, hooks: [pruning] });
    expect(graphSparsity(graph).sparsity).toBeLessThan(0.69);
    await fit(graph, data(64), { batchSize: 8, hooks: [pruning] });
    expect(graphSparsity(graph).sparsity).toBeCloseTo(0.7, 12);
    await fit(graph, data(64), { batchSize: 8, hooks: [pruning] });
    expect(graphSparsity(graph).sparsity).toBeCloseTo(0.7, 12);
  });

  test("resumed from a checkpoint, gives the bytes of an uninterrupted training", async () => {
    const schedule = polynomialDecay({ initialSparsity: 0.2, finalSparsity: 0.8, endStep: "75%", frequency: 3 });
    const bytes = (graph: Graph) => graph.leaves.filter(v => v.leaf === "state").map(v => [v.name, v.data]);
    const whole = network();
    await fit(whole.graph, data(64), { batchSize: 8, epochs: 4, hooks: [new Pruning(whole.masks, schedule)] });

    const first = network();
    let checkpoint: Checkpoint | undefined;
    const stop = new AbortController();
    const options = { batchSize: 8, epochs: 4 };
    const aborted = fit(first.graph, data(64), {
      ...options,
      hooks: [new Pruning(first.masks, schedule)],
      signal: stop.signal,
      callbacks: [
        {
          onBatchEnd(_, __, context) {
            if (context.step !== 13) return;
            checkpoint = context.checkpoint();
            stop.abort();
          },
        },
      ],
    });
    await expect(aborted).rejects.toThrow();
    const second = network();
    const hooks = [new Pruning(second.masks, schedule)];
    await fit(second.graph, data(64), { ...options, hooks, resume: checkpoint! });
    expect(bytes(second.graph)).toEqual(bytes(whole.graph));
  });

  test("restores weights if a custom schedule lowers the sparsity", async () => {
    const { graph, masks } = network();
    const schedule: SparsityFunction = step => ({ prune: step % 4 === 0, sparsity: step < 8 ? 0.9 : 0.5 });
    await fit(graph, data(64), { batchSize: 8, hooks: [new Pruning(masks, schedule)] });
    expect(graphSparsity(graph, v => v.data).tensors.every(t => t.sparsity <= 0.9)).toBe(true);
    const bits = graph.leaves.find(v => v.name === "hidden/kernel/mask")!.data!;
    expect(bits.filter(b => b === 0)).toHaveLength(40);
  });

  test("refuses a schedule that can never prune within the training", async () => {
    const { graph, masks } = network();
    const never = new Pruning(masks, constantSparsity({ targetSparsity: 0.5 }));
    const expected = '"schedule" expected one that prunes within steps 1..16 of this training';
    await expect(fit(graph, data(64), { batchSize: 8, epochs: 2, hooks: [never] })).rejects.toThrow(
      `${expected}, got "constantSparsity (targetSparsity 0.5`,
    );
    expect(() => new Pruning(masks, 0.5 as never)).toThrow('"schedule" expected constantSparsity(...)');
  });
});

describe("Criterion", () => {
  /** Sums w * d loss / d w over the steps, with its sign: minus the first-order change of the loss when w becomes 0. */
  const movement: Criterion = {
    name: "movement",
    build(graph, { parameter, gradient }) {
      const scores = graph.state("observation", `${parameter.name}/movement`, parameter.type);
      graph.one(accumulate, [scores, graph.one(mul, [parameter, gradient])]);
      return scores;
    },
    score: ({ gathered }) => gathered!,
    wholeTraining: true,
  };

  test("magnitude is the criterion unless another is given", () => {
    expect(new Pruning([], constantSparsity({ targetSparsity: 0.5 })).criterion).toBe(magnitude);
  });

  test("Pruning keeps the weights of the greatest scores that a criterion has gathered", async () => {
    const { graph, masks } = network();
    const seen = new Map<string, Float32Array[]>();
    const pruning = new Pruning(masks, constantSparsity({ targetSparsity: 0.5, frequency: 4, endStep: 9 }), movement);
    const look: StepHook = {
      next: step => step,
      act(_, state) {
        for (const { weight, mask } of masks)
          for (const name of [mask, `${weight}/movement`]) {
            seen.set(name, [...(seen.get(name) ?? []), state.read(name) as Float32Array]);
          }
      },
    };
    await fit(graph, data(64), { batchSize: 8, epochs: 2, hooks: [pruning, look] });
    for (const { weight, mask } of masks) {
      // the fourth step is the first that prunes: before it three steps have given scores
      const scores = seen.get(`${weight}/movement`)![3]!;
      expect(scores.filter(v => v !== 0).length).toBeGreaterThan(scores.length / 2);
      expect(seen.get(mask)![2]).toEqual(new Float32Array(scores.length).fill(1));
      expect(seen.get(mask)![3]).toEqual(greatest(scores, scores.length / 2));
      // no pruned weight comes back, though its score is greater than those of weights that stay
      const last = seen.get(mask)!.at(-1)!;
      expect(last).toEqual(seen.get(mask)![3]);
    }
    expect(graphSparsity(graph)).toMatchObject({ weights: 110, zeros: 55 });
  });

  test("Pruning.clone prunes by the same criterion", () => {
    const pruning = new Pruning([], constantSparsity({ targetSparsity: 0.5 }), movement);
    expect(pruning.clone().criterion).toBe(movement);
  });
});
