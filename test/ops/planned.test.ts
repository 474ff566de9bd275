import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Graph } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { evaluated, expectClose, expectPlanned, type Feed, planned, withGradients } from "./planned.ts";

const noise = (n: number, random: Random) => Float32Array.from({ length: n }, () => random.normal());

/** relu(conv2d(x)) with its gradients. */
function network(batch: number): { graph: Graph; feed: Feed } {
  const graph = new Graph();
  const leaf = (kind: "state" | "input", name: string, shape: number[]) =>
    kind === "input"
      ? graph.leaf(kind, name, { shape, dtype: "f32", batched: true })
      : graph.state("weight", name, { shape, dtype: "f32", batched: false });
  const y = graph.one(
    conv2d,
    [leaf("input", "x", [5, 4, 3]), leaf("state", "w", [6, 3, 3, 3]), leaf("state", "b", [6])],
    {
      ...plainWindow,
      groups: 1,
    },
  );
  graph.results = [graph.one(relu, [y])];
  withGradients(graph, ["x", "w", "b"]);
  const random = new Random(3);
  const feed = {
    x: noise(batch * 60, random),
    w: noise(162, random),
    b: noise(6, random),
    "upstream 0": noise(batch * 36, random),
  };
  return { graph, feed };
}

describe("planned", () => {
  for (const batch of [1, 2, 5])
    test(`equals evaluate, gradients too, at batch ${batch}`, async () => {
      const { graph, feed } = network(batch);
      const { results } = await expectPlanned(graph, feed, { batch });
      expect(results.map(t => t.shape)).toEqual([[batch, 3, 2, 6], [batch, 5, 4, 3], [6, 3, 3, 3], [6]]);
    });

  test("gives the same bits for every group size", async () => {
    const { graph, feed } = network(4);
    const one = await planned(graph, feed, { batch: 4, group: 1 });
    const four = await planned(graph, feed, { batch: 4, group: 4 });
    expect(one.results).toEqual(four.results);
  });
});

describe("expectClose", () => {
  test("fails on a NaN and on an error beyond the tolerance", () => {
    expect(() => expectClose([1, Number.NaN], [1, 2], "x")).toThrow("element 1 is NaN");
    expect(() => expectClose([1, 2.1], [1, 2], "x", 1e-2)).toThrow("element 1 is 2.1");
    expectClose([1, 2.1], [1, 2], "x", 0.1);
  });

  test("evaluate's gradient is the slope of evaluate", () => {
    const { graph, feed } = network(2);
    const wanted = [graph.results[0]!];
    const w = Float64Array.from(feed.w!);
    const up = feed["upstream 0"]!;
    const loss = () => evaluated(graph, { ...feed, w }, 2, wanted)[0]!.data.reduce((sum, y, i) => sum + y * up[i]!, 0);
    const dw = evaluated(graph, feed, 2)[2]!.data;
    const step = 1e-6;
    const slope = w.map((at, i) => {
      w[i] = at + step;
      const above = loss();
      w[i] = at - step;
      const below = loss();
      w[i] = at;
      return (above - below) / (2 * step);
    });
    expectClose(dw, slope, "dw", 1e-6);
  });
});
