/**
 * Ops that move elements, means and resizing: the plan against evaluate, gradients against slopes; refusals by name.
 */
import { expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { mean } from "../../src/ops/arithmetic/mean.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { requantize } from "../../src/ops/quantized/requantize.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { COORDINATES } from "../../src/ops/shape/coordinates.ts";
import { resizeBilinear } from "../../src/ops/shape/resize-bilinear.ts";
import { ROUNDINGS, resizeNearest } from "../../src/ops/shape/resize-nearest.ts";
import { stridedSlice } from "../../src/ops/shape/strided-slice.ts";
import { transpose } from "../../src/ops/shape/transpose.ts";
import { noise } from "../kernels/harness.ts";
import { type Case, describeDifferentiated } from "./differentiated.ts";
import { evaluated, expectClose, planned } from "./planned.ts";

const of = (name: string, shape: Shape, build: (graph: Graph, x: Value) => Value): Case => ({
  name: `${name} of ${shape.join("x")}`,
  inputs: [shape],
  build: (graph, [x]) => build(graph, x!),
});

/** Affine coordinates; other modes have no parameters. */
const AFFINE = { scales: [1.7, 0.6], shifts: [0.4, 0], offsets: [-0.5, 0.2] } as const;

const CASES: Case[] = [
  ...(
    [
      [2, 0, 1],
      [0, 2, 1],
      [1, 0, 2],
      [0, 1, 2],
    ] as const
  ).map(permutation =>
    of(`transpose to ${permutation}`, [3, 2, 5], (graph, x) => graph.one(transpose, [x], { permutation })),
  ),
  of("transpose of rows", [9, 4], (graph, x) => graph.one(transpose, [x], { permutation: [1, 0] })),
  of("slice in steps", [5, 4, 3], (graph, x) =>
    graph.one(stridedSlice, [x], { begin: [1, 0, 0], strides: [2, 1, 1], shape: [2, 3, 3] }),
  ),
  of("slice backwards", [5, 4, 3], (graph, x) =>
    graph.one(stridedSlice, [x], { begin: [4, 3, 2], strides: [-2, -1, -2], shape: [3, 4, 2] }),
  ),
  of("constant pad", [3, 4, 2], (graph, x) =>
    graph.one(constantPad, [x], { before: [1, 0, 2], after: [0, 2, 1], value: 0.7 }),
  ),
  of("constant pad of rows", [7], (graph, x) => graph.one(constantPad, [x], { before: [2], after: [0], value: 0 })),
  ...COORDINATES.flatMap(coordinates => [
    ...ROUNDINGS.map(rounding =>
      of(`nearest, ${coordinates}, ${rounding}`, [3, 4, 2], (graph, x) =>
        graph.one(resizeNearest, [x], { size: [5, 3], coordinates, rounding, ...AFFINE }),
      ),
    ),
    of(`bilinear, ${coordinates}`, [3, 4, 5], (graph, x) =>
      graph.one(resizeBilinear, [x], { size: [6, 3], coordinates, ...AFFINE }),
    ),
  ]),
  of("bilinear to one pixel", [3, 4, 5], (graph, x) =>
    graph.one(resizeBilinear, [x], { size: [1, 1], coordinates: "halfPixel" }),
  ),
  ...([[0], [1], [2], [0, 1], [1, 2], [0, 1, 2]] as const).map(axes =>
    of(`mean over ${axes}`, [3, 4, 5], (graph, x) => graph.one(mean, [x], { axes, keepDims: axes[0] === 1 })),
  ),
  {
    name: "an image by a channel each",
    inputs: [
      [3, 4, 5],
      [1, 1, 5],
    ],
    build: (graph, [x, gate]) => graph.one(mul, [x!, graph.one(broadcast, [gate!, x!], { shape: [3, 4, 5] })]),
  },
  {
    name: "an image by a constant of one row",
    inputs: [[3, 4, 5]],
    states: [[4, 1]],
    build: (graph, [x, row]) => graph.one(mul, [x!, graph.one(broadcast, [row!, x!], { shape: [3, 4, 5] })]),
  },
];

describeDifferentiated(CASES, [1, 5]);

test("transpose and others: evaluate moves the right elements", () => {
  const result = (shape: Shape, build: (graph: Graph, x: Value) => Value): number[] => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
    graph.results = [build(graph, x)];
    return [...evaluated(graph, { x: Float32Array.from({ length: size(shape) }, (_, i) => i) }, 1)[0]!.data];
  };
  expect(result([2, 3], (g, x) => g.one(transpose, [x], { permutation: [1, 0] }))).toEqual([0, 3, 1, 4, 2, 5]);
  expect(result([4], (g, x) => g.one(stridedSlice, [x], { begin: [3], strides: [-2], shape: [2] }))).toEqual([3, 1]);
  expect(result([2], (g, x) => g.one(constantPad, [x], { before: [1], after: [2], value: 9 }))).toEqual([
    9, 0, 1, 9, 9,
  ]);
  expect(result([2], (g, x) => g.one(broadcast, [x, x], { shape: [2, 2] }))).toEqual([0, 1, 0, 1]);
  const up = { size: [1, 4], coordinates: "halfPixel" } as const;
  expect(result([1, 2, 1], (g, x) => g.one(resizeBilinear, [x], up))).toEqual([0, 0.25, 0.75, 1]);
  expect(result([1, 2, 1], (g, x) => g.one(resizeNearest, [x], { ...up, rounding: "floor" }))).toEqual([0, 0, 0, 1]);
});

test("transpose and others name what does not fit", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [3, 4], dtype: "f32", batched: true });
  const one = (op: Parameters<Graph["one"]>[0], attrs: object, inputs = [x]) =>
    graph.one(op as never, inputs, attrs as never);
  expect(() => one(transpose as never, { permutation: [0, 0] })).toThrow("[0,0] is no order of the axes of 3x4");
  expect(() => one(stridedSlice as never, { begin: [0, 2], strides: [1, 1], shape: [3, 3] })).toThrow(
    "3x4 has no 3x3 from [0,2] on in steps of [1,1]",
  );
  expect(() => one(constantPad as never, { before: [-1, 0], after: [0, 0], value: 0 })).toThrow(
    "expects pads >= 0 of 3x4",
  );
  expect(() => one(broadcast as never, { shape: [3, 5] }, [x, x])).toThrow("3x4 cannot be repeated to 3x5");
  expect(() => one(mean as never, { axes: [0, 2], keepDims: false })).toThrow(
    "expects neighbouring axes of 3x4, got [0,2]",
  );
  expect(() => one(resizeNearest as never, { size: [2, 2] })).toThrow(
    "expects images of height x width x channels, got 3x4",
  );
  expect(() => one(requantize as never, {})).toThrow("expects i8 or u8, got f32");
});

test("broadcast: a constant is repeated once, before the first run; a value in every run", async () => {
  const repeats = async (own: boolean) => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: [3, 4], dtype: "f32", batched: true });
    const row = own
      ? graph.one(stridedSlice, [x], { begin: [0, 0], strides: [1, 1], shape: [1, 4] })
      : graph.state("weight", "row", { shape: [4], dtype: "f32", batched: false }, Float32Array.of(1, 2, 3, 4));
    graph.results = [graph.one(mul, [x, graph.one(broadcast, [row, x], { shape: [3, 4] })])];
    const { machine, results } = await planned(graph, { x: noise(24, 1), row: [1, 2, 3, 4] }, { batch: 2 });
    expectClose(
      results[0]!.data,
      evaluated(graph, { x: noise(24, 1), row: [1, 2, 3, 4] }, 2)[0]!.data,
      "products",
      1e-6,
    );
    const [{ once, blocks } = { once: [], blocks: [] }] = machine.plan.programs;
    const moves = (calls: readonly { kernel: string }[]) => calls.filter(c => c.kernel === "rearrange").length;
    return [moves(once), moves(blocks.flatMap(b => b.calls))];
  };
  expect(await repeats(false)).toEqual([1, 0]);
  expect(await repeats(true)).toEqual([0, 2]);
});
