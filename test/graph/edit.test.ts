/** The laws of editing a graph: it stays valid, users are tracked, and edits without effect on results have none. */
import { describe, expect, test } from "vitest";
import { insertOnEdge, streamInputs } from "../../src/graph/edit.ts";
import { Graph, type Node, type RewriteRule, type Value } from "../../src/graph/graph.ts";
import { printGraph } from "../../src/graph/print.ts";
import { verify } from "../../src/graph/verify.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { scale } from "../../src/ops/arithmetic/scale.ts";
import { randomGraph, resultsOf } from "./random.ts";

const SEEDS = Array.from({ length: 24 }, (_, seed) => seed);
/** The op that changes nothing. */
const identity = { scale: 1 };

const valuesOf = (graph: Graph): Value[] => [...graph.leaves, ...graph.nodes.flatMap(n => n.outputs)];

const sameNodes = (a: readonly Node[], b: readonly Node[]): boolean =>
  a.length === b.length && a.every(node => b.includes(node));

/** The tracked users are those that a search finds. */
function expectUsersKnown(graph: Graph): void {
  for (const v of valuesOf(graph)) {
    const found = graph.nodes.filter(n => n.inputs.includes(v));
    const isResult = graph.results.includes(v);
    expect(sameNodes(graph.users(v), found)).toBe(true);
    expect(graph.isUsed(v)).toBe(found.length > 0 || isResult);
    expect(graph.onlyUser(v)).toBe(found.length === 1 && !isResult ? found[0] : undefined);
  }
}

function expectLegal(graph: Graph): void {
  verify(graph);
  expectUsersKnown(graph);
}

describe.each(SEEDS)("Graph: random graph %i", seed => {
  test("insertOnEdge: an identity on every edge, one by one, changes no result", () => {
    const { graph } = randomGraph(seed);
    const before = resultsOf(graph);
    for (const node of [...graph.nodes])
      for (let operand = 0; operand < node.inputs.length; operand++) {
        const value = node.inputs[operand]!;
        const others = node.inputs.filter((_, i) => i !== operand);
        const made = insertOnEdge(graph, value, { node, operand }, scale, [], identity);
        expect(node.inputs[operand]).toBe(made);
        expect(node.inputs.filter((_, i) => i !== operand)).toEqual(others);
        expect(graph.nodes[graph.nodes.indexOf(node) - 1]).toBe(made.node);
        expect(made.node!.name).toBe(node.name);
        expectLegal(graph);
      }
    expect(resultsOf(graph)).toEqual(before);
  });

  test("insertOnEdge: an identity before all users of every value changes no result", () => {
    const { graph } = randomGraph(seed);
    const before = resultsOf(graph);
    for (const value of valuesOf(graph)) {
      const users = graph.nodes.filter(n => n.inputs.includes(value));
      if (!users.length) {
        expect(() => insertOnEdge(graph, value, "all users", scale, [], identity)).toThrow('where "scale" is to stand');
        continue;
      }
      const made = insertOnEdge(graph, value, "all users", scale, [], identity);
      expect(graph.users(value)).toEqual([made.node]);
      expect(sameNodes(graph.users(made), users)).toBe(true);
      expectLegal(graph);
    }
    expect(resultsOf(graph)).toEqual(before);
  });

  test("rewrite: a rule that puts two nodes for one and a rule that takes one away undo each other", () => {
    const { graph } = randomGraph(seed);
    graph.prune();
    const before = resultsOf(graph);
    const text = graph.nodes.map(n => [n.op, n.name]);
    const made = new Set<Node>();
    const doubled: RewriteRule = (node, g) => {
      if (made.has(node)) return;
      const y = g.one(node.op, node.inputs, node.attrs);
      made.add(y.node!);
      const z = g.one(scale, [y], identity);
      made.add(z.node!);
      return [z];
    };
    const undoubled: RewriteRule = node => (node.op === scale ? node.inputs : undefined);
    const count = graph.nodes.length;
    expect(graph.rewrite([doubled])).toBe(count > 0);
    expect(graph.nodes.length).toBe(2 * count);
    expectLegal(graph);
    expect(resultsOf(graph)).toEqual(before);
    expect(graph.rewrite([undoubled])).toBe(count > 0);
    expectLegal(graph);
    expect(graph.nodes.map(n => [n.op, n.name])).toEqual(text);
    expect(resultsOf(graph)).toEqual(before);
    expect(graph.rewrite([undoubled])).toBe(false);
  });

  test("rewrite: rules see the users there are at that moment", () => {
    const { graph } = randomGraph(seed);
    const dead = new Set<Value>();
    graph.rewrite([
      node => {
        for (const v of node.inputs) expect(graph.users(v)).toContain(node);
        if (node.op !== tanh) return;
        const [y] = graph.add(relu, node.inputs);
        dead.add(node.outputs[0]!);
        return [y];
      },
      node => {
        for (const v of node.inputs) expect(dead.has(v)).toBe(false);
        return undefined;
      },
    ]);
    expect(graph.nodes.every(n => n.op !== tanh)).toBe(true);
    expectLegal(graph);
  });

  test("streamInputs: streams replace the inputs, their nodes come first", () => {
    const { graph } = randomGraph(seed);
    const before = resultsOf(graph);
    const streams: Value[] = [];
    streamInputs(graph, (input, i) => {
      streams.push(graph.leaf("stream", `stream ${i}`, input.type));
      return graph.one(scale, [streams[i]!], identity);
    });
    expectLegal(graph);
    expect(graph.leaves.filter(v => v.leaf !== "state")).toEqual(streams);
    expect(graph.nodes.slice(0, 2).map(n => n.inputs[0])).toEqual(streams);
    for (const [i, v] of streams.entries()) v.name = ["x", "y"][i]!;
    expect(resultsOf(graph)).toEqual(before);
  });

  test("copy: has the same text, users of its own", () => {
    const { graph } = randomGraph(seed);
    graph.users(graph.leaves[0]!);
    const { graph: twin } = graph.copy();
    expect(resultsOf(twin)).toEqual(resultsOf(graph));
    const text = printGraph(graph);
    for (const v of valuesOf(twin)) if (twin.users(v).length) insertOnEdge(twin, v, "all users", scale, [], identity);
    expectLegal(twin);
    expect(printGraph(graph)).toBe(text);
    expectLegal(graph);
  });
});

describe("Graph", () => {
  const vector = { shape: [2], dtype: "f32", batched: true } as const;

  test("insertBefore: puts nodes before the given one, or at the front", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", vector);
    const y = graph.one(relu, [x]);
    const z = graph.one(add, [y, x]);
    graph.results = [z];
    graph.insertBefore(z.node, () => graph.one(tanh, [graph.one(scale, [y], identity)]));
    graph.insertBefore(undefined, () => graph.one(scale, [x], identity));
    expect(graph.nodes.map(n => n.op)).toEqual([scale, relu, scale, tanh, add]);
    verify(graph);
    expect(graph.prune()).toBe(true);
    expect(graph.nodes.map(n => n.op)).toEqual([relu, add]);
    expect(graph.prune()).toBe(false);
  });

  test("replace: results too, which keep their names, unless operands are selected", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", vector);
    const y = graph.one(relu, [x]);
    y.name = "y";
    const other = graph.one(tanh, [x]);
    const z = graph.one(add, [y, y]);
    graph.results = [y, z];
    graph.replace(y, other, (_, operand) => operand === 1);
    expect(z.node!.inputs).toEqual([y, other]);
    expect(graph.results).toEqual([y, z]);
    graph.replace(y, other);
    expect(z.node!.inputs).toEqual([other, other]);
    expect(graph.results).toEqual([other, z]);
    expect(other.name).toBe("y");
  });

  test("leaf and state: the same name is the same leaf, until it is gone", () => {
    const graph = new Graph();
    const w = graph.state("weight", "w", { shape: [2], dtype: "f32", batched: false });
    expect(graph.state("weight", "w", w.type)).toBe(w);
    expect(graph.leafOf("w")).toBe(w);
    expect(graph.copyState(w, new Float32Array(2)).name).toBe("w 2");
    expect(graph.copyState(w, new Float32Array(2)).name).toBe("w 3");
    expect(graph.leaves.map(v => v.name)).toEqual(["w", "w 3", "w 2"]);
    graph.prune();
    expect(graph.leafOf("w")).toBeUndefined();
    expect(graph.state("weight", "w", w.type)).not.toBe(w);
  });

  test("50 000 nodes in a chain: no recursion as deep as the graph", () => {
    const graph = new Graph();
    let x = graph.leaf("input", "x", vector);
    for (let i = 0; i < 50_000; i++) x = i % 2 ? graph.one(relu, [x]) : graph.one(scale, [x], identity);
    graph.results = [x];
    const { graph: twin } = graph.copy();
    verify(twin);
    expect(twin.rewrite([node => (node.op === scale ? node.inputs : undefined)])).toBe(true);
    expect(twin.nodes.length).toBe(25_000);
    verify(twin);
    expect(twin.onlyUser(twin.nodes[0]!.outputs[0]!)).toBe(twin.nodes[1]);
  });
});
