/** freezingBatchNormalization: as trainBatchNormalization until it is frozen, and with the moving statistics then. */
import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph } from "../../src/graph/graph.ts";
import { batchNormalization } from "../../src/ops/normalization/batch-normalization.ts";
import { trainingForm } from "../../src/passes/training.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, expectPlanned, planned, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

const attrs = { epsilon: 1e-3, momentum: 0.9 };

/** In training form; with the name of a flag, one that can be frozen. */
function network(shape: Shape, flag?: string): Graph {
  const graph = new Graph();
  const type = { shape: [shape.at(-1)!], dtype: "f32", batched: false } as const;
  const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
  const learned = ["gamma", "beta"].map(name => graph.state("weight", name, type));
  const moving = ["mean", "variance"].map(name => graph.state("statistic", name, type));
  graph.results = [graph.one(batchNormalization, [x, ...learned, ...moving], attrs)];
  trainingForm(graph, flag);
  withGradients(graph, ["x", "gamma", "beta"]);
  return graph;
}

const feed = (batch: number, shape: Shape, flag: number) => {
  const n = batch * size(shape);
  const k = shape.at(-1)!;
  const positive = (seed: number) => noise(k, seed).map(v => v + 1.5);
  return {
    x: noise(n, 1).map(v => v * 3),
    gamma: positive(2),
    beta: noise(k, 3),
    mean: noise(k, 4),
    variance: positive(5),
    flag: [flag],
    "upstream 0": noise(n, 6),
  };
};

const AFTER = { after: ["mean", "variance"] };

describe.each([
  ["moving", 0],
  ["frozen", 1],
] as const)("freezingBatchNormalization, %s", (_, flag) => {
  test.each([[[5]], [[3, 2, 3]]])("of %j equals evaluate, gradients too", async shape => {
    for (const batch of [4, 5]) await expectPlanned(network(shape, "flag"), feed(batch, shape, flag), { batch }, 2e-5);
  });

  test("has the slope of evaluate as its gradient", () => {
    const wrt = ["x", "gamma", "beta"];
    expectSlopes(network([2, 3], "flag"), feed(3, [2, 3], flag), 3, wrt, { tolerance: 1e-5 });
  });
});

test("freezingBatchNormalization gives the bits of trainBatchNormalization until it is frozen", async () => {
  const shape = [4, 3, 5];
  const given = feed(6, shape, 0);
  const [plain, freezing] = [
    await planned(network(shape), given, { batch: 6, ...AFTER }),
    await planned(network(shape, "flag"), given, { batch: 6, ...AFTER }),
  ];
  expect(freezing.results.map(t => [...t.data])).toEqual(plain.results.map(t => [...t.data]));
  expect(freezing.after).toEqual(plain.after);
});

test("freezingBatchNormalization, frozen, is the one that runs, and moves no statistic", async () => {
  const shape = [4, 5];
  const given = feed(3, shape, 1);
  const { results, after } = await planned(network(shape, "flag"), given, { batch: 3, ...AFTER });
  expect([...after.mean!]).toEqual([...given.mean]);
  expect([...after.variance!]).toEqual([...given.variance]);
  const graph = new Graph();
  const type = { shape: [5], dtype: "f32", batched: false } as const;
  const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
  const states = ["gamma", "beta", "mean", "variance"].map(name => graph.state("weight", name, type));
  graph.results = [graph.one(batchNormalization, [x, ...states], attrs)];
  const running = await planned(graph, given, { batch: 3 });
  expect([...results[0]!.data]).toEqual([...running.results[0]!.data]);
  expect(evaluated(graph, given, 3)[0]!.data.length).toBe(60);
});
