import { expect, test } from "vitest";
import { Graph } from "../../src/graph/graph.ts";
import { dropout, trainDropout } from "../../src/ops/dropout.ts";
import { prelu } from "../../src/ops/prelu.ts";
import { noise } from "../kernels/harness.ts";
import { expectPlanned, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

test.each([1, 3])("prelu equals evaluate, gradients too, at batch %i", async batch => {
  for (const alpha of [[3], [2, 3], [1, 2, 3]]) {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: [1, 2, 3], dtype: "f32", batched: true });
    graph.results = [
      graph.one(prelu, [x, graph.leaf("state", "alpha", { shape: alpha, dtype: "f32", batched: false })]),
    ];
    withGradients(graph, ["x", "alpha"]);
    const feed = {
      x: noise(batch * 6, 1),
      alpha: noise(
        alpha.reduce((a, b) => a * b),
        2,
      ),
      "upstream 0": noise(batch * 6, 3),
    };
    await expectPlanned(graph, feed, { batch });
    expectSlopes(graph, feed, batch, ["x", "alpha"]);
  }
});

test("prelu names slopes that do not fit", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [4, 3], dtype: "f32", batched: true });
  const alpha = graph.leaf("state", "alpha", { shape: [4], dtype: "f32", batched: false });
  expect(() => graph.one(prelu, [x, alpha])).toThrow("slopes of 4 do not fit the last axes of 4x3");
});

test("dropout in training equals evaluate, backward with the same mask; in a model it is nothing", async () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [11], dtype: "f32", batched: true });
  const image = graph.leaf("input", "image", { shape: [], dtype: "u32", batched: true });
  const seed = graph.leaf("state", "seed", { shape: [1], dtype: "u32", batched: false });
  graph.results = [graph.one(trainDropout, [x, image, seed], { rate: 0.4, salt: 2 })];
  withGradients(graph, ["x"]);
  const feed = { x: noise(33, 1), image: [5, 59_999, 0], seed: [0xdeadbeef], "upstream 0": noise(33, 2) };
  const { results } = await expectPlanned(graph, feed, { batch: 3 });
  const [y, dx] = results;
  expect([...y!.data].map(v => v === 0)).toEqual([...dx!.data].map(v => v === 0));
  expect([...y!.data].filter(v => v === 0).length).toBeGreaterThan(3);

  const model = new Graph();
  const input = model.leaf("input", "x", { shape: [11], dtype: "f32", batched: true });
  model.results = [model.one(dropout, [input], { rate: 0.4 })];
  const same = await expectPlanned(model, { x: feed.x }, { batch: 3 });
  expect([...same.results[0]!.data]).toEqual([...feed.x]);
});
