import { expect, test } from "vitest";
import { Graph } from "../../src/graph/graph.ts";
import { dropout, trainDropout } from "../../src/ops/normalization/dropout.ts";
import { noise } from "../kernels/harness.ts";
import { expectPlanned, withGradients } from "./planned.ts";

test("dropout in training equals evaluate, backward with the same mask; in a model it is nothing", async () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [11], dtype: "f32", batched: true });
  const image = graph.leaf("input", "image", { shape: [], dtype: "u32", batched: true });
  const seed = graph.state("weight", "seed", { shape: [1], dtype: "u32", batched: false });
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
