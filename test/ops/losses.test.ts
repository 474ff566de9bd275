import { describe, expect, test } from "vitest";
import { Graph, type Op, type Type } from "../../src/graph/graph.ts";
import { crossEntropy, entropy, sparseCrossEntropy } from "../../src/ops/loss/cross-entropy.ts";
import {
  binaryCrossEntropy,
  huber,
  klDivergence,
  meanAbsoluteError,
  meanSquaredError,
  sigmoidCrossEntropy,
} from "../../src/ops/loss/pointwise-loss.ts";
import { softmaxCrossEntropy } from "../../src/ops/loss/softmax-cross-entropy.ts";
import { sparseSoftmaxCrossEntropy } from "../../src/ops/loss/sparse-softmax-cross-entropy.ts";
import { noise } from "../kernels/harness.ts";
import { shares } from "../kernels/rows.ts";
import { expectPlanned, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

const K = 5;

interface Case {
  op: Op<never>;
  attrs?: object;
  /** True if predictions are probabilities, else any numbers. */
  probabilities?: boolean;
  target: "row" | "class" | "none";
}
const CASES: Case[] = [
  { op: meanSquaredError, target: "row" },
  { op: meanAbsoluteError, target: "row" },
  { op: huber, attrs: { delta: 0.5 }, target: "row" },
  { op: binaryCrossEntropy, attrs: { smoothing: 0.1 }, probabilities: true, target: "row" },
  { op: sigmoidCrossEntropy, attrs: { smoothing: 0.1 }, target: "row" },
  { op: klDivergence, probabilities: true, target: "row" },
  { op: softmaxCrossEntropy, attrs: { smoothing: 0.1 }, target: "row" },
  { op: sparseSoftmaxCrossEntropy, attrs: { smoothing: 0.1 }, target: "class" },
  { op: crossEntropy, attrs: { smoothing: 0.1 }, probabilities: true, target: "row" },
  { op: sparseCrossEntropy, attrs: { smoothing: 0.1 }, probabilities: true, target: "class" },
  { op: entropy, probabilities: true, target: "none" },
];
const TARGET: Record<Case["target"], Type[]> = {
  row: [{ shape: [K], dtype: "f32", batched: true }],
  class: [{ shape: [], dtype: "i32", batched: true }],
  none: [],
};

function network({ op, attrs = {}, target }: Case): Graph {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [K], dtype: "f32", batched: true });
  const t = TARGET[target].map(type => graph.leaf("input", "t", type));
  graph.results = [graph.one(op as Op<object>, [x, ...t], attrs)];
  withGradients(graph, ["x"]);
  return graph;
}

const flatten = (rows: Float32Array[]) => Float32Array.from(rows.flatMap(row => [...row]));

function feed({ probabilities, target }: Case, batch: number) {
  const x = probabilities ? flatten(shares(batch, K, 1)) : noise(batch * K, 1).map(v => v * 3);
  const t =
    target === "row" ? flatten(shares(batch, K, 2)) : Int32Array.from({ length: batch }, (_, i) => (i * 3 + 1) % K);
  return { x, t, "upstream 0": noise(batch, 3) };
}

describe.each(CASES.map(c => [c.op.name, c] as const))("%s", (_, c) => {
  test.each([1, 3, 4])("equals evaluate, its gradient too, at batch %i", async batch => {
    await expectPlanned(network(c), feed(c, batch), { batch });
  });

  test("has the slope of evaluate as its gradient", () => {
    expectSlopes(network(c), feed(c, 2), 2, ["x"]);
  });
});

test("crossEntropy and others name shapes that do not fit", () => {
  const graph = new Graph();
  const leaf = (name: string, shape: number[]) => graph.leaf("input", name, { shape, dtype: "f32", batched: true });
  expect(() => graph.one(meanSquaredError, [leaf("x", [3]), leaf("t", [4])])).toThrow(
    "predictions of 3 do not fit targets of 4",
  );
  expect(() => graph.one(crossEntropy, [leaf("y", [3, 2]), leaf("u", [3, 2])], { smoothing: 0 })).toThrow(
    "expects one vector per image, got 3x2",
  );
});
