/** concat, pad and prelu: the plan against evaluate, gradients against slopes. */
import { describe, expect, test } from "vitest";
import type { Shape } from "../../src/base/shape.ts";
import { Graph } from "../../src/graph/graph.ts";
import { prelu } from "../../src/ops/activation/prelu.ts";
import { concat } from "../../src/ops/shape/concat.ts";
import { pad } from "../../src/ops/shape/pad.ts";
import { type Case, describeDifferentiated } from "./differentiated.ts";

const joined = (axis: number, ...inputs: Shape[]): Case => ({
  name: `concat of ${inputs.map(s => s.join("x")).join(", ")} along ${axis}`,
  inputs,
  build: (graph, operands) => graph.one(concat, operands, { axis }),
});

const CASES: Case[] = [
  joined(0, [5], [3]),
  joined(0, [8], [8], [1]),
  joined(2, [3, 2, 1], [3, 2, 7], [3, 2, 4]),
  joined(1, [3, 2, 5], [3, 4, 5]),
  joined(0, [1, 3, 3], [2, 3, 3]),
  ...(
    [
      [0, 0, 0, 0],
      [1, 2, 3, 0],
      [0, 1, 0, 0],
    ] as const
  ).map(
    (pads): Case => ({
      name: `pad by ${pads}`,
      inputs: [[3, 4, 3]],
      build: (graph, [x]) => graph.one(pad, [x!], { pads }),
    }),
  ),
  ...(
    [
      [[7], [7]],
      [
        [3, 2, 5],
        [3, 2, 5],
      ],
      [
        [3, 2, 5],
        [1, 1, 5],
      ],
      [
        [3, 2, 5],
        [1, 1, 1],
      ],
    ] as const
  ).map(
    ([x, alpha]): Case => ({
      name: `prelu of ${x.join("x")} with ${alpha.join("x")} slopes`,
      inputs: [x],
      states: [alpha],
      build: (graph, operands) => graph.one(prelu, operands),
    }),
  ),
];

describeDifferentiated(CASES, [1, 2, 5]);

describe("concat, pad and prelu: shapes that do not fit", () => {
  const leaves = (...shapes: Shape[]) => {
    const graph = new Graph();
    const values = shapes.map((shape, i) => graph.leaf("input", `x${i}`, { shape, dtype: "f32", batched: true }));
    return { graph, values };
  };

  test("are named", () => {
    const a = leaves([3, 2, 1], [3, 3, 1]);
    expect(() => a.graph.scope("both", () => a.graph.one(concat, a.values, { axis: 2 }))).toThrow(
      'layer "both" (concat): cannot put 3x3x1 beside 3x2x1 along axis 2',
    );
    expect(() => a.graph.one(concat, a.values, { axis: 3 })).toThrow("expects an axis in 0..2, got 3");
    const b = leaves([7], [3, 2, 5]);
    const alpha = b.graph.state("weight", "alpha", { shape: [3, 1, 5], dtype: "f32", batched: false });
    expect(() => b.graph.one(pad, [b.values[0]!], { pads: [1, 1, 1, 1] })).toThrow("got 7");
    expect(() => b.graph.one(prelu, [b.values[1]!, alpha])).toThrow("slopes of 3x1x5 do not fit 3x2x5");
  });
});
