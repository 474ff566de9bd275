/** Sliding-window ops: the plan against `evaluate`, forward and backward, on poisoned memory. */
import { expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { tensor } from "../../src/base/tensor.ts";
import { Graph, type Op, type Value } from "../../src/graph/graph.ts";
import { TRAIN } from "../../src/kernels/load-train.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { evaluate, GRADIENT, TRAIN_LOWER, TRAIN_PREFERS } from "../../src/ops/index.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { gradient } from "../../src/passes/gradient.ts";
import { poison, resultOf } from "../../src/run/contents.ts";
import { Machine } from "../../src/run/machine.ts";
import { noise } from "../kernels/harness.ts";

const BATCH = 6;

interface Case {
  name: string;
  op: Op<any>;
  attrs: object;
  image: Shape;
  weight?: Shape;
}

const windows = [
  { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] },
  { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 1] },
  { strides: [1, 2], pads: [1, 2, 1, 0], dilations: [2, 1] },
  { strides: [1, 1], pads: [-1, 1, 0, -2], dilations: [1, 1] },
] as const;

const cases: Case[] = windows.flatMap((w, i) => {
  const image = [8, 9, 6];
  const named = (name: string) => `${name}, window ${i}`;
  return [
    { name: named("conv2d"), op: conv2d, attrs: { ...w, groups: 1 }, image, weight: [10, 3, 2, 6] },
    { name: named("conv2d in groups"), op: conv2d, attrs: { ...w, groups: 3 }, image, weight: [12, 3, 2, 2] },
    { name: named("depthwise"), op: depthwiseConv2d, attrs: w, image, weight: [6, 3, 2, 1] },
    { name: named("depthwise, multiplier 2"), op: depthwiseConv2d, attrs: w, image, weight: [12, 3, 2, 1] },
    { name: named("average pool"), op: averagePool2d, attrs: { ...w, size: [3, 3] }, image },
    {
      name: named("average pool with padding, rounded up"),
      op: averagePool2d,
      attrs: { ...w, size: [3, 3], countIncludePad: true, ceil: true },
      image,
    },
    { name: named("max pool"), op: maxPool2d, attrs: { ...w, size: [3, 3], ceil: true }, image },
  ];
});

/** x and upstream are inputs, weight and bias state; results are y and the gradients of all three. */
function build({ op, attrs, image, weight }: Case): { graph: Graph; leaves: Value[] } {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: image, dtype: "f32", batched: true });
  const parameters = weight
    ? [weight, [weight[0]!]].map((shape, i) =>
        graph.state("weight", i ? "bias" : "weight", { shape, dtype: "f32", batched: false }),
      )
    : [];
  const y = graph.one(op, [x, ...parameters], attrs);
  const up = graph.leaf("input", "up", { ...y.type });
  graph.results = [y, ...gradient(graph, GRADIENT, [[y, up]], [x, ...parameters]).map(v => v!)];
  return { graph, leaves: [x, up, ...parameters] };
}

/** Logical contents of a leaf or result in layout flat: rows of `row` floats. */
const logical = (v: Value, data: ArrayLike<number>, row: number): number[] => {
  const length = size(v.type.shape);
  const rows = v.type.batched ? BATCH : 1;
  return Array.from({ length: rows * length }, (_, i) => data[Math.floor(i / length) * row + (i % length)]!);
};

test.each(cases)("$name", async c => {
  const { graph, leaves } = build(c);
  const feeds = new Map(
    leaves.map((v, i) => [v.name, noise(size(v.type.shape) * (v.type.batched ? BATCH : 1), 11 + i)] as const),
  );
  const wanted = evaluate(graph, v =>
    tensor(v.type.batched ? [BATCH, ...v.type.shape] : v.type.shape, Float64Array.from(feeds.get(v.name)!)),
  );
  const ops = { lower: TRAIN_LOWER, prefers: TRAIN_PREFERS };
  const machine = await Machine.create(TRAIN, [{ name: "step", graph, batch: BATCH }], ops, "simd");
  poison(machine);
  for (const v of leaves) {
    const data = feeds.get(v.name)!;
    if (v.leaf === "state") machine.write(v.name, data);
    else {
      const stored = machine.stored(v.name);
      const length = size(v.type.shape);
      const row = stored.length / BATCH;
      for (let i = 0; i < BATCH; i++) stored.set(data.subarray(i * length, (i + 1) * length), i * row);
    }
  }
  const program = machine.program("step");
  machine.run(program);
  graph.results.forEach((v, r) => {
    const { data, row } = resultOf(machine, program.results[r]!, "f32");
    const got = logical(v, data, row);
    const expected = wanted[r]!.data;
    expect(got.length).toBe(expected.length);
    const worst = got.reduce((most, g, i) => {
      const off = Math.abs(g - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
      return Math.max(off, most);
    }, 0);
    expect(worst).toBeLessThan(1e-4);
  });
});

test("conv2d and pools name both shapes where a window does not fit", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [2, 2, 3], dtype: "f32", batched: true });
  const attrs = { ...windows[0], size: [3, 3] as const };
  expect(() => graph.one(averagePool2d, [x], attrs)).toThrow(/3x3 .* 2x2x3/);
  const weight = graph.state("weight", "w", { shape: [4, 1, 1, 1], dtype: "f32", batched: false });
  expect(() => graph.one(depthwiseConv2d, [x, weight], windows[0])).toThrow(/4x1x1x1 .* 2x2x3/);
});
