import { expect, test } from "vitest";
import { Graph, type Node, type Type } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { verify } from "../../src/graph/verify.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { dense } from "../../src/ops/convolution/dense.ts";

const f32 = (shape: number[], batched = false): Type => ({ shape, dtype: "f32", batched });

function small() {
  const g = new Graph();
  const x = g.leaf("input", "x", f32([3], true));
  const w = g.state("weight", "dense/kernel", f32([2, 3]), new Float32Array(6));
  const b = g.state("weight", "dense/bias", f32([2]), new Float32Array(2));
  const y = g.scope("dense", () => g.one(dense, [x, w, b]));
  g.results = [g.one(relu, [y])];
  return { g, x, w, y };
}

test("verify accepts a graph that was built", () => verify(small().g));

test("printGraph prints one line per leaf and node, and the results", () => {
  expect(printGraph(small().g)).toBe(`input x: f32*[3]
state dense/kernel: f32[2x3]
state dense/bias: f32[2]
%3: f32*[2] = dense(x, dense/kernel, dense/bias)
%4: f32*[2] = relu(%3)
-> %4`);
});

test("verify: a node before its input", () => {
  const { g } = small();
  (g.nodes as Node[]).reverse();
  expect(() => verify(g)).toThrow(/"relu" \(relu\) reads operand 0 before anything makes it/);
});

test("verify: a weight with too few numbers", () => {
  const { g, w } = small();
  w.data = new Float32Array(5);
  expect(() => verify(g)).toThrow(/"dense\/kernel" has 5 numbers for a shape of 6/);
});

test("verify: a type that infer does not return", () => {
  const { g, y } = small();
  y.type = f32([4], true);
  expect(() => verify(g)).toThrow(/%3 of "dense" is not of the type "dense" gives/);
});

test("Graph.add: shapes that do not fit name the layer and both shapes", () => {
  const { g, x, y } = small();
  expect(() => g.scope("sum", () => g.one(add, [x, y]))).toThrow(/layer "sum" \(add\): .*3.*2/);
});

test("Graph.copy shares data and nothing else", () => {
  const { g, w } = small();
  const { graph, of } = g.copy();
  verify(graph);
  expect(of.get(w)!.data).toBe(w.data);
  graph.results = [];
  expect(graph.prune()).toBe(true);
  expect(g.nodes.length).toBe(2);
});
