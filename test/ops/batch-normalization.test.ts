import { describe, expect, test } from "vitest";
import type { Shape } from "../../src/base/shape.ts";
import { size } from "../../src/base/shape.ts";
import { Graph } from "../../src/graph/graph.ts";
import {
  batchNormalization,
  movingAverage,
  trainBatchNormalization,
} from "../../src/ops/normalization/batch-normalization.ts";
import { noise } from "../kernels/harness.ts";
import { expectClose, expectPlanned, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

const attrs = { epsilon: 1e-3, momentum: 0.9 };

function network(training: boolean, shape: Shape): Graph {
  const graph = new Graph();
  const k = shape.at(-1)!;
  const leaf = (name: string) => graph.state("weight", name, { shape: [k], dtype: "f32", batched: false });
  const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
  const parameters = [x, leaf("gamma"), leaf("beta")];
  graph.results = [
    training
      ? graph.one(trainBatchNormalization, parameters, attrs)
      : graph.one(batchNormalization, [...parameters, leaf("mean"), leaf("variance")], attrs),
  ];
  withGradients(graph, ["x", "gamma", "beta"]);
  return graph;
}

const feed = (batch: number, shape: Shape) => {
  const n = batch * size(shape);
  const k = shape.at(-1)!;
  const positive = (seed: number) => noise(k, seed).map(v => v + 1.5);
  return {
    x: noise(n, 1).map(v => v * 3),
    gamma: positive(2),
    beta: noise(k, 3),
    mean: noise(k, 4),
    variance: positive(5),
    "upstream 0": noise(n, 6),
  };
};

describe.each([
  ["inference", false],
  ["training", true],
] as const)("batch normalization, %s", (_, training) => {
  test.each([[[1]], [[5]], [[3, 2, 3]]])("of %j equals evaluate, gradients too", async shape => {
    // two images alone cancel: z is +-1, and d x the difference of equal numbers
    for (const batch of [4, 5]) await expectPlanned(network(training, shape), feed(batch, shape), { batch }, 2e-5);
  });

  test("has the slope of evaluate as its gradient", () => {
    expectSlopes(network(training, [2, 3]), feed(3, [2, 3]), 3, ["x", "gamma", "beta"], { tolerance: 1e-5 });
  });
});

test("movingAverage takes 1 - momentum of the batch's statistics", async () => {
  const graph = new Graph();
  const state = (name: string) => graph.state("weight", name, { shape: [3], dtype: "f32", batched: false });
  const x = graph.leaf("input", "x", { shape: [2, 3], dtype: "f32", batched: true });
  const [y, mean, variance] = graph.add(trainBatchNormalization, [x, state("gamma"), state("beta")], attrs);
  graph.add(movingAverage, [state("mean"), mean!], { momentum: 0.9 });
  graph.add(movingAverage, [state("variance"), variance!], { momentum: 0.9 });
  graph.results = [y!, mean!, variance!];
  const given = feed(4, [2, 3]);
  const { after, results } = await expectPlanned(graph, given, { batch: 4, after: ["mean", "variance"] });
  for (const [name, at] of [
    ["mean", 1],
    ["variance", 2],
  ] as const) {
    const wanted = given[name].map((v, i) => v * 0.9 + results[at]!.data[i]! * 0.1);
    expectClose(after[name]!, wanted, name);
  }
});

test("batchNormalization names parameters that do not fit", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [2, 3], dtype: "f32", batched: true });
  const two = graph.state("weight", "two", { shape: [2], dtype: "f32", batched: false });
  expect(() => graph.one(trainBatchNormalization, [x, two, two], attrs)).toThrow(
    "parameters of 2 do not fit the channels of 2x3",
  );
});
