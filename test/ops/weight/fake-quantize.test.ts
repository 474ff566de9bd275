/** fakeQuantize: beside evaluate through the planner, its rules by their definitions, the learned step's by slopes. */
import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../../src/base/shape.ts";
import { insertOnEdge } from "../../../src/graph/edit.ts";
import { Graph, type Value } from "../../../src/graph/graph.ts";
import { type Conv2d, conv2d } from "../../../src/ops/convolution/conv2d.ts";
import { dense } from "../../../src/ops/convolution/dense.ts";
import { depthwiseConv2d } from "../../../src/ops/convolution/depthwise-conv2d.ts";
import { plainWindow } from "../../../src/ops/convolution/window.ts";
import { type FakeQuantize, fakeQuantize } from "../../../src/ops/weight/fake-quantize.ts";
import { bake } from "../../../src/passes/bake.ts";
import { noise } from "../../kernels/harness.ts";
import { evaluated, expectClose, expectPlanned, type Feed, withGradients } from "../planned.ts";

const KINDS = (["max", "ternary", "learned"] as const).flatMap(scale =>
  (["channel", "tensor"] as const).flatMap(per => [1, 7, 127].map(levels => ({ scale, per, levels }))),
);

const plain: Conv2d = { ...plainWindow, groups: 1 };

/** A layer that reads a weight of `shape` behind the op. */
function network(shape: Shape, attrs: FakeQuantize): { graph: Graph; feed: Feed; wrt: string[]; edge: Value } {
  const graph = new Graph();
  const depthwise = shape.length === 4 && shape[3] === 1;
  const image = shape.length === 2 ? [shape[1]!] : [5, 6, depthwise ? shape[0]! : shape[3]!];
  const x = graph.leaf("input", "x", { shape: image, dtype: "f32", batched: true });
  const w = graph.state("weight", "w", { shape, dtype: "f32", batched: false });
  const y =
    shape.length === 2
      ? graph.one(dense, [x, w])
      : depthwise
        ? graph.one(depthwiseConv2d, [x, w], plainWindow)
        : graph.one(conv2d, [x, w], plain);
  const count = attrs.per === "channel" ? shape[0]! : 1;
  const type = { shape: [count], dtype: "f32", batched: false } as const;
  const learned = attrs.scale === "learned";
  const states = learned ? [graph.state("weight", "step", type), graph.state("constant", "unit", type)] : [];
  const edge = insertOnEdge(graph, w, "all users", fakeQuantize, states, attrs);
  graph.results = [y];
  const wrt = learned ? ["w", "step"] : ["w"];
  withGradients(graph, wrt);
  const feed = {
    x: noise(2 * size(image), 1),
    w: noise(size(shape), 2).map((v, i) => (i % size(shape.slice(1)) === 1 ? 0.01 : v)),
    step: noise(count, 3).map(v => 1 + v / 2),
    unit: noise(count, 4).map(v => (1 + v / 4) / attrs.levels / 2),
    "upstream 0": noise(2 * size(y.type.shape), 5),
  };
  return { graph, feed, wrt, edge };
}

describe.each([[[9, 7]], [[3, 3, 2, 5]], [[6, 3, 3, 1]]])("fakeQuantize of %j", shape => {
  test.each(KINDS)("$scale per $per, $levels levels: equals evaluate, gradients too", async attrs => {
    const { graph, feed } = network(shape, attrs);
    await expectPlanned(graph, feed, { batch: 2 });
  });

  test.each(KINDS)("$scale per $per, $levels levels: bake gives the same bits, at most 2 levels + 1 values", attrs => {
    const { graph, feed, edge } = network(shape, attrs);
    const [before, scale] = evaluated(graph, feed, 2, [edge, edge.node!.outputs[1]!]);
    for (const leaf of graph.leaves) if (leaf.leaf === "state") leaf.data = Float32Array.from(feed[leaf.name]!);
    graph.results = graph.results.slice(0, 1);
    graph.prune();
    bake(graph);
    const baked = graph.leafOf("w")!.data as Float32Array;
    expect(baked).toEqual(Float32Array.from(before!.data));
    const length = size(shape.slice(1));
    baked.forEach((v, i) => {
      const q = v / scale!.data[Math.floor(i / length)]!;
      expect(Math.abs(q - Math.round(q))).toBeLessThan(1e-4);
      expect(Math.abs(q)).toBeLessThan(attrs.levels + 1e-4);
    });
  });
});

test("fakeQuantize: the scales are max |w| / levels, and those of ternary weights the mean of the great ones", () => {
  const w = [0.1, -0.2, 1, 0.4, 0.25, -8, 4, 6];
  for (const [scale, per, wanted] of [
    ["max", "channel", [1 / 7, 8 / 7]],
    ["max", "tensor", [8 / 7, 8 / 7]],
    // 0.7 of the mean is 0.2975 and 3.19375
    ["ternary", "channel", [0.7, 6]],
    ["ternary", "tensor", [6, 6]],
  ] as const) {
    const { graph, edge } = network([2, 4], { scale, per, levels: scale === "max" ? 7 : 1 });
    const feed = { x: new Float32Array(8), w, "upstream 0": new Float32Array(4) };
    const [scales] = evaluated(graph, feed, 2, [edge.node!.outputs[1]!]);
    expectClose(scales!.data, wanted, `${scale} per ${per}`, 1e-6);
  }
});

test("fakeQuantize: gradients are straight-through, of learned steps inside of the levels alone", () => {
  const upstream = [1, 2, 4, 8, 16];
  const passed = (attrs: FakeQuantize): number[] => {
    const { graph } = network([1, 5], attrs);
    const feed = { x: upstream, w: [-9, -0.3, 0, 1.9, 2.01], step: [1], unit: [2 / 7], "upstream 0": [1] };
    return [...evaluated(graph, feed, 1)[1]!.data];
  };
  expect(passed({ scale: "max", per: "channel", levels: 7 })).toEqual(upstream);
  expect(passed({ scale: "ternary", per: "tensor", levels: 1 })).toEqual(upstream);
  expect(passed({ scale: "learned", per: "channel", levels: 7 })).toEqual([0, 2, 4, 8, 0]);
});

describe("fakeQuantize: a learned step", () => {
  test.each([
    ["channel", 7],
    ["tensor", 7],
    ["channel", 1],
    ["tensor", 127],
  ] as const)("per %s, %i levels, has the slope of what rounding leaves (Esser et al.)", (per, levels) => {
    const shape = [3, 8];
    const attrs = { scale: "learned", per, levels } as const;
    const { graph, feed } = network(shape, attrs);
    const dstep = evaluated(graph, feed, 2)[2]!;
    // d loss / d w behind the op: the gradient of a layer with these weights
    const reached = network(shape, { scale: "max", per, levels: 127 });
    const dw = evaluated(reached.graph, feed, 2)[1]!.data;
    const count = per === "channel" ? 3 : 1;
    const gain = 1 / Math.sqrt((24 / count) * levels);
    const unit = Float64Array.from(feed.unit!);
    const at = (k: number): number => Float64Array.from(feed.step!)[k]! * unit[k]!;
    const own = (i: number): number => (per === "channel" ? Math.floor(i / 8) : 0);
    // rounding is a constant that is added: the slope of s clip(w / s + constant) is the gradient
    const fixed = Array.from(feed.w!, (w, i) => Math.round(w / at(own(i))) - w / at(own(i)));
    const total = (k: number, s: number): number =>
      Array.from(feed.w!).reduce((sum, w, i) => {
        if (own(i) !== k) return sum;
        const r = w / at(k);
        const q = Math.abs(r) < levels ? w / s + fixed[i]! : Math.sign(r) * levels;
        return sum + dw[i]! * s * q;
      }, 0);
    const slopes = Array.from({ length: count }, (_, k) => {
      const h = 1e-6 * at(k);
      return (gain * (total(k, at(k) + h) - total(k, at(k) - h))) / (2 * h) / unit[k]!;
    });
    expectClose(dstep.data, slopes, "d step", 1e-4);
  });
});

test("fakeQuantize: refuses other levels, and steps that do not fit", () => {
  const graph = new Graph();
  const w = graph.state("weight", "w", { shape: [3, 4], dtype: "f32", batched: false });
  const step = graph.state("weight", "step", { shape: [2], dtype: "f32", batched: false });
  expect(() => graph.one(fakeQuantize, [w], { scale: "max", per: "channel", levels: 0 })).toThrow("1 to 127 levels");
  expect(() => graph.one(fakeQuantize, [w, step, step], { scale: "learned", per: "channel", levels: 7 })).toThrow(
    "steps of 2 do not fit weights of 3x4",
  );
  expect(() => graph.one(fakeQuantize, [w], { scale: "learned", per: "channel", levels: 7 })).toThrow(
    "expects steps and their units",
  );
});
