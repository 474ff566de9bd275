import { expect, test } from "vitest";
import { Graph, type Node } from "../../src/graph/graph.ts";
import { baked, pass, running } from "../../src/graph/pass.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { TALLY, tally } from "../../src/ops/loss/tally.ts";
import { mask } from "../../src/ops/weight/mask.ts";

function small(): Graph {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [2], dtype: "f32", batched: true });
  graph.results = [graph.one(relu, [graph.one(tanh, [x])])];
  return graph;
}

const contract = { name: "tried", needs: [], ensures: [] };

test("pass: one that keeps its contract returns its result", () => {
  const drop = pass(contract, graph => graph.rewrite([n => (n.op === tanh ? n.inputs : undefined)]));
  const graph = small();
  expect(drop(graph)).toBe(true);
  expect(drop(graph)).toBe(false);
});

test("pass: a wrong return value is found", () => {
  expect(() => pass(contract, () => true)(small())).toThrow('"tried" says true where the graph has not changed');
  const quiet = pass(contract, graph => !graph.rewrite([n => (n.op === tanh ? n.inputs : undefined)]));
  expect(() => quiet(small())).toThrow('"tried" says false where the graph has changed');
});

test("pass: one that leaves an illegal graph is found out", () => {
  const reverse = pass(contract, graph => (graph.nodes as Node[]).reverse().length > 0);
  expect(() => reverse(small())).toThrow("reads operand 0 before anything makes it");
});

test("pass: needs and ensures are held to", () => {
  const graph = new Graph();
  const type = { shape: [2], dtype: "f32", batched: false } as const;
  const operands = [graph.state("weight", "w", type), graph.state("mask", "m", type)];
  graph.results = [graph.one(mask, operands)];
  const nothing = () => false;
  expect(pass({ ...contract, needs: [running] }, nothing)(graph)).toBe(false);
  expect(() => pass({ ...contract, needs: [baked] }, nothing)(graph)).toThrow(
    '"tried" needs a graph without ops on weights\' edges',
  );
  expect(() => pass({ ...contract, ensures: [baked] }, nothing)(graph)).toThrow('"tried" ensures a graph without ops');
  const loss = graph.leaf("input", "loss", { shape: [], dtype: "f32", batched: true });
  graph.add(tally, [loss, graph.leaf("tally", "sum", TALLY)]);
  expect(() => pass({ ...contract, needs: [running] }, nothing)(graph)).toThrow("a graph that updates no state");
});
