import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { write } from "../../src/container/index.ts";
import { insertOnEdge } from "../../src/graph/edit.ts";
import { Graph, type Value } from "../../src/graph/graph.ts";
import { verify } from "../../src/graph/verify.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { mask } from "../../src/ops/weight/mask.ts";
import { bakeable, bake as bakeInPlace } from "../../src/passes/bake.ts";
import { Net } from "../../src/run/net.ts";
import { lenet5 } from "../container/networks.ts";

/** A baked copy. */
function bake(from: Graph): Graph {
  const { graph } = from.copy();
  expect(bakeInPlace(graph)).toBe(bakeable(from));
  return graph;
}

/** Puts a random mask on every weight of more than one axis that `chosen` picks. */
function withMasks(graph: Graph, random: Random, chosen: () => boolean = () => true): Graph {
  for (const leaf of [...graph.leaves]) {
    if (leaf.leaf !== "state" || leaf.type.shape.length < 2 || !chosen()) continue;
    const data = Float32Array.from({ length: size(leaf.type.shape) }, () => (random.uniform() < 0.7 ? 0 : 1));
    const m = graph.state("mask", `${leaf.name}/mask`, leaf.type, data);
    m.frozen = true;
    insertOnEdge(graph, leaf, "all users", mask, [m]);
  }
  return graph;
}

/** Layers of random kind and size, some of them used twice, some behind two masks. */
function randomGraph(seed: number): Graph {
  const random = new Random(seed);
  const graph = new Graph();
  const weight = (name: string, shape: number[]): Value => {
    const data = Float32Array.from({ length: size(shape) }, () => random.normal());
    return graph.state("weight", name, { shape, dtype: "f32", batched: false }, data);
  };
  const some = (most: number) => 1 + random.integer(most);
  let x = graph.leaf("input", "x", { shape: [8 + some(4), 8 + some(4), some(3)], dtype: "f32", batched: true });
  for (let i = 0; i < some(2); i++) {
    const out = some(9);
    const kernel = weight(`conv ${i}`, [out, some(3), some(3), x.type.shape[2]!]);
    x = graph.one(conv2d, [x, kernel, weight(`conv ${i} bias`, [out])], { ...plainWindow, groups: 1 });
    if (random.uniform() < 0.7) x = graph.one(relu, [x]);
    if (random.uniform() < 0.5)
      x = graph.one(maxPool2d, [x], { ...plainWindow, size: [2, 2], strides: [2, 2], ceil: false });
  }
  x = graph.one(reshape, [x], { shape: [size(x.type.shape)] });
  const width = some(12);
  x = graph.one(dense, [x, weight("first", [width, x.type.shape[0]!])]);
  const shared = weight("shared", [width, width]);
  const once = graph.one(relu, [graph.one(dense, [x, shared, weight("bias", [width])])]);
  graph.results = [graph.one(add, [x, graph.one(dense, [once, shared])])];
  withMasks(graph, random, () => random.uniform() < 0.8);
  return random.uniform() < 0.5 ? withMasks(graph, random, () => random.uniform() < 0.4) : graph;
}

async function answers(graph: Graph, images: number): Promise<Uint32Array> {
  const net = await Net.create(graph);
  const random = new Random(99);
  const x = Float32Array.from({ length: images * size(net.inputs[0]!.shape) }, () => random.normal());
  return new Uint32Array(net.predict(x).buffer);
}

async function expectSameBits(graph: Graph): Promise<void> {
  const baked = bake(graph);
  verify(baked);
  expect(baked.nodes.map(n => n.op.name)).toEqual(graph.nodes.map(n => n.op.name).filter(name => name !== "mask"));
  expect(await answers(baked, 10)).toEqual(await answers(graph, 10));
}

describe("bake", () => {
  test.each(Array.from({ length: 12 }, (_, seed) => seed))("gives the same float bits, random graph %i", seed =>
    expectSameBits(randomGraph(seed)),
  );

  test("gives the same float bits, LeNet-5", () => expectSameBits(withMasks(lenet5(), new Random(4))));

  test("does not change the copied graph", () => {
    const graph = withMasks(lenet5(), new Random(4));
    const before = graph.leaves.map(v => v.data!);
    bake(graph);
    expect(bakeable(graph)).toBe(true);
    graph.leaves.forEach((v, i) => {
      expect(v.data).toBe(before[i]);
    });
  });

  test("is idempotent", () => {
    const baked = bake(withMasks(lenet5(), new Random(4)));
    expect(bakeable(baked)).toBe(false);
    expect(write(bake(baked))).toEqual(write(baked));
  });

  test("gives weights whose zeros make the file smaller", () => {
    const float = write(lenet5()).length;
    const pruned = write(bake(withMasks(lenet5(), new Random(4)))).length;
    expect(pruned / float).toBeLessThan(0.36); // 30 % of the weights and about 2 bits per gap
    expect(() => write(withMasks(lenet5(), new Random(4)))).toThrow('op "mask"');
  });

  test("splits a weight that is used both masked and plain", async () => {
    const graph = new Graph();
    const type = { shape: [3, 3], dtype: "f32" as const, batched: false };
    const x = graph.leaf("input", "x", { shape: [3], dtype: "f32", batched: true });
    const w = graph.state("weight", "w", type, Float32Array.of(1, -2, 3, -4, 5, -6, 7, -8, 9));
    const m = graph.state("mask", "m", type, Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1));
    graph.results = [graph.one(dense, [graph.one(dense, [x, graph.one(mask, [w, m])]), w])];
    await expectSameBits(graph);
    const data = bake(graph)
      .leaves.filter(v => v.leaf === "state")
      .map(v => [v.name, [...v.data!]]);
    expect(data).toEqual([
      ["w", [1, -2, 3, -4, 5, -6, 7, -8, 9]],
      ["w 2", [1, 0, 0, 0, 5, 0, 0, 0, 9]],
    ]);
  });

  test("names the layer whose weights have no numbers", () => {
    const graph = new Graph();
    const type = { shape: [2, 2], dtype: "f32" as const, batched: false };
    const [w, m] = [graph.state("weight", "w", type), graph.state("mask", "m", type)];
    graph.results = [graph.scope("middle", () => graph.one(mask, [w, m]))];
    expect(() => bake(graph)).toThrow('layer "middle": "w" is no state with numbers');
  });
});
