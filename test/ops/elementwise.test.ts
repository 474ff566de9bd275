import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Op } from "../../src/graph/graph.ts";
import { clip } from "../../src/ops/activation/clip.ts";
import { elu } from "../../src/ops/activation/elu.ts";
import { gelu } from "../../src/ops/activation/gelu.ts";
import { hardSigmoid } from "../../src/ops/activation/hard-sigmoid.ts";
import { hardSwish } from "../../src/ops/activation/hard-swish.ts";
import { leakyRelu } from "../../src/ops/activation/leaky-relu.ts";
import { logSoftmax } from "../../src/ops/activation/log-softmax.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { sigmoid } from "../../src/ops/activation/sigmoid.ts";
import { silu } from "../../src/ops/activation/silu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { div } from "../../src/ops/arithmetic/div.ts";
import { exp } from "../../src/ops/arithmetic/exp.ts";
import { log } from "../../src/ops/arithmetic/log.ts";
import { maximum } from "../../src/ops/arithmetic/maximum.ts";
import { minimum } from "../../src/ops/arithmetic/minimum.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { rsqrt } from "../../src/ops/arithmetic/rsqrt.ts";
import { scale } from "../../src/ops/arithmetic/scale.ts";
import { sqrt } from "../../src/ops/arithmetic/sqrt.ts";
import { sub } from "../../src/ops/arithmetic/sub.ts";
import { noise } from "../kernels/harness.ts";
import { expectPlanned, withGradients } from "./planned.ts";
import { expectSlopes } from "./slopes.ts";

const UNARY: [Op<never>, object][] = [
  [relu, {}],
  [clip, { low: -1, high: 2 }],
  [leakyRelu, { alpha: 0.3 }],
  [elu, { alpha: 0.7 }],
  [hardSigmoid, { alpha: 1 / 6, beta: 0.5 }],
  [hardSwish, {}],
  [gelu, { approximate: false }],
  [gelu, { approximate: true }],
  [silu, {}],
  [sigmoid, {}],
  [tanh, {}],
  [scale, { scale: -1.5 }],
  [exp, {}],
  [softmax, {}],
  [logSoftmax, {}],
];
const BINARY: Op<never>[] = [add, sub, mul, minimum, maximum, div];
const SHAPES: Shape[] = [[1], [5], [3, 3, 3]];

/** An op of one or two inputs, with its gradients. */
function network(op: Op<never>, attrs: object, operands: number, shape: Shape): Graph {
  const graph = new Graph();
  const inputs = ["a", "b"]
    .slice(0, operands)
    .map(name => graph.leaf("input", name, { shape, dtype: "f32", batched: true }));
  graph.results = [graph.one(op as Op<object>, inputs, attrs)];
  withGradients(
    graph,
    inputs.map(v => v.name),
  );
  return graph;
}

/** Ops of positive numbers. */
const POSITIVE: Op<never>[] = [log, sqrt, rsqrt];

const feed = (batch: number, shape: Shape, op: Op<never>) => {
  const n = batch * size(shape);
  const a = noise(n, 1).map(v => (POSITIVE.includes(op) ? Math.abs(v) + 0.1 : v * 3));
  return { a, b: noise(n, 2).map(v => v * 3), "upstream 0": noise(n, 3) };
};

describe.each([
  ...UNARY.map(([op, attrs]) => [op.name, op, attrs, 1] as const),
  ...POSITIVE.map(op => [op.name, op as Op<never>, {}, 1] as const),
  ...BINARY.map(op => [op.name, op as Op<never>, {}, 2] as const),
])("%s", (_, op, attrs, operands) => {
  test.each(SHAPES.map(shape => [shape]))("of %j equals evaluate, gradients too", async shape => {
    for (const batch of [1, 3])
      await expectPlanned(network(op, attrs, operands, shape), feed(batch, shape, op), { batch });
  });

  test("has the slope of evaluate as its gradient", () => {
    expectSlopes(network(op, attrs, operands, [7]), feed(2, [7], op), 2, ["a", "b"].slice(0, operands));
  });
});

test("add and others name shapes that differ", () => {
  const graph = new Graph();
  const leaf = (name: string, shape: Shape) => graph.leaf("input", name, { shape, dtype: "f32", batched: true });
  expect(() => graph.scope("joined", () => graph.one(mul, [leaf("a", [2, 3]), leaf("b", [3, 2])]))).toThrow(
    'layer "joined" (mul): cannot multiply 2x3 and 3x2',
  );
});

test("ties of minimum and maximum flow to the first operand alone", async () => {
  for (const op of [minimum, maximum]) {
    const same = noise(6, 1);
    const { results } = await expectPlanned(
      network(op, {}, 2, [6]),
      { a: same, b: same, "upstream 0": new Float32Array(6).fill(1) },
      { batch: 1 },
    );
    expect([...results[1]!.data]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([...results[2]!.data]).toEqual([0, 0, 0, 0, 0, 0]);
  }
});
