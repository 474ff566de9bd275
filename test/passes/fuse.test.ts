import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { tensor } from "../../src/base/tensor.ts";
import { Graph, type Quantization, type Value } from "../../src/graph/graph.ts";
import { relu, reluGradient } from "../../src/ops/activation/relu.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense, denseInputGradient } from "../../src/ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { evaluate } from "../../src/ops/index.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { BACKWARD, FORWARD, fuse } from "../../src/passes/fuse.ts";

/** A graph under construction, float or int8. */
class Draft {
  readonly graph = new Graph();
  readonly int8: boolean;
  readonly #random = new Random(5);

  constructor(int8 = false) {
    this.int8 = int8;
  }

  get #quantization(): { quantization?: Quantization } {
    return this.int8 ? { quantization: { scale: Float32Array.of(0.05), zeroPoint: 0 } } : {};
  }

  input(shape: Shape, name = "x"): Value {
    const dtype = this.int8 ? "i8" : "f32";
    return this.graph.leaf("input", name, { shape, dtype, batched: true, ...this.#quantization });
  }

  weight(name: string, shape: Shape): Value {
    if (!this.int8)
      return this.graph.state("weight", name, { shape, dtype: "f32", batched: false }, this.#normal(size(shape)));
    const quantization = { scale: new Float32Array(shape[0]!).fill(0.02), zeroPoint: 0, axis: 0 };
    const data = Int8Array.from({ length: size(shape) }, () => this.#random.integer(255) - 127);
    return this.graph.state("weight", name, { shape, dtype: "i8", batched: false, quantization }, data);
  }

  bias(name: string, shape: Shape): Value {
    return this.graph.state("bias", name, { shape, dtype: "f32", batched: false }, this.#normal(size(shape)));
  }

  #normal(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => this.#random.normal());
  }

  conv2d(x: Value, attrs: object = {}, outs = 6, kernel = 5): Value {
    const weight = this.weight("kernel", [outs, kernel, kernel, x.type.shape[2]!]);
    const operands = this.int8 ? [x, weight] : [x, weight, this.bias("bias", [outs])];
    return this.graph.scope("conv", () =>
      this.graph.one(conv2d, operands, { ...plainWindow, groups: 1, ...attrs, ...this.#quantization }),
    );
  }

  dense(x: Value, biased = true): Value {
    const operands = [x, this.weight("matrix", [7, x.type.shape[0]!]), ...(biased ? [this.bias("bias", [7])] : [])];
    return this.graph.scope("dense", () => this.graph.one(dense, operands, this.#quantization));
  }

  relu = (x: Value): Value => this.graph.scope("relu", () => this.graph.one(relu, [x]));

  pool = (x: Value, attrs: object = {}): Value =>
    this.graph.scope("pool", () =>
      this.graph.one(maxPool2d, [x], { ...plainWindow, size: [2, 2], strides: [2, 2], ceil: false, ...attrs }),
    );

  /** The remaining ops, and whether fusion reports a change. */
  fused(results: Value[], rules = FORWARD): [string[], boolean] {
    this.graph.results = results;
    const changed = fuse(this.graph, rules);
    return [this.graph.nodes.map(n => n.op.name), changed];
  }
}

describe("fuse, relu behind dense", () => {
  test("fuses, keeps the layer's name and the result's", () => {
    const d = new Draft();
    const y = d.relu(d.dense(d.input([5])));
    y.name = "answer";
    expect(d.fused([y])).toEqual([["dense"], true]);
    expect(d.graph.nodes[0]!.attrs).toEqual({ relu: true });
    expect(d.graph.nodes[0]!.name).toBe("relu");
    expect(d.graph.results[0]!.name).toBe("answer");
  });

  test("is left alone without a bias, if it is read twice or a result, and once it has its relu", () => {
    const alone = (build: (d: Draft) => Value[]): [string[], boolean] => {
      const d = new Draft();
      return d.fused(build(d));
    };
    expect(alone(d => [d.relu(d.dense(d.input([5]), false))])).toEqual([["dense", "relu"], false]);
    expect(
      alone(d => {
        const y = d.dense(d.input([5]));
        return [d.relu(y), d.graph.one(tanh, [y])];
      }),
    ).toEqual([["dense", "relu", "tanh"], false]);
    expect(
      alone(d => {
        const y = d.dense(d.input([5]));
        return [d.relu(y), y];
      }),
    ).toEqual([["dense", "relu"], false]);
    expect(alone(d => [d.relu(d.relu(d.dense(d.input([5]))))])).toEqual([["dense", "relu"], true]);
  });
});

describe("fuse, convolution and pool", () => {
  test.each(["relu below the pool", "relu above the pool"])("fuses with the %s", where => {
    const d = new Draft();
    const y = d.conv2d(d.input([12, 12, 1]));
    const z = where.includes("below") ? d.pool(d.relu(y)) : d.relu(d.pool(y));
    expect(d.fused([z])).toEqual([["conv2dReluMaxPool2d"], true]);
  });

  test.each<[string, (d: Draft, x: Value) => Value]>([
    ["no relu", (d, x) => d.pool(d.conv2d(x))],
    ["a step of 2", (d, x) => d.pool(d.relu(d.conv2d(x, { strides: [2, 2] })))],
    ["padding", (d, x) => d.pool(d.relu(d.conv2d(x, { pads: [2, 2, 2, 2] })))],
    ["dilation", (d, x) => d.pool(d.relu(d.conv2d(x, { dilations: [2, 2] })))],
    ["a pool of 3 x 3", (d, x) => d.pool(d.relu(d.conv2d(x)), { size: [3, 3] })],
    ["a pool in steps of 1", (d, x) => d.pool(d.relu(d.conv2d(x)), { strides: [1, 1] })],
    ["a padded pool", (d, x) => d.pool(d.relu(d.conv2d(x)), { pads: [1, 1, 1, 1] })],
  ])("is left alone: %s", (_, build) => {
    const d = new Draft();
    const y = build(d, d.input([20, 20, 1]));
    const before = d.graph.nodes.map(n => n.op.name);
    expect(d.fused([y])).toEqual([before, false]);
  });

  test("is left alone if the positions of the maxima are read", () => {
    const d = new Draft();
    const pool = d.pool(d.relu(d.conv2d(d.input([12, 12, 1])))).node!;
    expect(d.fused([...pool.outputs])[1]).toBe(false);
  });

  test("of int8 fuses with and without relu, pooled pairs only", () => {
    const int8 = (build: (d: Draft, x: Value) => Value, shape = [12, 12, 1]): unknown => {
      const d = new Draft(true);
      d.fused([build(d, d.input(shape))]);
      return d.graph.nodes.map(n => [n.op.name, n.attrs.relu === true]);
    };
    expect(int8((d, x) => d.pool(d.relu(d.conv2d(x))))).toEqual([["conv2dMaxPool2d", true]]);
    expect(int8((d, x) => d.pool(d.conv2d(x)))).toEqual([["conv2dMaxPool2d", false]]);
    expect(int8((d, x) => d.pool(d.conv2d(x), { ceil: true }), [13, 13, 1])).toEqual([
      ["conv2d", false],
      ["maxPool2d", false],
    ]);
  });
});

test("fuse, relu of int8: becomes the bound of conv2d, dense and depthwiseConv2d", () => {
  const layers: ((d: Draft) => Value)[] = [
    d => d.conv2d(d.input([6, 6, 1])),
    d => d.dense(d.input([5]), false),
    d =>
      d.graph.one(depthwiseConv2d, [d.input([6, 6, 2]), d.weight("kernel", [2, 3, 3, 1])], {
        ...plainWindow,
        quantization: { scale: Float32Array.of(0.05), zeroPoint: 0 },
      }),
  ];
  for (const build of layers) {
    const d = new Draft(true);
    const y = build(d);
    const [ops, changed] = d.fused([d.relu(y)]);
    expect([ops, changed]).toEqual([[y.node!.op.name], true]);
    expect(d.graph.nodes[0]!.attrs.relu).toBe(true);
  }
});

test("fuse, BACKWARD: reluGradient becomes an operand of denseInputGradient", () => {
  const build = () => {
    const d = new Draft();
    const up = d.input([7], "up");
    const inner = d.graph.one(denseInputGradient, [d.weight("matrix", [7, 5]), up]);
    return { d, y: d.graph.one(reluGradient, [inner, d.input([5], "y")]), inner };
  };
  const { d, y } = build();
  expect(d.fused([y], BACKWARD)).toEqual([["denseInputGradient"], true]);
  expect(d.graph.nodes[0]!.inputs.length).toBe(3);
  const read = build();
  expect(read.d.fused([read.y, read.inner], BACKWARD)[1]).toBe(false);
});

test("fuse: a network gives the same results, has its nodes in order, and is not fused twice", () => {
  const d = new Draft();
  const image = d.pool(d.relu(d.conv2d(d.input([12, 12, 1]), {}, 6, 5)));
  const { graph } = d;
  graph.results = [graph.one(tanh, [image]), image];
  const x = new Random(8);
  const picture = Float64Array.from({ length: 2 * 144 }, () => x.normal());
  const answers = () =>
    evaluate(graph, v =>
      tensor(v.type.batched ? [2, ...v.type.shape] : v.type.shape, Float64Array.from(v.data ?? picture)),
    ).map(t => [...t.data]);
  const before = answers();
  expect(fuse(graph, FORWARD)).toBe(true);
  expect(graph.nodes.map(n => n.op.name)).toEqual(["conv2dReluMaxPool2d", "tanh"]);
  expect(answers()).toEqual(before);
  expect(fuse(graph, FORWARD)).toBe(false);
});
