/** The two laws of gradients: the plan gives the results of evaluate, and the gradient is the slope of evaluate. */
import { describe, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { noise } from "../kernels/harness.ts";
import { expectPlanned, type Feed, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

/** A result of inputs, which are batched, and of states, which are not. */
export interface Case {
  name: string;
  inputs: readonly Shape[];
  states?: readonly Shape[];
  build(graph: Graph, operands: Value[]): Value;
}

function network({ inputs, states = [], build }: Case): { graph: Graph; wrt: string[]; feed: (batch: number) => Feed } {
  const graph = new Graph();
  const operands = [
    ...inputs.map((shape, i) => graph.leaf("input", `x${i}`, { shape, dtype: "f32", batched: true })),
    ...states.map((shape, i) => graph.state("weight", `w${i}`, { shape, dtype: "f32", batched: false })),
  ];
  const y = build(graph, operands);
  graph.results = [y];
  const wrt = operands.map(v => v.name);
  withGradients(graph, wrt);
  const feed = (batch: number) => {
    const leaves = [...operands, { name: "upstream 0", type: y.type }];
    const contents = ({ type }: Pick<Value, "type">, seed: number) =>
      noise(size(type.shape) * (type.batched ? batch : 1), seed + 1);
    return Object.fromEntries(leaves.map((v, i) => [v.name, contents(v, i)]));
  };
  return { graph, wrt, feed };
}

export function describeDifferentiated(cases: readonly Case[], batches: readonly number[]): void {
  describe.each(cases)("$name", c => {
    test.each(batches)("equals evaluate, gradients too, at batch %i", async batch => {
      const { graph, feed } = network(c);
      await expectPlanned(graph, feed(batch), { batch });
    });

    test("has the slope of evaluate as its gradient", () => {
      const { graph, wrt, feed } = network(c);
      expectSlopes(graph, feed(2), 2, wrt);
    });
  });
}
