import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../../src/base/shape.ts";
import { type Tensor, tensor } from "../../../src/base/tensor.ts";
import { Graph, type Value } from "../../../src/graph/graph.ts";
import { TRAIN } from "../../../src/kernels/load-train.ts";
import { relu } from "../../../src/ops/activation/relu.ts";
import { conv2d } from "../../../src/ops/convolution/conv2d.ts";
import { plainWindow } from "../../../src/ops/convolution/window.ts";
import { algorithmFor, conv2dReluMaxPool2d } from "../../../src/ops/fused/conv2d-relu-max-pool2d.ts";
import { evaluate, GRADIENT, TRAIN_LOWER, TRAIN_PREFERS } from "../../../src/ops/index.ts";
import { maxPool2d } from "../../../src/ops/pooling/max-pool2d.ts";
import { FORWARD, fuse } from "../../../src/passes/fuse.ts";
import { gradient } from "../../../src/passes/gradient.ts";
import { poison, resultOf } from "../../../src/run/contents.ts";
import { Machine } from "../../../src/run/machine.ts";
import { noise } from "../../kernels/harness.ts";

const f32 = (shape: Shape, batched = false) => ({ shape, dtype: "f32" as const, batched });
const POOL = { ...plainWindow, size: [2, 2] as const, strides: [2, 2] as const };

interface Case {
  image: Shape;
  weight: Shape;
  bias?: boolean;
}

/** The three ops, the upstream gradient, and the gradients of everything; fused if `fused`. */
function build({ image, weight, bias = true }: Case, fused: boolean, poolFirst = false) {
  const graph = new Graph();
  const x = graph.leaf("input", "x", f32(image, true));
  const w = graph.state("weight", "w", f32(weight));
  const b = bias ? [graph.state("weight", "b", f32([weight[0]!]))] : [];
  const c = graph.one(conv2d, [x, w, ...b], { ...plainWindow, groups: 1 });
  const y = poolFirst
    ? graph.one(relu, [graph.one(maxPool2d, [c], POOL)])
    : graph.one(maxPool2d, [graph.one(relu, [c])], POOL);
  graph.results = [y];
  if (fused) expect(fuse(graph, FORWARD)).toBe(true);
  const result = graph.results[0]!;
  const up = graph.leaf("input", "up", result.type);
  const gradients = gradient(graph, GRADIENT, [[result, up]], [x, w, ...b]);
  graph.results = [result, ...gradients.map(g => g!)];
  graph.prune();
  return graph;
}

const IMAGES = 6;
const contents = (leaf: Value): Tensor => {
  const shape = leaf.type.batched ? [IMAGES, ...leaf.type.shape] : leaf.type.shape;
  const seed = [...leaf.name].reduce((s, c) => s * 31 + c.charCodeAt(0), 7);
  return tensor(shape, Float64Array.from(noise(size(shape), seed)));
};

const CASES: [string, Case][] = (
  [
    { image: [28, 28, 1], weight: [6, 5, 5, 1] },
    { image: [12, 12, 6], weight: [16, 5, 5, 6] },
    { image: [11, 17, 1], weight: [3, 3, 4, 1] },
    { image: [9, 13, 1], weight: [9, 5, 2, 1], bias: false },
    { image: [7, 6, 1], weight: [2, 2, 2, 1] },
    // Winograd takes at least 4 channels
    { image: [12, 12, 4], weight: [16, 5, 5, 4] },
    { image: [12, 12, 3], weight: [16, 5, 5, 3] },
    { image: [12, 12, 2], weight: [6, 5, 5, 2] },
    { image: [8, 9, 3], weight: [7, 3, 3, 3] },
    { image: [11, 12, 5], weight: [12, 4, 5, 5], bias: false },
    { image: [4, 4, 20], weight: [5, 3, 3, 20] },
  ] satisfies Case[]
).map(c => [`${c.image.join("x")} with ${c.weight.join("x")}${c.bias === false ? ", no bias" : ""}`, c]);

function close(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  for (let i = 0; i < wanted.length; i++)
    if (!(Math.abs(got[i]! - wanted[i]!) <= tolerance * Math.max(1, Math.abs(wanted[i]!))))
      throw new Error(`element ${i} is ${got[i]}, not ${wanted[i]}`);
}

test("algorithmFor takes Winograd from four channels on, which its kernel needs, whatever the costs are", () => {
  const algorithm = (channels: number) => algorithmFor([12, 12, channels], [16, 5, 5, channels]);
  expect([1, 2, 3, 4, 5, 16].map(algorithm)).toEqual(["plane", "direct", "direct", "winograd", "winograd", "winograd"]);
});

describe("conv2dReluMaxPool2d", () => {
  test.each(CASES)("means the same as its parts, forward and backward: %s", (_, c) => {
    const fused = build(c, true);
    expect(fused.nodes.map(n => n.op.name)).toEqual([
      "conv2dReluMaxPool2d",
      "conv2dReluMaxPool2dWeightGradient",
      "conv2dReluMaxPool2dInputGradient",
    ]);
    const wanted = evaluate(build(c, false), contents);
    for (const [i, t] of evaluate(fused, contents).entries()) close(t.data, wanted[i]!.data, 1e-12);
  });

  test("ReLU after the pool is the same", () => {
    const [, c] = CASES[0]!;
    const wanted = evaluate(build(c, false), contents);
    for (const [i, t] of evaluate(build(c, true, true), contents).entries()) close(t.data, wanted[i]!.data, 1e-12);
  });

  test.each(CASES)("runs as it means, on memory full of NaN and in groups: %s", async (_, c) => {
    const graph = build(c, true);
    for (const leaf of graph.leaves) if (leaf.leaf === "state") leaf.data = Float32Array.from(contents(leaf).data);
    const wanted = evaluate(graph, contents);
    const ops = { lower: TRAIN_LOWER, prefers: TRAIN_PREFERS };
    const run = async (group: number) => {
      const machine = await Machine.create(TRAIN, [{ name: "step", graph, batch: IMAGES, group }], ops, "simd");
      const program = machine.program("step");
      poison(machine);
      for (const leaf of graph.leaves.filter(v => v.leaf === "input")) {
        const per = size(leaf.type.shape);
        const data = contents(leaf).data;
        const stored = machine.stored(leaf.name);
        const row = stored.length / IMAGES;
        for (let i = 0; i < IMAGES; i++) stored.set(data.subarray(i * per, (i + 1) * per), i * row);
      }
      machine.run(program);
      return program.results.map((ref, i) => {
        const { shape, batched } = graph.results[i]!.type;
        const { data, row } = resultOf(machine, ref, "f32");
        return Array.from({ length: batched ? IMAGES : 1 }, (_, n) => [
          ...data.subarray(n * row, n * row + size(shape)),
        ]).flat();
      });
    };
    const got = await run(2);
    for (const [i, data] of got.entries()) close(data, wanted[i]!.data, 2e-4);
    expect(await run(3)).toEqual(got);
    expect(await run(1)).toEqual(got);
  });

  test("is not used without kernels for the shapes", () => {
    const refuses = (conv: object, pool: object, image: Shape = [9, 9, 2], weight: Shape = [4, 3, 3, 2]) => {
      const graph = new Graph();
      const x = graph.leaf("input", "x", f32(image, true));
      const c = graph.one(conv2d, [x, graph.state("weight", "w", f32(weight))], { ...plainWindow, groups: 1, ...conv });
      graph.results = [graph.one(maxPool2d, [graph.one(relu, [c])], { ...POOL, ...pool })];
      expect(fuse(graph, FORWARD)).toBe(false);
    };
    refuses({ strides: [2, 1] }, {});
    refuses({ pads: [0, 0, 1, 0] }, {});
    refuses({ dilations: [1, 2] }, {});
    refuses({ groups: 2 }, {}, [9, 9, 4]);
    refuses({}, { size: [3, 2] });
    refuses({}, { strides: [2, 1] });
    refuses({}, { pads: [1, 0, 0, 0] });
    refuses({}, { ceil: true }); // 7 x 7 has a partial window
    expect(algorithmFor([4, 4, 2], [4, 4, 1, 2])).toBeUndefined();
  });

  test("names both shapes where they do not fit", () => {
    const graph = new Graph();
    const inputs = [graph.leaf("input", "x", f32([4, 4, 2], true)), graph.state("weight", "w", f32([3, 5, 5, 2]))];
    expect(() => graph.add(conv2dReluMaxPool2d, inputs)).toThrow(
      'layer "conv2dReluMaxPool2d" (conv2dReluMaxPool2d): ' +
        "weights of 3x5x5x2 and a pool of 2x2 do not fit images of 4x4x2",
    );
  });
});
