/**
 * Tests the table AXES against its law over random networks: put the indices of a class in another order everywhere at
 * once, or remove indices of which all numbers are zero, and the graph gives the same numbers.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Shape, size } from "../../src/base/shape.ts";
import { tensor } from "../../src/base/tensor.ts";
import type { Axis } from "../../src/graph/axes.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { verify } from "../../src/graph/verify.ts";
import * as layers from "../../src/model/index.ts";
import { dsCnn, lenet5, resnet8 } from "../../src/models/index.ts";
import { clip } from "../../src/ops/activation/clip.ts";
import { pact } from "../../src/ops/activation/pact.ts";
import { prelu } from "../../src/ops/activation/prelu.ts";
import { relu, reluGradient } from "../../src/ops/activation/relu.ts";
import { sigmoid } from "../../src/ops/activation/sigmoid.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { tanh } from "../../src/ops/activation/tanh.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { mean } from "../../src/ops/arithmetic/mean.ts";
import { mul } from "../../src/ops/arithmetic/mul.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../src/ops/convolution/depthwise-conv2d.ts";
import { evaluate } from "../../src/ops/index.ts";
import { batchNormalization } from "../../src/ops/normalization/batch-normalization.ts";
import { dropout } from "../../src/ops/normalization/dropout.ts";
import { layerNormalization } from "../../src/ops/normalization/layer-normalization.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { fakeQuantizeActivation } from "../../src/ops/quantized/fake-quantize-activation.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { concat } from "../../src/ops/shape/concat.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { pad } from "../../src/ops/shape/pad.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { resizeNearest } from "../../src/ops/shape/resize-nearest.ts";
import { stridedSlice } from "../../src/ops/shape/strided-slice.ts";
import { transpose } from "../../src/ops/shape/transpose.ts";
import { sparseCodebook } from "../../src/ops/weight/codebook.ts";
import { fakeQuantize } from "../../src/ops/weight/fake-quantize.ts";
import { gate } from "../../src/ops/weight/gate.ts";
import { mask } from "../../src/ops/weight/mask.ts";
import { type AxisClass, GraphAxes } from "../../src/passes/axes.ts";

const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] } as const;
const IMAGES = 2;

/** Draws a network of convolutions and ops between them, in front of a dense layer. */
class Drawing {
  readonly graph = new Graph();
  readonly random: Random;
  #count = 0;
  x: Value;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.x = this.graph.leaf("input", "x", { shape: [4, 4, 3], dtype: "f32", batched: true });
    this.x = this.conv(this.x, 6);
    for (let steps = 2 + this.random.integer(5); steps > 0; steps--) this.step();
    this.x = this.graph.one(reshape, [this.x], { shape: [size(this.x.type.shape)] });
    if (this.random.integer(2)) this.vectors();
    this.graph.results = [this.dense(this.x, 3)];
  }

  state(name: string, shape: Shape): Value {
    const data = Float32Array.from({ length: size(shape) }, () => this.random.normal() * 0.5);
    const positive = name === "variance" ? data.map(v => v * v + 0.1) : data;
    return this.graph.state("weight", `${name} ${this.#count++}`, { shape, dtype: "f32", batched: false }, positive);
  }

  quantized(weight: Value): Value {
    const learned = this.random.integer(2);
    const per = this.random.integer(2) ? "channel" : "tensor";
    const count = per === "channel" ? weight.type.shape[0]! : 1;
    const states = learned ? [this.state("step", [count]), this.state("unit", [count])] : [];
    for (const leaf of states) leaf.data = (leaf.data as Float32Array).map(v => Math.abs(v) + 0.1);
    return this.graph.one(fakeQuantize, [weight, ...states], { levels: 7, scale: learned ? "learned" : "max", per });
  }

  /** A weight, sometimes behind a mask, gates, a codebook or a quantization. */
  kernel(shape: Shape): Value {
    const weight = this.state("kernel", shape);
    if (this.random.integer(3)) return weight;
    const edge = this.random.integer(5);
    if (edge === 0) return this.graph.one(gate, [weight, this.state("gates", [shape[0]!])]);
    if (edge === 4) return this.quantized(weight);
    if (edge === 1) {
      const table = this.random.integer(2) ? [3] : [shape[0]!, 3];
      return this.graph.one(sparseCodebook, [weight, this.state("table", table)], { mean: false });
    }
    const bits = this.state("mask", shape);
    bits.data = (bits.data as Float32Array).map(v => Number(v > 0));
    return this.graph.one(mask, [weight, bits]);
  }

  conv(x: Value, filters: number, groups = 1): Value {
    const shape = [filters, 3, 3, x.type.shape[2]! / groups];
    const bias = this.random.integer(2) ? [this.state("bias", [filters])] : [];
    return this.graph.one(conv2d, [x, this.kernel(shape), ...bias], { ...window, groups });
  }

  dense(x: Value, units: number): Value {
    return this.graph.one(dense, [x, this.kernel([units, x.type.shape[0]!]), this.state("bias", [units])], {});
  }

  vectors(): void {
    const { graph } = this;
    const first = graph.one(tanh, [this.dense(this.x, 8)]);
    const way = graph.one(add, [first, this.dense(first, 8)]);
    this.x = this.random.integer(2) ? graph.one(softmax, [way]) : graph.one(reshape, [way], { shape: [2, 4] });
    if (this.x.type.shape.length === 2) {
      const turned = graph.one(transpose, [this.x], { permutation: [1, 0] });
      this.x = graph.one(reshape, [turned], { shape: [8] });
    }
  }

  step(): void {
    const { graph, random, x } = this;
    const [h, w, c] = x.type.shape as [number, number, number];
    const parameters = (...names: string[]) => names.map(name => this.state(name, [c]));
    const steps: (() => Value)[] = [
      () => this.conv(x, 4 + 2 * random.integer(3)),
      () => (c % 2 ? x : this.conv(x, 6, 2)),
      () => {
        const multiplier = 1 + random.integer(2);
        return graph.one(depthwiseConv2d, [x, this.kernel([c * multiplier, 3, 3, 1])], window);
      },
      () => graph.one(add, [x, this.conv(graph.one(relu, [x]), c)]),
      () =>
        graph.one(batchNormalization, [x, ...parameters("gamma", "beta", "mean", "variance")], {
          epsilon: 0.1,
          momentum: 0.9,
        }),
      () => graph.one([relu, sigmoid, tanh][random.integer(3)]!, [x]),
      () => graph.one(clip, [x], { low: -1, high: 1 }),
      () => graph.one(pact, [x, this.state("bound", [1])]),
      () => {
        // rounded numbers would move by whole steps where sums have another order
        const range = this.state("range", [4]);
        range.data!.fill(0);
        return graph.one(fakeQuantizeActivation, [x, range]);
      },
      () =>
        graph.one(prelu, [
          x,
          this.state(
            "alpha",
            [
              [h, w, c],
              [1, 1, c],
              [1, 1, 1],
            ][random.integer(3)]!,
          ),
        ]),
      () => {
        const last = [[c], [h, w, c]][random.integer(2)]!;
        const [gamma, beta] = [this.state("gamma", last), this.state("beta", last)];
        return graph.one(layerNormalization, [x, gamma, beta], { epsilon: 0.1, axes: last.length });
      },
      () => graph.one(dropout, [x], { rate: 0.5 }),
      () => graph.one(concat, [x, this.conv(x, 3), x].slice(random.integer(2)), { axis: 2 }),
      () => graph.one(concat, [x, this.conv(x, c)], { axis: 0 }),
      () => graph.one(maxPool2d, [x], { ...window, size: [2, 2], strides: [2, 2] }),
      () => graph.one(averagePool2d, [x], { ...window, size: [3, 3] }),
      () => graph.one(pad, [x], { pads: [1, 0, 0, 1] }),
      () => graph.one(resizeNearest, [x], { size: [h + 1, w], coordinates: "asymmetric", rounding: "floor" }),
      // squeeze and excite
      () => {
        const squeezed = graph.one(mean, [x], { axes: [0, 1], keepDims: false });
        const excited = graph.one(sigmoid, [this.dense(graph.one(relu, [this.dense(squeezed, 4)]), c)]);
        return graph.one(mul, [x, graph.one(broadcast, [excited, x], { shape: [h, w, c] })]);
      },
      // a shortcut that adds channels of zeros
      () => {
        const wide = graph.one(constantPad, [x], { before: [0, 0, 1], after: [0, 0, 2], value: 0.5 });
        return graph.one(add, [wide, this.conv(x, c + 3)]);
      },
      () => {
        const taken = 1 + random.integer(c);
        const from = random.integer(c - taken + 1);
        return graph.one(stridedSlice, [x], { begin: [0, 0, from], strides: [1, 1, 1], shape: [h, w, taken] });
      },
      () => graph.one(stridedSlice, [x], { begin: [0, 0, c - 1], strides: [1, 1, -1], shape: [h, w, c] }),
      () => graph.one(transpose, [x], { permutation: [1, 0, 2] }),
      // groups of channels, shuffled
      () => {
        if (c % 2) return x;
        const grouped = graph.one(reshape, [x], { shape: [h, w, 2, c / 2] });
        const shuffled = graph.one(transpose, [grouped], { permutation: [0, 1, 3, 2] });
        return graph.one(reshape, [shuffled], { shape: [h, w, c] });
      },
    ];
    const made = graph.scope(`step ${this.#count++}`, () => steps[random.integer(steps.length)]!());
    if (size(made.type.shape) <= 600) this.x = made;
  }
}

function outputs(graph: Graph): number[] {
  const images = new Random(99);
  return evaluate(graph, v =>
    v.leaf === "input"
      ? tensor(
          [IMAGES, ...v.type.shape],
          Float64Array.from({ length: IMAGES * size(v.type.shape) }, () => images.normal()),
        )
      : tensor(v.type.shape, Float64Array.from(v.data!)),
  ).flatMap(t => [...t.data]);
}

function expectSame(got: readonly number[], expected: readonly number[], what: string): void {
  const largest = Math.max(1, ...expected.map(Math.abs));
  expect(got.length).toBe(expected.length);
  got.forEach((v, i) => {
    if (!(Math.abs(v - expected[i]!) <= 1e-9 * largest))
      expect.fail(`${what}: output ${i} is ${v}, was ${expected[i]}`);
  });
}

const placesOf = ({ places }: AxisClass): string =>
  places.map(({ value, axis }) => `${value.name || value.node!.name}.${axis}`).join(", ");

const states = (graph: Graph): Value[] => graph.leaves.filter(v => v.leaf === "state");

/**
 * A copy in which the states are zero at all indices of the class but those of `kept`; `at`: the number of the class.
 */
function zeroed(graph: Graph, at: number, kept: readonly number[]): Graph {
  // each state holds the positions of its numbers: `select` shows which of them are kept
  const { graph: numbered } = graph.copy();
  for (const v of states(numbered)) v.data = Float32Array.from(v.data!, (_, i) => i);
  const axes = new GraphAxes(numbered);
  const stay = axes.select(axes.classes()[at]!, kept);
  const { graph: copy } = graph.copy();
  for (const v of states(copy)) {
    const places = new Set(stay.leafOf(v.name)!.data);
    v.data = (v.data as Float32Array).map((number, i) => (places.has(i) ? number : 0));
  }
  return copy;
}

const free = (axes: GraphAxes) => axes.classes().filter(c => !c.fixed);

describe("GraphAxes: the law of AXES over random networks", () => {
  const networks = Array.from({ length: 60 }, (_, seed) => new Drawing(seed));

  test("GraphAxes.select with all indices of a class in another order gives the same numbers", () => {
    const seen = new Set<string>();
    let moved = 0;
    for (const { graph, random } of networks) {
      const expected = outputs(graph);
      const axes = new GraphAxes(graph);
      for (const found of free(axes)) {
        const order = [...random.permutation(found.size)];
        const permuted = axes.select(found, order);
        verify(permuted);
        expectSame(outputs(permuted), expected, `[${order}] of ${placesOf(found)}`);
        for (const { value } of found.places) if (value.node) seen.add(value.node.op.name);
        const changed = states(graph).filter(v => v.data!.some((n, i) => n !== permuted.leafOf(v.name)!.data![i]));
        if (changed.length > 1) moved++;
      }
    }
    expect(moved).toBeGreaterThan(120);
    for (const op of [conv2d, depthwiseConv2d, dense, add, mul, concat, reshape, batchNormalization, prelu, maxPool2d])
      expect(seen).toContain(op.name);
    for (const op of [
      averagePool2d,
      pad,
      mean,
      broadcast,
      constantPad,
      stridedSlice,
      transpose,
      mask,
      fakeQuantize,
      fakeQuantizeActivation,
      gate,
      sparseCodebook,
      softmax,
      dropout,
    ])
      expect(seen).toContain(op.name);
    for (const op of [resizeNearest, layerNormalization]) expect(seen).toContain(op.name);
  });

  test("GraphAxes.select without indices whose numbers are zero gives the same numbers", () => {
    let smaller = 0;
    let regrouped = 0;
    for (const { graph, random } of networks) {
      const axes = new GraphAxes(graph);
      for (const found of free(axes).filter(c => !c.whole)) {
        const count = 1 + random.integer(found.size - 1);
        const kept = [...random.permutation(found.size)].slice(0, count).sort((a, b) => a - b);
        const slim = axes.select(found, kept);
        verify(slim);
        expectSame(
          outputs(slim),
          outputs(
            zeroed(
              graph,
              axes.classes().findIndex(c => c.indices === found.indices),
              kept,
            ),
          ),
          `${kept} of ${placesOf(found)}`,
        );
        if (states(slim).some((v, i) => size(v.type.shape) < size(states(graph)[i]!.type.shape))) smaller++;
        const groups = (g: Graph) => g.nodes.map(n => (n.attrs as { groups?: number }).groups).join();
        if (groups(slim) !== groups(graph)) regrouped++;
      }
    }
    expect(smaller).toBeGreaterThan(100);
    expect(regrouped).toBeGreaterThan(1);
  });
});

test("GraphAxes.select keeps to the law in layers that are made of several ops", () => {
  const x = layers.input({ shape: [6, 8, 3] });
  const first = layers.conv2d({ filters: 6, kernelSize: 3, padding: "same", activation: "relu" })(x);
  const wide = layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same" })(first);
  const mixed = layers.maximum()(
    wide,
    layers.separableConv2d({ filters: 4, kernelSize: 3, padding: "same" })(layers.upSampling2d()(first)),
  );
  const rows = layers.reshape({ targetShape: [12 * 16, 4] })(layers.layerNormalization()(mixed));
  const along = layers.globalAveragePool1d()(layers.maxPool1d()(layers.conv1d({ filters: 6, kernelSize: 3 })(rows)));
  const { graph } = layers.model({ inputs: x, outputs: layers.dense({ units: 3 })(along), seed: 5 });
  const axes = new GraphAxes(graph);
  const expected = outputs(graph);
  const random = new Random(8);
  const found = free(axes);
  expect(found.map(c => c.size).sort()).toEqual([4, 6, 6]);
  for (const each of found)
    expectSame(outputs(axes.select(each, [...random.permutation(each.size)])), expected, placesOf(each));
});

const f32 = (shape: Shape) => ({ shape, dtype: "f32", batched: true }) as const;

/** The classes of a graph that are not fixed: their sizes, and the axes of states they occur in. */
const moving = (graph: Graph): Record<string, number> =>
  Object.fromEntries(
    free(new GraphAxes(graph)).map(({ size: count, places }) => {
      const inStates = places.filter(({ value }) => value.leaf === "state");
      return [inStates.map(({ value, axis }) => `${value.name}.${axis}`).join(" "), count];
    }),
  );

describe("GraphAxes.classes", () => {
  test("of LeNet-5: filters reach through flatten into the dense layer", () => {
    expect(moving(lenet5().graph)).toEqual({
      "conv2d/kernel.0 conv2d/bias.0 conv2d_1/kernel.3": 6,
      "conv2d_1/kernel.0 conv2d_1/bias.0 dense/kernel.1": 16,
      "dense/kernel.0 dense/bias.0 dense_1/kernel.1": 120,
      "dense_1/kernel.0 dense_1/bias.0 dense_2/kernel.1": 84,
    });
  });

  test("of ResNet-8: a residual addition makes the channels of both ways one class", () => {
    const kernels = Object.entries(moving(resnet8().graph)).map(([places, count]) => [
      count,
      places
        .split(" ")
        .filter(place => place.includes("kernel"))
        .join(" "),
    ]);
    expect(kernels).toEqual([
      [16, "conv2d/kernel.0 conv2d_1/kernel.3 conv2d_2/kernel.0 conv2d_3/kernel.3 conv2d_5/kernel.3"],
      [16, "conv2d_1/kernel.0 conv2d_2/kernel.3"],
      [32, "conv2d_3/kernel.0 conv2d_4/kernel.3"],
      [32, "conv2d_4/kernel.0 conv2d_5/kernel.0 conv2d_6/kernel.3 conv2d_8/kernel.3"],
      [64, "conv2d_6/kernel.0 conv2d_7/kernel.3"],
      [64, "conv2d_7/kernel.0 conv2d_8/kernel.0 dense/kernel.1"],
    ]);
  });

  test("of DS-CNN: depthwise filters belong to the channels they read", () => {
    const [first, ...others] = Object.keys(moving(dsCnn().graph));
    expect(others).toHaveLength(4);
    expect(first!.split(" ").filter(place => place.includes("kernel"))).toEqual([
      "conv2d/kernel.0",
      "depthwiseConv2d/kernel.0",
      "conv2d_1/kernel.3",
    ]);
  });

  test("leave inputs, results and pixels fixed, and softmax whole", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", f32([5]));
    const state = (name: string, shape: Shape) =>
      graph.state("weight", name, { shape, dtype: "f32", batched: false }, new Float32Array(size(shape)));
    const hidden = graph.one(softmax, [graph.one(dense, [x, state("a", [4, 5])], {})]);
    graph.results = [graph.one(dense, [hidden, state("b", [3, 4])], {})];
    const axes = new GraphAxes(graph);
    const of = (count: number) => axes.classes().find(c => c.size === count)!;
    expect([of(5), of(4), of(3)].map(c => [c.fixed, c.whole])).toEqual([
      [true, false],
      [false, true],
      [true, false],
    ]);
    expect(() => axes.select(of(5), [1, 0, 2, 3, 4])).toThrow('"kept" expected a class that is not fixed');
    expect(() => axes.select(of(4), [0, 1])).toThrow('"kept" expected all of its indices');
    expect(() => axes.select(of(4), [0, 1, 1, 2])).toThrow('"kept" expected different indices in 0..3');
    expect(axes.select(of(4), [3, 1, 2, 0]).leafOf("b")!.type.shape).toEqual([3, 4]);
  });

  /** Describes an axis: sizes of products, and of parts. */
  const told = (axis: Axis): string => {
    if (axis.kind === "indices") return String(axis.size);
    return axis.kind === "product" ? `(${axis.factors.map(told).join(" ")})` : `[${axis.parts.map(told).join(" ")}]`;
  };

  /** The axes of y = op(x), after adding y to z. */
  function joined(shape: Shape, to: Shape, build: (graph: Graph, x: Value, y: Value) => Value): string[] {
    const graph = new Graph();
    const leaf = (name: string, of: Shape) =>
      graph.state("weight", name, { shape: of, dtype: "f32", batched: false }, new Float32Array(size(of)));
    const x = leaf("x", shape);
    const y = leaf("y", to);
    build(graph, x, y);
    const axes = new GraphAxes(graph);
    return shape.map((_, axis) => told(axes.of({ value: x, axis })));
  }

  const flat = (graph: Graph, x: Value, shape: Shape) => graph.one(reshape, [x], { shape });

  test.each([
    { shape: [2, 3, 4], to: [24], what: ["2", "3", "4"] },
    { shape: [24], to: [2, 3, 4], what: ["(2 3 4)"] },
    { shape: [6, 4], to: [3, 8], what: ["(3 2)", "4"] },
    { shape: [1, 6, 1], to: [6], what: ["1", "6", "1"] },
    { shape: [4, 6], to: [6, 4], what: ["4", "6"] },
  ])("of reshape $shape to $to have common factors", ({ shape, to, what }) => {
    expect(joined(shape, to, (graph, x) => flat(graph, x, to))).toEqual(what);
  });

  test("of sums are split where their parts and factors differ", () => {
    // two factorizations of 12 have 2, 2 and 3 in common
    const factors = (graph: Graph, x: Value, y: Value) => {
      const [a, b] = [flat(graph, x, [4, 3]), flat(graph, y, [2, 6])];
      return graph.one(add, [flat(graph, a, [12]), flat(graph, b, [12])]);
    };
    expect(joined([12], [12], factors)).toEqual(["(2 2 3)"]);
    // 4 and 2, against 3 and 3: split at 3 and at 4
    const beside = (sizes: readonly number[], graph: Graph, x: Value) => {
      let from = 0;
      const cut = sizes.map(n => {
        from += n;
        return graph.one(stridedSlice, [x], { begin: [from - n], strides: [1], shape: [n] });
      });
      return graph.one(concat, cut, { axis: 0 });
    };
    const parts = (graph: Graph, x: Value, y: Value) =>
      graph.one(add, [beside([4, 2], graph, x), beside([3, 3], graph, y)]);
    expect(joined([6], [6], parts)).toEqual(["[3 1 2]"]);
    // a product and parts have no common order but the current one
    const mixed = (graph: Graph, x: Value, y: Value) =>
      graph.one(add, [flat(graph, flat(graph, x, [2, 3]), [6]), beside([4, 2], graph, y)]);
    const graph = new Graph();
    const leaf = (name: string) =>
      graph.state("weight", name, { shape: [6], dtype: "f32", batched: false }, new Float32Array(6));
    mixed(graph, leaf("x"), leaf("y"));
    expect(free(new GraphAxes(graph))).toEqual([]);
  });

  test("are found however deep the graph is", () => {
    const graph = new Graph();
    const leaf = (name: string) =>
      graph.state("weight", name, { shape: [4], dtype: "f32", batched: false }, new Float32Array(4));
    let x = leaf("x");
    for (let i = 0; i < 20_000; i++) x = graph.one(add, [x, leaf(`state ${i}`)]);
    const [all, ...others] = free(new GraphAxes(graph));
    expect(others).toEqual([]);
    expect(all!.places).toHaveLength(40_001);
  });

  test("are refused by name if the network is int8, or a training step", () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", {
      ...f32([4]),
      dtype: "i8",
      quantization: { scale: Float32Array.of(1), zeroPoint: 0 },
    });
    graph.results = [graph.scope("activation", () => graph.one(relu, [x]))];
    expect(() => new GraphAxes(graph)).toThrow(
      'layer "activation": the channels of "relu" are unknown: only float networks',
    );
    const step = new Graph();
    const up = step.leaf("input", "up", f32([4]));
    step.results = [step.one(reluGradient, [up, up])];
    expect(() => new GraphAxes(step)).toThrow("channels are followed through models, not through training graphs");
  });
});
