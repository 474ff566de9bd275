/** Ops that accumulate over the steps of a training: accumulate and widen. */
import { describe, expect, test } from "vitest";
import { Graph } from "../../src/graph/graph.ts";
import { accumulate } from "../../src/ops/observation/accumulate.ts";
import { RANGE, widen } from "../../src/ops/observation/widen.ts";
import { noise } from "../kernels/harness.ts";
import { expectPlanned } from "./planned.ts";

describe("accumulate", () => {
  test.each([[[1]], [[7]], [[5, 9]], [[3, 2, 2, 4]]])("adds %j numbers to what was there", async shape => {
    const graph = new Graph();
    const type = { shape, dtype: "f32", batched: false } as const;
    const count = shape.reduce((a, b) => a * b, 1);
    const sum = graph.state("observation", "sum", type, noise(count, 1));
    const x = graph.state("weight", "x", type, noise(count, 2));
    graph.results = [graph.one(accumulate, [sum, x])];
    const { after } = await expectPlanned(graph, {}, { batch: 3, after: ["sum"], runs: 1 });
    expect([...after.sum!]).toEqual([...noise(count, 1)].map((v, i) => Math.fround(v + noise(count, 2)[i]!)));
  });

  test("refuses another shape", () => {
    const graph = new Graph();
    const state = (name: string, n: number) =>
      graph.state("observation", name, { shape: [n], dtype: "f32", batched: false });
    expect(() => graph.one(accumulate, [state("a", 3), state("b", 4)])).toThrow("cannot add 4 to a sum of 3");
  });
});

describe("widen", () => {
  test.each([
    { shape: [1], batch: 1 },
    { shape: [5], batch: 3 },
    { shape: [3, 3, 2], batch: 7 },
  ])("sees all images of $shape in a batch of $batch, in any group", async ({ shape, batch }) => {
    const count = batch * shape.reduce((a, b) => a * b, 1);
    for (const [start, group] of [
      [[Infinity, -Infinity], 1],
      [[-0.01, 0.01], 4],
      [[-50, 50], 7],
    ] as const) {
      const graph = new Graph();
      const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
      const range = graph.state("observation", "range", RANGE, Float32Array.from(start));
      graph.results = [graph.one(widen, [range, x])];
      const feed = { x: noise(count, 3) };
      const { after } = await expectPlanned(graph, feed, { batch, group: Math.min(group, batch), after: ["range"] });
      const all = [...feed.x, ...start.filter(Number.isFinite)];
      const [low, high] = start;
      expect([...after.range!]).toEqual([Math.min(low, ...all), Math.max(high, ...all)].map(Math.fround));
    }
  });

  test("counts weights once, for any batch", async () => {
    const graph = new Graph();
    const w = graph.state("weight", "w", { shape: [3, 5], dtype: "f32", batched: false }, noise(15, 4));
    graph.results = [graph.one(widen, [graph.state("observation", "range", RANGE, Float32Array.of(0, 0)), w])];
    const { after } = await expectPlanned(graph, {}, { batch: 3, after: ["range"], runs: 1 });
    expect([...after.range!]).toEqual([Math.min(0, ...noise(15, 4)), Math.max(0, ...noise(15, 4))]);
  });

  test("refuses invalid ranges", () => {
    const graph = new Graph();
    const state = graph.state("observation", "a", { shape: [3], dtype: "f32", batched: false });
    expect(() => graph.one(widen, [state, state])).toThrow("expects [low, high], got 3 numbers");
  });
});
