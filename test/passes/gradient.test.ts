import { describe, expect, test } from "vitest";
import { Graph, type Op, type Value } from "../../src/graph/graph.ts";
import { refuse } from "../../src/graph/meaning.ts";
import { unaryOperands } from "../../src/graph/operand.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { GRADIENT } from "../../src/ops/index.ts";
import { gradient } from "../../src/passes/gradient.ts";
import { randomGraph } from "../graph/random.ts";
import { noise } from "../kernels/harness.ts";
import { withGradients } from "../ops/planned.ts";
import { expectSlopes } from "../ops/slopes.ts";

const vector = { shape: [4], dtype: "f32", batched: true } as const;

/** y = f(x, w), and the gradient of y. */
function network(build: (graph: Graph, x: Value, w: Value) => Value) {
  const graph = new Graph();
  const x = graph.leaf("input", "x", vector);
  const w = graph.state("weight", "w", { shape: [4, 4], dtype: "f32", batched: false });
  const y = build(graph, x, w);
  graph.results = [y];
  return { graph, x, w, y, up: graph.leaf("input", "up", y.type) };
}

describe("gradient", () => {
  test.each(Array.from({ length: 16 }, (_, seed) => seed))("is the slope of random graph %i", seed => {
    const { graph } = randomGraph(seed);
    graph.prune();
    const wrt = graph.leaves.filter(v => graph.isUsed(v)).map(v => v.name);
    const outputs = graph.results.length;
    const forward = [...graph.nodes];
    withGradients(graph, wrt);
    expect(graph.nodes.slice(0, forward.length)).toEqual(forward);
    const feed = Object.fromEntries(
      graph.leaves.map((v, i) => [v.name, noise(v.type.batched ? 8 : 16, seed * 100 + i + 1)]),
    );
    expectSlopes(graph, feed, 2, wrt, { outputs });
  });

  test("of a parameter used twice is a sum, of one nothing depends on undefined", () => {
    const { graph, x, w, y, up } = network((g, x, w) => g.one(dense, [g.one(dense, [x, w]), w]));
    const unread = graph.state("weight", "unread", w.type);
    const [dw, dx, none] = gradient(graph, GRADIENT, [[y, up]], [w, x, unread]);
    expect(dw!.node!.op).toBe(add);
    expect(dx!.type).toEqual(x.type);
    expect(none).toBeUndefined();
  });

  test("from several values is the sum of theirs", () => {
    const { graph, x, y, up } = network((g, x) => g.one(tanh, [x]));
    const [dx] = gradient(
      graph,
      GRADIENT,
      [
        [y, up],
        [x, up],
      ],
      [x],
    );
    expect(dx!.node!.op).toBe(add);
    expect(dx!.node!.inputs).toContain(up);
  });

  test("adds nothing that no parameter needs, and names new nodes after the layer", () => {
    const { graph, w, y, up } = network((g, x, w) => {
      const hidden = g.one(relu, [g.one(tanh, [x])]);
      return g.scope("last", () => g.one(dense, [hidden, w]));
    });
    const before = graph.nodes.length;
    const [dw] = gradient(graph, GRADIENT, [[y, up]], [w]);
    expect(graph.nodes.slice(before)).toContain(dw!.node);
    for (const n of graph.nodes.slice(before)) expect(n.name).toBe("last");
  });

  test("names the layer of an op that has none, or is unknown", () => {
    const step: Op = { name: "step", takes: unaryOperands, infer: ([x]) => [x!] };
    const { graph, x, y, up } = network((g, x) => g.scope("hard", () => g.one(step, [x])));
    expect(() => gradient(graph, { step: refuse("it is flat") }, [[y, up]], [x])).toThrow(
      'layer "hard": op "step" has no gradient: it is flat',
    );
    expect(() => gradient(graph, {}, [[y, up]], [x])).toThrow('op "step" (layer "hard") is not among the ops loaded');
  });
});
