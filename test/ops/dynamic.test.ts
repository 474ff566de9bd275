/**
 * Layers with int8 weights on float activations, which are quantized at run time: per image by its own range, for a
 * convolution of 1x1 per pixel.
 */
import { expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { plainWindow, type Window } from "../../src/ops/convolution/window.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, planned } from "./planned.ts";

const BATCH = 5;
const VARIANTS: Variant[] = ["simd", ...(supported().relaxedDot === "u8" ? (["relaxed"] as const) : [])];

function layer(shape: Shape, weight: Shape, bias: boolean, window: Partial<Window> = {}): Graph {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
  const scale = Float32Array.from(noise(weight[0]!, 2), v => 0.01 + Math.abs(v) / 100);
  const data = Int8Array.from(noise(size(weight), 3), v => Math.max(-127, Math.min(127, Math.round(60 * v))));
  const quantization = { scale, zeroPoint: 0, axis: 0 };
  const states: Value[] = [
    graph.state("weight", "w", { shape: weight, dtype: "i8", batched: false, quantization }, data),
  ];
  if (bias)
    states.push(
      graph.state("weight", "b", { shape: [weight[0]!], dtype: "f32", batched: false }, noise(weight[0]!, 4)),
    );
  const image = weight.length === 4;
  const attrs = { ...plainWindow, ...window, groups: 1 };
  graph.results = [image ? graph.one(conv2d, [x, ...states], attrs) : graph.one(dense, [x, ...states], {})];
  return graph;
}

const CASES: [name: string, graph: Graph][] = [
  ["dense", layer([20], [7, 20], true)],
  ["3x3", layer([5, 4, 3], [6, 3, 3, 3], true, { pads: [1, 1, 1, 1] })],
  ["1x1 of whole blocks", layer([4, 2, 8], [16, 1, 1, 8], true)],
  ["1x1 whose images are padded", layer([3, 5, 3], [7, 1, 1, 3], false)],
  ["1x1 whose results are padded", layer([4, 2, 8], [3, 1, 1, 8], true)],
  ["1x1 with strides", layer([4, 5, 8], [3, 1, 1, 8], true, { strides: [2, 2] })],
];

test.each(CASES)("%s: the plan is the specification, to the bit", async (_, graph) => {
  const x = noise(BATCH * size(graph.leaves[0]!.type.shape), 1);
  const feed = Object.fromEntries(graph.leaves.map(v => [v.name, v.data ?? x]));
  const expected = [...Float32Array.from(evaluated(graph, feed, BATCH)[0]!.data)];
  for (const variant of VARIANTS)
    for (const group of [1, BATCH]) {
      const options = { batch: BATCH, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant, group } as const;
      expect([...(await planned(graph, feed, options)).results[0]!.data]).toEqual(expected);
    }
});

test("conv2d of 1x1: a pixel's result does not depend on the others", () => {
  const answer = (graph: Graph, x: ArrayLike<number>) => [
    ...evaluated(graph, Object.fromEntries(graph.leaves.map(v => [v.name, v.data ?? x])), 1)[0]!.data,
  ];
  const x = noise(6, 1);
  const far = Float32Array.from([...x.subarray(0, 3), 1e3, -1e3, 5e2]);
  const graph = layer([1, 2, 3], [7, 1, 1, 3], true);
  expect(answer(graph, x).slice(0, 7)).toEqual(answer(graph, far).slice(0, 7));
});
