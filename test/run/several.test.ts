/** Networks with several inputs and several outputs, from a model or a .tflite file to results. */
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/base/tensor.ts";
import { loadTflite } from "../../src/formats/tflite/index.ts";
import type { Value } from "../../src/graph/graph.ts";
import { add, dense, input, loadModel, type Model, model } from "../../src/model/index.ts";
import { evaluate } from "../../src/ops/index.ts";
import { load } from "../../src/run/index.ts";
import { built } from "../formats/tflite/builder.ts";
import { noise } from "../kernels/harness.ts";

/** (left, right) -> (dense of their sum, dense of left, left itself) */
function network(): Model {
  const left = input({ shape: [4], name: "left" });
  const right = input({ shape: [4], name: "right" });
  const sum = dense({ units: 3, name: "total" })(add()(left, right));
  const own = dense({ units: 2, activation: "softmax", name: "share" })(left);
  return model({ inputs: [left, right], outputs: [sum, own, left], seed: 2 });
}

function expected(m: Model, ...inputs: Float32Array[]): number[][] {
  const images = inputs[0]!.length / 4;
  const names = ["left", "right"];
  const feed = (v: Value) =>
    v.leaf === "input"
      ? tensor([images, 4], Float64Array.from(inputs[names.indexOf(v.name)]!))
      : tensor(v.type.shape, Float64Array.from(v.data!));
  return evaluate(m.graph, feed as never).map(y => [...y.data]);
}

describe("Model.net: a float model", () => {
  test.each([1, 7, 8, 9, 70])("gives a list of results for %i images", async images => {
    const m = network();
    const net = await load(m.toBytes());
    const [left, right] = [noise(4 * images, 1), noise(4 * images, 2)];
    const y = net.predict<Float32Array[]>([left, right]);
    expected(m, left, right).forEach((right, i) => {
      expect(y[i]!.length).toBe(right.length);
      y[i]!.forEach((v, k) => expect(v).toBeCloseTo(right[k]!, 5));
    });
    expect(net.predict<Float32Array[]>({ right, left })).toEqual(y);
    expect(net.run<Float32Array[]>({ left, right })).toEqual(y);
    const into = y.map(one => new Float32Array(one.length));
    net.predict([left, right], { into }).forEach((one, i) => expect(one).toBe(into[i]));
    expect(into).toEqual(y);
    expect(await m.predict<Float32Array[]>([left, right])).toEqual(y);

    const each = (x: Float32Array, i: number, n: number) => x.slice(i * n, (i + 1) * n);
    const inputs = Array.from({ length: images }, (_, i) => [each(left, i, 4), [...each(right, i, 4)]]);
    const rows = net.predictBatch(inputs) as unknown as Float32Array[][];
    expect(rows).toEqual(inputs.map((_, i) => [each(y[0]!, i, 3), each(y[1]!, i, 2), each(y[2]!, i, 4)]));
    const long = y.map(one => new Float32Array(one.length));
    expect(net.predictBatch(inputs, { into: long })).toBe(long);
    expect(long).toEqual(y);
    net.outputs.forEach(({ view }, i) => expect([...view]).toEqual([...y[i]!.slice(-view.length)]));
  });

  test("always keeps the names of inputs and outputs in its file", async () => {
    for (const names of [true, false, undefined]) {
      const net = await load(network().toBytes(names === undefined ? {} : { names }));
      expect(net.inputs.map(p => p.name)).toEqual(["left", "right"]);
      expect(net.outputs.map(p => p.name)).toEqual(["total", "share", "left"]);
      expect(net.outputs.map(p => p.shape)).toEqual([[3], [2], [4]]);
    }
  });

  test("is classified by its first output", async () => {
    const net = await load(network().toBytes(), { labels: ["a", "b", "c"] });
    const classes = net.classify([noise(4, 1), noise(4, 2)]);
    expect(classes.map(c => c.label).sort()).toEqual(["a", "b", "c"]);
  });

  test("names faults of its inputs", async () => {
    const net = await load(network().toBytes());
    const wrong = (x: unknown, options?: object) => () => net.predict(x as Float32Array, options);
    const four = new Float32Array(4);
    const both = '"x" expected the inputs left, right, in order or by name, got';
    expect(wrong(four)).toThrow(`${both} Float32Array(4)`);
    expect(wrong([four])).toThrow(`${both} "a list of 1"`);
    expect(wrong({ left: four })).toThrow(`${both} ["left"]`);
    expect(wrong({ left: four, rihgt: four })).toThrow(`${both} ["left", "rihgt"]`);
    expect(wrong([four, new Float32Array(3)])).toThrow('"x[1]" expected whole samples of 4 = 4 numbers, got 3');
    expect(wrong({ left: four, right: [1, 2, 3, "4"] })).toThrow('"x.right[3]" expected finite number, got "4"');
    expect(wrong([four, new Float32Array(8)])).toThrow('"x" expected as many images for each input, got [1, 2]');
    expect(wrong([four, four], { into: four })).toThrow('"into" expected a list of 3 arrays, got Float32Array(4)');
    expect(wrong([four, four], { into: [four, four, four] })).toThrow('"into[0]" expected 3 elements, got 4');
  });
});

describe("loadTflite: an int8 .tflite file", () => {
  const quantized = { type: "int8", signature: [-1, 3], shape: [1, 3] } as const;
  /** a + b, and relu of b */
  const file = (signature?: object) =>
    built({
      tensors: [
        { ...quantized, name: "serving_default_b:0", scale: [0.5], zeroPoint: 0 },
        { ...quantized, name: "serving_default_a:0", scale: [0.25], zeroPoint: 1 },
        { ...quantized, name: "StatefulPartitionedCall:1", scale: [0.5], zeroPoint: 2 },
        { ...quantized, name: "StatefulPartitionedCall:0", scale: [0.5], zeroPoint: 0 },
      ],
      operators: [
        { name: "ADD", inputs: [1, 0], outputs: [2] },
        { name: "RELU", inputs: [0], outputs: [3] },
      ],
      inputs: [1, 0],
      outputs: [2, 3],
      ...(signature && { signature: signature as never }),
    });

  test("runs in its own types and in real numbers", async () => {
    const m = await loadTflite(file());
    for (const net of [await load(m.toBytes()), await m.net()]) {
      expect(net.inputs.map(({ name, scale, zeroPoint }) => [name, scale, zeroPoint])).toEqual([
        ["serving_default_a:0", 0.25, 1],
        ["serving_default_b:0", 0.5, 0],
      ]);
      expect(net.outputs.map(({ name, scale, zeroPoint }) => [name, scale, zeroPoint])).toEqual([
        ["StatefulPartitionedCall:1", 0.5, 2],
        ["StatefulPartitionedCall:0", 0.5, 0],
      ]);
      const a = Int8Array.of(1, 5, -3);
      const b = Int8Array.of(2, -4, 6);
      expect(net.run<Int8Array[]>([a, b])).toEqual([Int8Array.of(4, 0, 6), Int8Array.of(2, 0, 6)]);
      expect(net.predict<Float32Array[]>([[0, 1, -1], [[1, -2, 3]]])).toEqual([
        Float32Array.of(1, -1, 2),
        Float32Array.of(1, 0, 3),
      ]);
    }
  });

  test("has the names of its signature", async () => {
    const signature = { inputs: { b: 0, a: 1 }, outputs: { sum: 2, positive: 3 } };
    const net = await load((await loadTflite(file(signature))).toBytes());
    expect(net.inputs.map(p => p.name)).toEqual(["a", "b"]);
    expect(net.outputs.map(p => p.name)).toEqual(["sum", "positive"]);
  });
});

test("Net.predict requires and ignores an input that nothing depends on", async () => {
  const used = input({ shape: [2] });
  const m = model({ inputs: [used, input({ shape: [3] })], outputs: dense({ units: 1 })(used) });
  const net = await load(m.toBytes());
  const x = Float32Array.of(1, 2);
  const [y] = net.predict([x, new Float32Array(3)]);
  expect(net.predict([x, [9, 8, 7]])[0]).toBe(y);
  expect(net.predict([[...x, ...x], new Float32Array(6)])).toEqual(Float32Array.of(y!, y!));
  expect((await loadModel(m.toBytes())).graph.leaves.filter(v => v.leaf === "input")).toHaveLength(2);
});
