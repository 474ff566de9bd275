import { expect, test } from "vitest";
import { Graph } from "../../src/graph/graph.ts";
import { pact } from "../../src/ops/activation/pact.ts";
import { fixBounds } from "../../src/passes/fix-bounds.ts";
import { noise } from "../kernels/harness.ts";
import { planned } from "../ops/planned.ts";

test.each([0.7, 0, -2])("fixBounds makes a clip of a bound of %d, with the same bits", async bound => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [7], dtype: "f32", batched: true });
  const alpha = graph.state("weight", "bound", { shape: [1], dtype: "f32", batched: false }, Float32Array.of(bound));
  graph.results = [graph.scope("layer", () => graph.one(pact, [x, alpha]))];
  const feed = { x: noise(14, 3), bound: [bound] };
  const before = await planned(graph, feed, { batch: 2 });
  expect(fixBounds(graph)).toBe(true);
  expect(graph.nodes.map(n => [n.name, n.op.name])).toEqual([["layer", "clip"]]);
  expect(graph.leaves.map(v => v.name)).toEqual(["x"]);
  expect((await planned(graph, { x: feed.x }, { batch: 2 })).results).toEqual(before.results);
  expect(fixBounds(graph)).toBe(false);
});

test("fixBounds leaves a bound without a number", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [7], dtype: "f32", batched: true });
  const alpha = graph.state("weight", "bound", { shape: [1], dtype: "f32", batched: false });
  graph.results = [graph.one(pact, [x, alpha])];
  expect(fixBounds(graph)).toBe(false);
});
