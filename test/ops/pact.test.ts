/** pact: beside evaluate through the planner, its gradients the article's, beside slopes. */
import { describe, expect, test } from "vitest";
import type { Shape } from "../../src/base/shape.ts";
import { size } from "../../src/base/shape.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { pact } from "../../src/ops/activation/pact.ts";
import { type Conv2d, conv2d } from "../../src/ops/convolution/conv2d.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, expectPlanned, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

function network(shape: Shape): { graph: Graph; x: Value; alpha: Value } {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
  const alpha = graph.state("weight", "alpha", { shape: [1], dtype: "f32", batched: false });
  graph.results = [graph.one(pact, [x, alpha])];
  withGradients(graph, ["x", "alpha"]);
  return { graph, x, alpha };
}

describe("pact", () => {
  test.each([[[1]], [[7]], [[3, 5, 2]], [[6, 6, 9]]])("of %j equals evaluate, and has its slope", async shape => {
    for (const bound of [0.6, 0.05, 2]) {
      const { graph } = network(shape);
      const feed = (batch: number) => ({
        x: noise(batch * size(shape), 1),
        alpha: [bound],
        "upstream 0": noise(batch * size(shape), 2),
      });
      for (const batch of [1, 3]) await expectPlanned(graph, feed(batch), { batch });
      expectSlopes(graph, feed(2), 2, ["x", "alpha"]);
    }
  });

  test("passes gradients as the article says: to x below alpha, to alpha at it and above", () => {
    const { graph } = network([5]);
    const feed = { x: [-1, 0.5, 1, 2, 3], alpha: [1], "upstream 0": [1, 2, 4, 8, 16] };
    const [y, dx, dalpha] = evaluated(graph, feed, 1).map(t => [...t.data]);
    expect(y).toEqual([0, 0.5, 1, 1, 1]);
    expect(dx).toEqual([0, 2, 0, 0, 0]);
    expect(dalpha).toEqual([28]);
  });

  test("leaves the padding of images zero, whatever the bound is", async () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: [4, 4, 3], dtype: "f32", batched: true });
    const state = (name: string, shape: Shape) => graph.state("weight", name, { shape, dtype: "f32", batched: false });
    const y = graph.one(pact, [x, state("alpha", [1])]);
    const window: Conv2d = { ...plainWindow, pads: [1, 1, 1, 1], groups: 1 };
    graph.results = [graph.one(conv2d, [y, state("kernel", [5, 3, 3, 3])], window)];
    for (const bound of [-0.5, 0, 0.3])
      await expectPlanned(graph, { x: noise(96, 1), kernel: noise(135, 2), alpha: [bound] }, { batch: 2 });
  });

  test("refuses more than one bound", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: [4], dtype: "f32", batched: true });
    const alpha = graph.state("weight", "alpha", { shape: [4], dtype: "f32", batched: false });
    expect(() => graph.one(pact, [x, alpha])).toThrow('layer "pact" (pact): expects one bound, got 4');
  });
});
