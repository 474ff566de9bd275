import { expect, test } from "vitest";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { one, penalty, penaltyGradient } from "../../src/ops/loss/penalty.ts";
import { clipByNorm } from "../../src/ops/optimizer/clip-by-norm.ts";
import { noise } from "../kernels/harness.ts";
import { expectPlanned } from "./planned.ts";

const state = (graph: Graph, name: string, shape: number[]): Value =>
  graph.state(
    "weight",
    name,
    { shape, dtype: "f32", batched: false },
    noise(
      shape.reduce((a, b) => a * b, 1),
      shape.length,
    ),
  );

test.each([[[1]], [[7]], [[5, 9]], [[3, 2, 2, 4]]])("a penalty on a parameter of %j and its gradient", async shape => {
  const graph = new Graph();
  const w = state(graph, "w", shape);
  const attrs = { l1: 0.25, l2: 0.5 };
  graph.results = [graph.one(penalty, [w], attrs), graph.one(penaltyGradient, [w, graph.one(one, [])], attrs)];
  await expectPlanned(graph, {}, { batch: 3 });
});

test.each([0.5, 100])("clipByNorm: the norm of three tensors to %d", async limit => {
  const graph = new Graph();
  const gradients = [[1], [6], [4, 9]].map((shape, i) => state(graph, `g${i}`, shape));
  graph.results = graph.add(clipByNorm, gradients, { limit });
  await expectPlanned(graph, {}, { batch: 3 });
  const squares = gradients.flatMap(g => [...g.data!]).map(v => v * v);
  const norm = Math.sqrt(squares.reduce((a, b) => a + b, 0));
  expect(norm).toBeGreaterThan(0.5);
  expect(norm).toBeLessThan(100);
});
