import { describe, expect, test } from "vitest";
import { tensor } from "../../src/base/tensor.ts";
import { write } from "../../src/container/index.ts";
import { Graph, type Type } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { conv2d } from "../../src/ops/convolution/conv2d.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { plainWindow } from "../../src/ops/convolution/window.ts";
import { evaluate } from "../../src/ops/index.ts";
import { maxPool2d } from "../../src/ops/pooling/max-pool2d.ts";
import { reshape } from "../../src/ops/shape/reshape.ts";
import { load, Net, PenjingError } from "../../src/run/index.ts";
import { noise } from "../kernels/harness.ts";

const f32 = (shape: number[], batched = false): Type => ({ shape, dtype: "f32", batched });

/** 9x7 pixels of 2 channels -> 5 numbers; no size divides another. */
function network(): Graph {
  const g = new Graph();
  const parameter = (name: string, shape: number[], seed: number) =>
    g.state(
      "weight",
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

test.each([1, 2, 8, 9, 64, 65, 150])("Net.predict gives what the specification says for %i images", async images => {
  const g = network();
  const net = await Net.create(g);
  const x = noise(images * IMAGE, 9);
  const y = net.predict(x);
  const right = expected(g, x);
  expect(y.length).toBe(images * 5);
  y.forEach((v, i) => expect(v).toBeCloseTo(right[i]!, 4));
});

test("Net.predict: the same bits alone and in a batch", async () => {
  const net = await Net.create(network());
  const x = noise(20 * IMAGE, 5);
  const together = net.predict(x);
  for (let i = 0; i < 20; i++)
    expect([...net.predict(x.subarray(i * IMAGE, (i + 1) * IMAGE))]).toEqual([...together.subarray(i * 5, i * 5 + 5)]);
});

test("Net.predict reads pixels through the preprocessing", async () => {
  const net = await Net.create(network(), { preprocessing: { scale: 1 / 255, mean: [0.5, 0.25], std: [0.5, 2] } });
  const pixels = Uint8Array.from({ length: IMAGE }, (_, i) => (i * 7) % 256);
  const real = Float32Array.from(pixels, (p, i) => (i % 2 ? (p / 255 - 0.25) / 2 : (p / 255 - 0.5) / 0.5));
  const direct = net.predict(real);
  net.predict(pixels).forEach((v, i) => expect(v).toBeCloseTo(direct[i]!, 4));
});

test("load: from bytes, with labels, into memory of the caller", async () => {
  const bytes = write(network(), { labels: ["a", "b", "c", "d", "e"], preprocessing: { scale: 2 } });
  const net = await load(bytes);
  expect(net.labels).toEqual(["a", "b", "c", "d", "e"]);
  expect(net.preprocessing).toEqual({ scale: 2 });
  const into = new Float32Array(5);
  expect(net.predict(noise(IMAGE), { into })).toBe(into);
});

test("Net.predict: results are copies: a later call does not change them", async () => {
  const net = await Net.create(network());
  const first = net.predict(noise(IMAGE, 1));
  const kept = [...first];
  net.predict(noise(IMAGE, 2));
  expect([...first]).toEqual(kept);
});

test("Net.outputs: the view is the last image's result, in place", async () => {
  const net = await Net.create(network());
  const { view } = net.outputs[0]!;
  const x = noise(11 * IMAGE, 1);
  expect(net.run(x.subarray(0, IMAGE), { into: view })).toBe(view);
  expect([...view]).toEqual([...net.run(x.subarray(0, IMAGE))]);
  const all = net.predict(x);
  expect([...view]).toEqual([...all.subarray(50)]);
  net.predict(x.subarray(0, 8 * IMAGE));
  expect([...view]).toEqual([...all.subarray(35, 40)]);
  expect(view.buffer).toBe(net.machine.memory.buffer);
});

test("Net.inputs and outputs are described", async () => {
  const net = await Net.create(network());
  const float = { dtype: "f32", scale: undefined, zeroPoint: undefined };
  expect(net.inputs).toEqual([{ name: "image", shape: [9, 7, 2], ...float }]);
  expect(net.outputs).toEqual([{ name: "dense", shape: [5], ...float, view: new Float32Array(5) }]);
  expect(net.arena.bytes).toBe(net.bytes);
  expect(net.arena.kept + net.arena.temporaries).toBeLessThanOrEqual(net.bytes);
});

describe("Net.predictBatch", () => {
  const rows = (y: Float32Array) => Array.from({ length: y.length / 5 }, (_, i) => y.slice(5 * i, 5 * i + 5));

  test.each([1, 3, 8])("gives each input's result, %i images a run", async capacity => {
    const net = await Net.create(network(), { capacity });
    const x = noise(10 * IMAGE, 2);
    const images = Array.from({ length: 10 }, (_, i) => x.subarray(i * IMAGE, (i + 1) * IMAGE));
    const expected = rows(net.predict(x));
    expect(net.predictBatch(x)).toEqual(expected);
    expect(net.predictBatch(images)).toEqual(expected);
    expect(net.predictBatch(new Set(images))).toEqual(expected);
    const into = new Float32Array(50);
    expect(net.predictBatch(images, { into })).toBe(into);
    expect(rows(into)).toEqual(expected);
    expect(net.predictBatch(x, { into: new Float32Array(50) })).toEqual(into);
  });

  test("of inputs in one array, filled again and again", async () => {
    const net = await Net.create(network(), { capacity: 4 });
    const x = noise(6 * IMAGE, 3);
    function* images() {
      const image = new Float32Array(IMAGE);
      for (let i = 0; i < 6; i++) {
        image.set(x.subarray(i * IMAGE, (i + 1) * IMAGE));
        yield image;
      }
    }
    expect(net.predictBatch(images())).toEqual(rows(net.predict(x)));
  });

  test("of none", async () => {
    const net = await Net.create(network());
    expect(net.predictBatch([])).toEqual([]);
    expect(net.predictBatch([], { into: new Float32Array(0) })).toEqual(new Float32Array(0));
  });

  test("names the wrong input", async () => {
    const net = await Net.create(network());
    const good = noise(IMAGE);
    const wrong = (inputs: unknown, options?: object) => () =>
      net.predictBatch(inputs as [], options as { into: Float32Array });
    expect(wrong([good, noise(3)])).toThrow('"inputs[1]" expected whole samples of 9x7x2 = 126 numbers, got 3');
    expect(wrong([noise(2 * IMAGE)])).toThrow('"inputs[0]" expected one image, got 2');
    expect(wrong([1, 2])).toThrow('"inputs[0]" expected numbers in arrays, or a picture, got 1');
    expect(wrong(7)).toThrow('"inputs" expected a list of inputs, or an array of whole samples, got 7');
    expect(wrong([good], { into: new Float32Array(4) })).toThrow('"into" expected 5 elements, got 4');
    expect(wrong([good], { out: 1 })).toThrow('"options" has no option "out"; it knows into');
  });
});

test("Net.classify: classes, the most probable first", async () => {
  const net = await Net.create(network(), { labels: ["a", "b", "c", "d", "e"] });
  const x = noise(IMAGE, 4);
  const logits = [...net.predict(x)];
  const classes = net.classify(x);
  const order = logits.map((_, i) => i).sort((i, j) => logits[j]! - logits[i]!);
  expect(classes.map(c => c.label)).toEqual(order.map(i => "abcde"[i]));
  expect(classes.reduce((sum, c) => sum + c.probability, 0)).toBeCloseTo(1, 12);
  expect(net.classify(x, { top: 2 })).toEqual(classes.slice(0, 2));
  expect((await Net.create(network())).classify(x, { top: 1 })[0]!.label).toBe(String(order[0]));
  expect(() => net.classify(x, { top: 0 })).toThrow('"top" expected integer >= 1, got 0');
  expect(() => net.classify(noise(2 * IMAGE))).toThrow('"x" expected one image, got 2');
});

test("Net names wrong input", async () => {
  const net = await Net.create(network());
  expect(() => net.predict(new Float32Array(100))).toThrow(
    '"x" expected whole samples of 9x7x2 = 126 numbers, got 100',
  );
  expect(() => net.predict(noise(IMAGE), { into: new Float32Array(4) })).toThrow('"into" expected 5 elements, got 4');
  expect(() => net.run(noise(IMAGE), new Float32Array(5) as object)).toThrow(
    'run: "options" expected an options object, got Float32Array(5)',
  );
  expect(() => net.predict(noise(IMAGE), { into: new Float64Array(5) as never })).toThrow(
    '"into" expected Float32Array',
  );
  expect(() => net.predict(noise(IMAGE).fill(NaN, 77, 78))).toThrow('"x[77]" expected finite number, got NaN');
  expect(() => net.run(new Uint8Array(IMAGE))).toThrow('"x" expected Float32Array, got Uint8Array(126)');
  await expect(Net.create(network(), { capacity: 0 })).rejects.toThrow('"capacity" expected integer >= 1, got 0');
  await expect(load(new Uint8Array(3), { batch: 2 } as never)).rejects.toThrow(/"options" has no option "batch"/);
});

test("Net.create refuses positions of maxPool2d among the results: only training has a kernel for them", async () => {
  const g = new Graph();
  const x = g.leaf("input", "x", f32([4, 4, 1], true));
  g.results = [...g.add(maxPool2d, [x], { ...plainWindow, size: [2, 2], strides: [2, 2] })];
  await expect(Net.create(g)).rejects.toThrow(PenjingError);
});
