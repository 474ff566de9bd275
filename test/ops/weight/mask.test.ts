import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { size } from "../../../src/base/shape.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { conv2d } from "../../../src/ops/convolution/conv2d.ts";
import { dense } from "../../../src/ops/convolution/dense.ts";
import { plainWindow } from "../../../src/ops/convolution/window.ts";
import { reshape } from "../../../src/ops/shape/reshape.ts";
import { mask } from "../../../src/ops/weight/mask.ts";
import { printProgram } from "../../../src/plan/print.ts";
import { evaluated, expectPlanned, type Feed, planned, withGradients } from "../planned.ts";

/** conv2d and dense with masks; `shared`: the dense layer's weights are used twice. */
function network(batch: number): { graph: Graph; feed: Feed } {
  const graph = new Graph();
  const random = new Random(11);
  const feed: Record<string, Float32Array> = {};
  const bits = () => (random.uniform() < 0.6 ? 0 : 1);
  const leaf = (
    kind: "state" | "input",
    name: string,
    shape: number[],
    value: () => number = () => random.normal(),
  ) => {
    feed[name] = Float32Array.from({ length: size(shape) * (kind === "input" ? batch : 1) }, value);
    return kind === "input"
      ? graph.leaf(kind, name, { shape, dtype: "f32", batched: true })
      : graph.state(value === bits ? "mask" : "weight", name, { shape, dtype: "f32", batched: false });
  };
  const kernel = graph.one(mask, [leaf("state", "k", [5, 3, 3, 2]), leaf("state", "km", [5, 3, 3, 2], bits)]);
  const image = graph.one(conv2d, [leaf("input", "x", [4, 5, 2]), kernel, leaf("state", "kb", [5])], {
    ...plainWindow,
    groups: 1,
  });
  const flat = graph.one(reshape, [image], { shape: [30] });
  const weight = graph.one(mask, [leaf("state", "w", [30, 30]), leaf("state", "wm", [30, 30], bits)]);
  const hidden = graph.one(dense, [flat, weight, leaf("state", "b", [30])]);
  graph.results = [graph.one(dense, [hidden, weight])];
  feed["upstream 0"] = Float32Array.from({ length: batch * 30 }, () => random.normal());
  withGradients(graph, ["x", "k", "kb", "w", "b"]);
  return { graph, feed };
}

describe("mask", () => {
  test.each([1, 3])("runs as evaluate says, with gradients, at batch %i", async batch => {
    const { graph, feed } = network(batch);
    await expectPlanned(graph, feed, { batch });
  });

  test("lets no gradient reach a masked weight and all of it reach the others", async () => {
    const { graph, feed } = network(2);
    const { results } = await planned(graph, feed, { batch: 2 });
    for (const [result, name] of [
      [2, "km"],
      [4, "wm"],
    ] as const)
      results[result]!.data.forEach((d, i) => expect(d !== 0, `${name} ${i}`).toBe(feed[name]![i] === 1));
  });

  test("is computed in f32", () => {
    const graph = new Graph();
    const type = { shape: [1], dtype: "f32" as const, batched: false };
    graph.results = [graph.one(mask, [graph.state("weight", "w", type), graph.state("weight", "m", type)])];
    expect(evaluated(graph, { w: [0.1], m: [1] }, 1)[0]!.data[0]).toBe(Math.fround(0.1));
  });

  test("has weights and mask stored as the consumer wants them: no conversion between", async () => {
    const { graph, feed } = network(1);
    const { machine } = await planned(graph, feed, { batch: 1 });
    for (const name of ["k", "km", "w", "wm"]) expect(machine.leaf(name).layout.name).toBe("panels");
    const [prepare] = printProgram(machine.program("test")).split("\nrun\n");
    expect(prepare).toContain("f32_mul");
    expect(prepare).not.toContain("permute");
  });

  test("refuses a mask of another shape", () => {
    const graph = new Graph();
    const leaf = (name: string, shape: number[]) =>
      graph.state("weight", name, { shape, dtype: "f32", batched: false });
    expect(() => graph.one(mask, [leaf("w", [2, 3]), leaf("m", [3, 2])])).toThrow(
      'layer "mask" (mask): a mask of 3x2 does not fit weights of 2x3',
    );
  });
});
