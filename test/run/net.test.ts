import { expect, test } from "vitest";
import { tensor } from "../../src/base/tensor.ts";
import { write } from "../../src/container/index.ts";
import { Graph, type Type } from "../../src/graph/graph.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { dense } from "../../src/ops/dense.ts";
import { evaluate } from "../../src/ops/index.ts";
import { maxPool2d } from "../../src/ops/max-pool2d.ts";
import { relu } from "../../src/ops/relu.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { plainWindow } from "../../src/ops/window.ts";
import { load, Net } from "../../src/run/index.ts";
import { noise } from "../kernels/harness.ts";

const f32 = (shape: number[], batched = false): Type => ({ shape, dtype: "f32", batched });

/** 9x7 pixels of 2 channels -> 5 numbers; nothing divides anything. */
function network(): Graph {
  const g = new Graph();
  const parameter = (name: string, shape: number[], seed: number) =>
    g.leaf(
      "state",
      name,
      f32(shape),
      noise(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    );
  const x = g.leaf("input", "image", f32([9, 7, 2], true));
  const kernel = parameter("conv2d/kernel", [3, 2, 2, 2], 1);
  let y = g.scope("conv2d", () =>
    g.one(conv2d, [x, kernel, parameter("conv2d/bias", [3], 2)], { ...plainWindow, groups: 1 }),
  );
  y = g.one(maxPool2d, [g.one(relu, [y])], { ...plainWindow, size: [2, 2], strides: [2, 2] });
  y = g.one(reshape, [y], { shape: [36] });
  g.results = [
    g.scope("dense", () => g.one(dense, [y, parameter("dense/kernel", [5, 36], 3), parameter("dense/bias", [5], 4)])),
  ];
  return g;
}

const IMAGE = 9 * 7 * 2;

function expected(g: Graph, x: ArrayLike<number>): Float64Array {
  const images = x.length / IMAGE;
  const feed = (v: { leaf?: string; data?: ArrayLike<number>; type: Type }) =>
    v.leaf === "input"
      ? tensor([images, 9, 7, 2], Float64Array.from(x))
      : tensor(v.type.shape, Float64Array.from(v.data as ArrayLike<number>));
  return evaluate(g, feed as never)[0]!.data;
}

test.each([1, 2, 8, 9, 64, 65, 150])("predict gives what the specification says for %i images", async images => {
  const g = network();
  const net = await Net.create(g);
  const x = noise(images * IMAGE, 9);
  const y = net.predict(x);
  const right = expected(g, x);
  expect(y.length).toBe(images * 5);
  y.forEach((v, i) => expect(v).toBeCloseTo(right[i]!, 4));
});

test("the same bits alone and in company", async () => {
  const net = await Net.create(network());
  const x = noise(20 * IMAGE, 5);
  const together = net.predict(x);
  for (let i = 0; i < 20; i++)
    expect([...net.predict(x.subarray(i * IMAGE, (i + 1) * IMAGE))]).toEqual([...together.subarray(i * 5, i * 5 + 5)]);
});

test("pixels are read through the preprocessing", async () => {
  const net = await Net.create(network(), { preprocessing: { scale: 1 / 255, mean: [0.5, 0.25], std: [0.5, 2] } });
  const pixels = Uint8Array.from({ length: IMAGE }, (_, i) => (i * 7) % 256);
  const real = Float32Array.from(pixels, (p, i) => (i % 2 ? (p / 255 - 0.25) / 2 : (p / 255 - 0.5) / 0.5));
  const direct = net.predict(real);
  net.predict(pixels).forEach((v, i) => expect(v).toBeCloseTo(direct[i]!, 4));
});

test("from bytes, with labels, into memory of the caller", async () => {
  const bytes = write(network(), { labels: ["a", "b", "c", "d", "e"], preprocessing: { scale: 2 } });
  const net = await load(bytes);
  expect(net.labels).toEqual(["a", "b", "c", "d", "e"]);
  expect(net.preprocessing).toEqual({ scale: 2 });
  const into = new Float32Array(5);
  expect(net.predict(noise(IMAGE), into)).toBe(into);
});

test("results are copies: a later call does not change them", async () => {
  const net = await Net.create(network());
  const first = net.predict(noise(IMAGE, 1));
  const kept = [...first];
  net.predict(noise(IMAGE, 2));
  expect([...first]).toEqual(kept);
});

test("wrong input is named", async () => {
  const net = await Net.create(network());
  expect(() => net.predict(new Float32Array(100))).toThrow('"x" expected whole images of 9x7x2 = 126 numbers, got 100');
  expect(() => net.predict(noise(IMAGE), new Float32Array(4))).toThrow('"into" expected 5 elements, got 4');
  expect(() => net.run(new Uint8Array(IMAGE))).toThrow('"x" expected Float32Array, got Uint8Array(126)');
  await expect(Net.create(network(), { capacity: 0 })).rejects.toThrow('"capacity" expected integer >= 1, got 0');
  await expect(load(new Uint8Array(3), { batch: 2 } as never)).rejects.toThrow(/"options" has no option "batch"/);
});
