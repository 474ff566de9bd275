/** Graphs to store: LeNet-5 in float and int8, and one with every non-default property. */

import { Random } from "../../src/base/random.ts";
import { type DType, type Shape, size, type TypedArray } from "../../src/base/shape.ts";
import { Graph, type Quantization, type Value } from "../../src/graph/graph.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { quantize } from "../../src/ops/quantized/quantize.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";

const plain = { strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;
const pool = { ...plain, size: [2, 2], strides: [2, 2] } as const;

export interface NetworkOptions {
  int8?: boolean;
  /** Fraction of weights that are zero. */
  sparsity?: number;
}

/** The article's LeNet-5: 44 426 parameters. */
export function lenet5({ int8 = false, sparsity = 0 }: NetworkOptions = {}): Graph {
  const random = new Random(5);
  const g = new Graph();
  const activation = (): Quantization => ({
    scale: Float32Array.of(random.uniform(0.001, 0.2)),
    zeroPoint: random.integer(256) - 128,
  });
  const state = (name: string, shape: Shape, dtype: DType, quantization?: Quantization): Value => {
    const integer = () => random.integer(255) - 127;
    const value = dtype === "f32" ? () => random.normal() / 10 : dtype === "i8" ? integer : () => 37 * integer();
    const data = filled(dtype, size(shape), value);
    // biases stay dense
    if (shape.length > 1) for (let i = 0; i < data.length; i++) if (random.uniform() < sparsity) data[i] = 0;
    return g.state("weight", name, { shape, dtype, batched: false, ...(quantization && { quantization }) }, data);
  };
  const names = new Map<string, number>();
  const layer = <T>(name: string, build: (name: string) => T): T => {
    const n = names.get(name) ?? 0;
    names.set(name, n + 1);
    const unique = n ? `${name}_${n}` : name;
    return g.scope(unique, () => build(unique));
  };
  /** Weights and bias of a layer over x, quantized as in TFLite if x is. */
  const weights = (name: string, x: Value, shape: Shape): [Value, Value] => {
    const channels = shape[0]!;
    if (!int8) return [state(`${name}/kernel`, shape, "f32"), state(`${name}/bias`, [channels], "f32")];
    const scale = Float32Array.from({ length: channels }, () => random.uniform(0.001, 0.01));
    const products = scale.map(s => Math.fround(s * x.type.quantization!.scale[0]!));
    return [
      state(`${name}/kernel`, shape, "i8", { scale, zeroPoint: 0, axis: 0 }),
      state(`${name}/bias`, [channels], "i32", { scale: products, zeroPoint: 0, axis: 0 }),
    ];
  };
  const chosen = () => (int8 ? { quantization: activation() } : {});
  const convolution = (x: Value, out: number): Value =>
    layer("conv2d", name =>
      g.one(conv2d, [x, ...weights(name, x, [out, 5, 5, x.type.shape[2]!])], { ...plain, groups: 1, ...chosen() }),
    );
  const connected = (x: Value, out: number): Value =>
    layer("dense", name => g.one(dense, [x, ...weights(name, x, [out, x.type.shape[0]!])], chosen()));
  const rectified = (x: Value): Value => layer("relu", () => g.one(relu, [x]));
  const pooled = (x: Value): Value => layer("maxPool2d", () => g.one(maxPool2d, [x], pool));

  let x = g.leaf("input", "input", {
    shape: [28, 28, 1],
    dtype: int8 ? "i8" : "f32",
    batched: true,
    ...(int8 && { quantization: activation() }),
  });
  x = pooled(rectified(convolution(x, 6)));
  x = pooled(rectified(convolution(x, 16)));
  x = layer("reshape", () => g.one(reshape, [x], { shape: [256] }));
  x = connected(rectified(connected(rectified(connected(x, 120)), 84)), 10);
  g.results = [x];
  return g;
}

/**
 * Two inputs, a layer used twice, no bias, padding, strides, dilation, groups, frozen weights, odd quantizations, two
 * results.
 */
export function odd(): Graph {
  const random = new Random(6);
  const g = new Graph();
  const state = (name: string, shape: Shape, dtype: DType, quantization?: Quantization) =>
    g.state(
      "weight",
      name,
      { shape, dtype, batched: false, ...(quantization && { quantization }) },
      filled(dtype, size(shape), () => (dtype === "f32" ? random.normal() : random.integer(100) - 50)),
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

function filled(dtype: DType, length: number, value: () => number): TypedArray {
  const data =
    dtype === "f32" ? new Float32Array(length) : dtype === "i8" ? new Int8Array(length) : new Int32Array(length);
  for (let i = 0; i < length; i++) data[i] = value();
  return data;
}

/** All properties of a graph, as plain data in node order. */
export function described(g: Graph) {
  const values = new Map<Value, string>();
  const type = ({ type: t }: Value) => ({
    ...t,
    shape: [...t.shape],
    ...(t.quantization && { quantization: { ...t.quantization, scale: [...t.quantization.scale] } }),
  });
  const leaf = (v: Value) => ({
    name: v.name,
    leaf: v.leaf,
    frozen: v.frozen ?? false,
    type: type(v),
    data: v.data && [
      v.data.constructor.name,
      crc32(new Uint8Array(v.data.buffer, v.data.byteOffset, v.data.byteLength)),
    ],
  });
  return {
    inputs: g.leaves.filter(v => v.leaf === "input").map(leaf),
    nodes: g.nodes.map((n, i) => {
      for (const v of n.outputs) values.set(v, `${i}.${v.index}`);
      return {
        op: n.op.name,
        name: n.name,
        inputs: n.inputs.map(v => values.get(v) ?? leaf(v)),
        outputs: n.outputs.map(type),
      };
    }),
    results: g.results.map(v => values.get(v)),
  };
}
