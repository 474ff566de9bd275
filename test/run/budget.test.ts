/** Limits of a file: memory and work are counted before they are spent, and the error names the option. */
import { expect, test } from "vitest";
import { ByteWriter } from "../../src/base/byte-writer.ts";
import { MAGIC, VERSION } from "../../src/container/format.ts";
import { write } from "../../src/container/index.ts";
import { Graph } from "../../src/graph/graph.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import {
  averagePool2d,
  conv2d,
  dense,
  depthwiseConv2d,
  flatten,
  loadModel,
  sequential,
} from "../../src/model/index.ts";
import { COST, type OpName } from "../../src/ops/index.ts";
import { averagePool2d as averagePool } from "../../src/ops/pooling/average-pool2d.ts";
import { broadcast } from "../../src/ops/shape/broadcast.ts";
import { constantPad } from "../../src/ops/shape/constant-pad.ts";
import { load } from "../../src/run/index.ts";

const MB = 2 ** 20;

/** A file of a graph with one input, made by `build`. */
function fileOf(shape: number[], build: (g: Graph) => void): Uint8Array {
  const g = new Graph();
  g.leaf("input", "input", { shape, dtype: "f32", batched: true });
  build(g);
  return write(g);
}

const padded = (length: number, after: number) =>
  fileOf([length], g => {
    g.results = [g.one(constantPad, [g.leaves[0]!], { before: [3], after: [after], value: 0.5 })];
  });

/** A dense layer of zeros, 255 of them per byte. */
function zeros(bytes: number): Uint8Array {
  const to = new ByteWriter();
  const graph = Uint8Array.of(1, 0x10, 1, (2 << 3) | 4, 2, 1, 0, 0);
  to.u8(0);
  const size = new ByteWriter();
  size.varint(bytes * 255);
  to.varint(graph.length + size.length);
  to.raw(graph);
  to.raw(size.bytes());
  to.u8(1);
  to.varint(bytes + 1);
  to.u8(8);
  to.raw(new Uint8Array(bytes).fill(255));
  const file = new ByteWriter();
  file.raw(Uint8Array.from([...MAGIC, VERSION]));
  file.varint(to.length);
  file.u32(crc32(to.bytes()));
  file.raw(to.bytes());
  return file.bytes();
}

const refused = (option: "maxBytes" | "maxMacs") =>
  expect.objectContaining({
    name: "PenjingError",
    code: "budget",
    message: expect.stringMatching(new RegExp(`"${option}" allows`)),
  });

test("load: an axis of 2^28 in a few bytes is refused before anything is made of it", async () => {
  const files = [
    padded(1, 2 ** 28),
    fileOf([1], g => {
      g.results = [g.one(broadcast, [g.leaves[0]!, g.leaves[0]!], { shape: [2 ** 28 - 1] })];
    }),
    fileOf([2 ** 27], g => {
      g.results = [g.one(constantPad, [g.leaves[0]!], { before: [0], after: [0], value: 0 })];
    }),
  ];
  for (const file of files) {
    const began = performance.now();
    await expect(load(file)).rejects.toEqual(refused("maxBytes"));
    await expect(loadModel(file)).rejects.toEqual(refused("maxBytes"));
    expect(performance.now() - began).toBeLessThan(2000);
  }
});

test("load: tensors are counted before they are decoded", async () => {
  const file = zeros(600_000); // 153 million floats
  const before = process.memoryUsage();
  await expect(load(file)).rejects.toEqual(refused("maxBytes"));
  await expect(loadModel(file)).rejects.toEqual(refused("maxBytes"));
  expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(10 * MB);
  const small = zeros(1000);
  expect((await load(small, { capacity: 1 })).outputs[0]!.shape).toEqual([255_000]);
  await expect(load(small, { maxBytes: MB })).rejects.toEqual(refused("maxBytes"));
});

test("load: maxBytes holds for tensors, tables and the memory the network runs in together", async () => {
  const model = sequential([dense({ units: 300, inputShape: [300] })], { seed: 1 });
  const file = model.toBytes();
  const net = await load(file, { capacity: 1 });
  const tensors = 4 * 300 * 301;
  await expect(load(file, { capacity: 1, maxBytes: net.bytes })).rejects.toEqual(refused("maxBytes"));
  const enough = await load(file, { capacity: 1, maxBytes: net.bytes + tensors + 100_000 });
  expect(enough.bytes).toBe(net.bytes);
  await expect(load(file, { capacity: 1e6 })).rejects.toEqual(refused("maxBytes"));
});

test("load: maxMacs counts what each layer with a kernel multiplies, as the table of costs does", async () => {
  const layers = [
    conv2d({ filters: 6, kernelSize: [3, 5], strides: 2, padding: "same", inputShape: [12, 10, 4] }),
    depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
    flatten(),
    dense({ units: 7 }),
  ];
  const model = sequential(layers, { seed: 1 });
  const macs = model.graph.nodes.reduce((sum, node) => sum + COST[node.op.name as OpName](node).macs, 0);
  const flattened = 4 * 3 * 12; // an element of any other layer counts as one
  const file = model.toBytes();
  await load(file, { maxMacs: macs + flattened });
  await loadModel(file, { maxMacs: macs + flattened });
  await expect(load(file, { maxMacs: macs + flattened - 1 })).rejects.toEqual(refused("maxMacs"));
  await expect(loadModel(file, { maxMacs: macs + flattened - 1 })).rejects.toEqual(refused("maxMacs"));
});

test("load: maxMacs counts the taps of a pool", async () => {
  const file = sequential([
    averagePool2d({ poolSize: 4, strides: 1, padding: "same", inputShape: [9, 9, 2] }),
  ]).toBytes();
  await load(file, { maxMacs: 16 * 9 * 9 * 2 });
  await expect(load(file, { maxMacs: 16 * 9 * 9 * 2 - 1 })).rejects.toEqual(refused("maxMacs"));
  const window = fileOf([64, 64, 1], g => {
    const attrs = { size: [129, 129], strides: [1, 1], pads: [64, 64, 64, 64], dilations: [1, 1] } as const;
    g.results = [g.one(averagePool, [g.leaves[0]!], attrs)];
  });
  await expect(load(window, { maxMacs: 1e6 })).rejects.toEqual(refused("maxMacs"));
});

test("load: limits that are none are the caller's error", async () => {
  const file = padded(4, 2);
  for (const maxBytes of [0, -1, Number.NaN]) await expect(load(file, { maxBytes })).rejects.toThrow(RangeError);
  await expect(load(file, { maxMacs: "1e9" as never })).rejects.toThrow(TypeError);
  await expect(loadModel(file, { maxmacs: 1 } as never)).rejects.toThrow(/"loadModel" has no option "maxmacs"/);
  await load(file, { maxBytes: Infinity, maxMacs: Infinity });
});

test("load: an honest axis of a million", async () => {
  const n = 1_000_000;
  const net = await load(padded(n, 5), { capacity: 1 });
  const y = net.predict(new Float32Array(n).fill(2));
  expect(y.length).toBe(n + 8);
  expect([y[0], y[2], y[3], y[n + 2], y[n + 3], y[n + 7]]).toEqual([0.5, 0.5, 2, 2, 0.5, 0.5]);
});

test("load: what the planner refuses is the file's fault, and has a documented code", async () => {
  // the windows' taps of an int8 pool may not be dilated
  const g = new Graph();
  const quantization = { scale: Float32Array.of(0.5), zeroPoint: 0 };
  const x = g.leaf("input", "input", { shape: [8, 8, 2], dtype: "i8", batched: true, quantization });
  const attrs = { size: [2, 2], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [2, 2] } as const;
  g.results = [g.one(averagePool, [x], attrs)];
  await expect(load(write(g))).rejects.toEqual(
    expect.objectContaining({ name: "PenjingError", code: expect.stringMatching(/^(damaged|refused)$/) }),
  );
});
