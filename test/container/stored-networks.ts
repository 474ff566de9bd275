/**
 * The networks in test/vectors/container/, written by every version of the format: floats with and without many zeros,
 * int8 with packed biases, int8 weights alone, and a graph with every non-default property and a full description.
 */
import { Random } from "../../src/base/random.ts";
import { allocate, type DType, type Shape, size } from "../../src/base/shape.ts";
import { Graph, type Quantization, type Value } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { quantize } from "../../src/ops/quantized/quantize.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";

export interface StoredNetwork {
  graph: Graph;
  extras: { labels?: string[]; preprocessing?: { mean: number[]; std: number[] }; metadata?: Record<string, unknown> };
}

interface Kind {
  /** Type of the weights. */
  weights: "f32" | "i8";
  /** Type of activations and biases. */
  activations: "f32" | "i8";
  /** Fraction of weights that are zero. */
  zeros: number;
}

const plain = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;

/** A small LeNet-5: two convolutions with pools, two dense layers. */
function network({ weights, activations, zeros }: Kind): Graph {
  const random = new Random(8);
  const g = new Graph();
  const int8 = activations === "i8";
  const chosen = (): Quantization => ({
    scale: Float32Array.of(random.uniform(0.01, 0.2)),
    zeroPoint: random.integer(256) - 128,
  });
  const state = (name: string, shape: Shape, dtype: DType, zeros: number, quantization?: Quantization): Value => {
    const data = allocate(dtype, size(shape));
    for (let i = 0; i < data.length; i++)
      data[i] = random.uniform() < zeros ? 0 : dtype === "f32" ? random.normal() : random.integer(255) - 127;
    return g.state(
      shape.length > 1 ? "weight" : "bias",
      name,
      { shape, dtype, batched: false, ...(quantization && { quantization }) },
      data,
    );
  };
  const parameters = (layer: string, x: Value, shape: Shape): [Value, Value] => {
    const channels = shape[0]!;
    const scale = Float32Array.from({ length: channels }, () => random.uniform(0.001, 0.01));
    const kernel = state(
      `${layer}/kernel`,
      shape,
      weights,
      zeros,
      weights === "i8" ? { scale, zeroPoint: 0, axis: 0 } : undefined,
    );
    const products = int8 ? scale.map(s => Math.fround(s * x.type.quantization!.scale[0]!)) : undefined;
    const bias = state(
      `${layer}/bias`,
      [channels],
      int8 ? "i32" : "f32",
      0,
      products && { scale: products, zeroPoint: 0, axis: 0 },
    );
    return [kernel, bias];
  };
  const quantized = () => (int8 ? { quantization: chosen() } : {});
  const block = (x: Value, layer: string, filters: number): Value => {
    const attrs = { ...plain, pads: [1, 1, 1, 1], groups: 1, ...quantized() } as const;
    const y = g.scope(layer, () =>
      g.one(conv2d, [x, ...parameters(layer, x, [filters, 3, 3, x.type.shape[2]!])], attrs),
    );
    const z = g.scope(`${layer} rectified`, () => g.one(relu, [y]));
    return g.scope(`${layer} pooled`, () => g.one(maxPool2d, [z], { ...plain, size: [2, 2], strides: [2, 2] }));
  };
  const connected = (x: Value, layer: string, units: number): Value =>
    g.scope(layer, () => g.one(dense, [x, ...parameters(layer, x, [units, x.type.shape[0]!])], quantized()));

  const input = g.leaf("input", "digits", {
    shape: [8, 8, 1],
    dtype: activations,
    batched: true,
    ...(int8 && { quantization: chosen() }),
  });
  const features = block(block(input, "edges", 3), "shapes", 5);
  const flat = g.scope("flat", () => g.one(reshape, [features], { shape: [20] }));
  const hidden = g.scope("hidden rectified", () => g.one(relu, [connected(flat, "hidden", 12)]));
  const scores = connected(hidden, "scores", 4);
  g.results = [int8 ? scores : g.scope("softmax", () => g.one(softmax, [scores]))];
  return g;
}

/**
 * Two inputs, a layer used twice, no bias, padding, strides, dilation, groups, frozen weights, odd quantizations, two
 * results.
 */
function odd(): Graph {
  const random = new Random(6);
  const g = new Graph();
  const state = (name: string, shape: Shape, dtype: DType, quantization?: Quantization) =>
    g.state(
      "weight",
      name,
      { shape, dtype, batched: false, ...(quantization && { quantization }) },
      allocate(dtype, size(shape)).map(() => (dtype === "f32" ? random.normal() : random.integer(100) - 50)),
    );
  const a = g.leaf("input", "left eye", { shape: [9, 8, 4], dtype: "f32", batched: true });
  const b = g.leaf("input", "right eye", { shape: [9, 8, 4], dtype: "f32", batched: true });
  const shared = state("eyes/kernel", [6, 3, 3, 2], "f32");
  shared.frozen = true;
  const look = (x: Value) =>
    g.one(conv2d, [x, shared], { strides: [2, 1], pads: [1, -1, 2, 1], dilations: [1, 2], groups: 2 });
  const left = g.scope("left", () => look(a));
  const right = g.scope("right", () => look(b));
  const both = g.scope("both", () => g.one(add, [left, right]));
  const pooled = g.scope("pool", () =>
    g.one(maxPool2d, [both], { ...plain, size: [3, 2], strides: [1, 2], ceil: true }),
  );
  const flat = g.scope("flat", () => g.one(reshape, [pooled], { shape: [size(pooled.type.shape)] }));
  const per = { scale: Float32Array.of(0.5), zeroPoint: 3 };
  const integers = g.scope("integers", () => g.one(quantize, [flat], { quantization: per }));
  const last = g.scope("out", () =>
    g.one(
      dense,
      [integers, state("out/table", [3, size(pooled.type.shape)], "i8", per), state("out/offset", [3], "i32")],
      { quantization: { scale: Float32Array.of(40), zeroPoint: -9 } },
    ),
  );
  g.results = [last, right];
  return g;
}

const extras = {
  labels: ["zero", "one", "盆", ""],
  preprocessing: { mean: [0.1307], std: [0.3081] },
  metadata: { accuracy: 0.9912, from: { data: "mnist", seeds: [1, 2] } },
};

export const storedNetworks = (): Record<string, StoredNetwork> => ({
  float: { graph: network({ weights: "f32", activations: "f32", zeros: 0 }), extras },
  sparse: { graph: network({ weights: "f32", activations: "f32", zeros: 0.8 }), extras: {} },
  int8: { graph: network({ weights: "i8", activations: "i8", zeros: 0 }), extras },
  "sparse-int8": { graph: network({ weights: "i8", activations: "i8", zeros: 0.8 }), extras: {} },
  dynamic: { graph: network({ weights: "i8", activations: "f32", zeros: 0.3 }), extras },
  odd: { graph: odd(), extras },
});
