/** Random graphs of small float ops, and their results by the specification. */
import { Random } from "../../src/base/random.ts";
import { tensor } from "../../src/base/tensor.ts";
import { Graph, type Type } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { evaluate } from "../../src/ops/index.ts";

const WIDTH = 4;
const vector: Type = { shape: [WIDTH], dtype: "f32", batched: true };

/**
 * Nodes read earlier values, some of them twice, some not at all; weights are shared, results repeat and may be inputs.
 */
export function randomGraph(seed: number): { graph: Graph; random: Random } {
  const random = new Random(seed);
  const graph = new Graph();
  const values = [graph.leaf("input", "x", vector), graph.leaf("input", "y", vector)];
  const weights = [0, 1].map(i =>
    graph.state(
      "weight",
      `w${i}`,
      { shape: [WIDTH, WIDTH], dtype: "f32", batched: false },
      numbers(random, WIDTH ** 2),
    ),
  );
  const some = () => values[random.integer(values.length)]!;
  const makers = [
    () => graph.one(relu, [some()]),
    () => graph.one(tanh, [some()]),
    () => graph.one(add, [some(), some()]),
    () => graph.one(mul, [some(), some()]),
    () => graph.one(dense, [some(), weights[random.integer(2)]!]),
  ];
  const count = 1 + random.integer(12);
  for (let i = 0; i < count; i++)
    values.push(graph.scope(`layer ${i}`, () => makers[random.integer(makers.length)]!()));
  graph.results = Array.from({ length: 1 + random.integer(3) }, some);
  return { graph, random };
}

const numbers = (random: Random, count: number): Float32Array =>
  Float32Array.from({ length: count }, () => random.normal());

/** The results, for two images that are the same in every call. */
export function resultsOf(graph: Graph): number[][] {
  const random = new Random(1);
  const images = new Map(["x", "y"].map(name => [name, numbers(random, 2 * WIDTH)]));
  return evaluate(graph, v =>
    tensor([...(v.type.batched ? [2] : []), ...v.type.shape], Float64Array.from(v.data ?? images.get(v.name)!)),
  ).map(t => [...t.data]);
}
