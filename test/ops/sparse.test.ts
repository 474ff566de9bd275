/** Layers with constant weights that are mostly zeros: what runs by sparse kernels gives what dense kernels give. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { plainWindow, type Window } from "../../src/ops/convolution/window.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { FORWARD, fuse } from "../../src/passes/fuse.ts";
import { printProgram } from "../../src/plan/print.ts";
import { type Pattern, pruned } from "../kernels/sparse.ts";
import { evaluated, expectPlanned, planned, TRAINING } from "./planned.ts";

interface Layer {
  image: Shape;
  /** [outs][kh][kw], or [outs] of a dense layer. */
  filters: readonly number[];
  window?: Partial<Window>;
  bias?: boolean;
  relu?: boolean;
}

const LAYERS: Record<string, Layer> = {
  dense: { image: [128], filters: [67], relu: true },
  "dense without bias": { image: [96], filters: [48], bias: false },
  "1x1": { image: [7, 5, 40], filters: [36, 1, 1] },
  "3x3, stride 2, padded": {
    image: [13, 11, 12],
    filters: [33, 3, 3],
    window: { strides: [2, 2], pads: [1, 1, 1, 1] },
    relu: true,
  },
  "2x3, dilated, padded at the end": {
    image: [12, 14, 16],
    filters: [24, 2, 3],
    window: { dilations: [2, 2], pads: [0, 0, 3, 2] },
    bias: false,
  },
};

const VARIANTS: Variant[] = supported().relaxed ? ["simd", "relaxed"] : ["simd"];
/** The relaxed dot product is exact on every engine only while q + 128 is in 0..127. */
const halfOf = (variant: Variant) => variant === "relaxed" && supported().relaxedDot !== "u8";

function network({ image, filters, window, bias = true, relu: clamped }: Layer, pattern: Pattern, variant?: Variant) {
  const graph = new Graph();
  const random = new Random(4);
  const int8 = variant !== undefined;
  const half = int8 && halfOf(variant);
  const shape = [...filters, filters.length > 1 ? image[2]! : size(image)];
  const outs = shape[0]!;
  const length = size(shape) / outs;
  const affine = (scale: number) => ({ scale: Float32Array.of(scale), zeroPoint: half ? -128 : -11 });
  const state = (role: "weight" | "bias", of: Shape, data: Float32Array | Int8Array | Int32Array, dtype: string) => {
    const quantization = int8 && { scale: new Float32Array(outs).fill(0.01), zeroPoint: 0, axis: 0 };
    const type = { shape: of, dtype: dtype as "f32", batched: false, ...(quantization && { quantization }) };
    return graph.state(role, role, type, data);
  };
  const weights = int8
    ? Int8Array.from({ length: outs * length }, () => random.integer(255) - 127)
    : Float32Array.from({ length: outs * length }, () => random.uniform(-1, 1));
  const biases = int8
    ? Int32Array.from({ length: outs }, () => random.integer(4001) - 2000)
    : Float32Array.from({ length: outs }, () => random.uniform(-1, 1));
  const x = graph.leaf("input", "x", {
    shape: image,
    dtype: int8 ? "i8" : "f32",
    batched: true,
    ...(int8 && { quantization: affine(1) }),
  });
  const inputs: Value[] = [x, state("weight", shape, pruned(weights, outs, pattern), int8 ? "i8" : "f32")];
  if (bias) inputs.push(state("bias", [outs], biases, int8 ? "i32" : "f32"));
  const quantization = int8 ? { quantization: affine(0.8 * Math.sqrt(length)) } : {};
  let y =
    filters.length > 1
      ? graph.one(conv2d, inputs, { ...plainWindow, ...window, groups: 1, ...quantization })
      : graph.one(dense, inputs, quantization);
  if (clamped) y = graph.one(relu, [y]);
  graph.results = [y];
  fuse(graph, FORWARD);
  const feed = (batch: number) => ({
    x: int8
      ? Int8Array.from({ length: batch * size(image) }, () => random.integer(half ? 128 : 256) - 128)
      : Float32Array.from({ length: batch * size(image) }, () => random.uniform(-1, 1)),
  });
  return { graph, feed };
}

const ops = { lower: LOWER, prefers: PREFERS };
const patterns: Pattern[] = ["nothing", "single weights", "blocks of 1x4", "blocks of 4x16", "half", "all"];
const cases = Object.entries(LAYERS).flatMap(([name, layer]) =>
  patterns.map(pattern => [name, pattern, layer] as const),
);

describe.each(cases)("%s, %s", (_, pattern, layer) => {
  test.each(VARIANTS.flatMap(variant => [1, 5].map(batch => [variant, batch] as const)))(
    "sparse int8 layers are exact (%s, batch %i)",
    async (variant, batch) => {
      const { graph, feed } = network(layer, pattern, variant);
      const given = feed(batch);
      const { results, machine } = await planned(graph, given, { batch, binary: RUN, variant, ops });
      expect([...results[0]!.data]).toEqual([...evaluated(graph, given, batch)[0]!.data]);
      const program = printProgram(machine.plan.programs[0]!);
      if (pattern === "all") expect(program).not.toContain("sparse");
      if (pattern === "nothing" || (pattern === "blocks of 4x16" && variant === "simd"))
        expect(program).toContain("i8_sparse");
    },
  );

  test.each([1, 5, 8])("sparse f32 layers add as dense ones do, bit by bit (batch %i)", async batch => {
    const { graph, feed } = network(layer, pattern);
    const given = feed(batch);
    const sparse = await expectPlanned(graph, given, { batch, binary: RUN, ops });
    const trained = await planned(graph, given, { batch, variant: "simd", ops: TRAINING });
    expect(sparse.results[0]!.data).toEqual(trained.results[0]!.data);
    const program = printProgram(sparse.machine.plan.programs[0]!);
    if (pattern === "all") expect(program).not.toContain("sparse");
    if (pattern === "nothing") expect(program).toContain("f32_sparse");
    // weights that may change are never looked at
    expect(printProgram(trained.machine.plan.programs[0]!)).not.toContain("sparse");
  });
});
