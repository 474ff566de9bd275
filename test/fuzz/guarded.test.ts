/** The guard zones detect faults: networks with deliberate ones. */
import { expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { write } from "../../src/container/write.ts";
import { Graph } from "../../src/graph/graph.ts";
import { conv2d, dense, flatten, sequential } from "../../src/model/index.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { quantizeStatic } from "../../src/passes/quantize/static.ts";
import type { Buffer } from "../../src/plan/lower.ts";
import { load, type Net } from "../../src/run/index.ts";
import { lenet5 } from "../container/networks.ts";
import { guardFaults } from "./guarded.ts";

/** softmax(relu(x)) of 40 numbers. */
async function network(): Promise<Net> {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [40], dtype: "f32", batched: true });
  graph.results = [graph.one(softmax, [graph.one(relu, [x])])];
  return load(write(graph), { capacity: 1 });
}

const faults = (net: Net) => guardFaults(net.machine, new Random(3));

const callsOf = (net: Net) => net.machine.plan.programs[0]!.blocks[0]!.calls;

const resized = (buffer: Buffer, unit: number) => Object.assign(buffer, { unit });

test("guardFaults finds nothing in correct networks", async () => {
  expect(await faults(await network())).toEqual([]);
  for (const int8 of [false, true])
    expect(await faults(await load(write(lenet5({ int8 })), { capacity: 9 }))).toEqual([]);
});

/** Layers of odd sizes with 80 % zeros in their weights, in blocks of four outputs. */
async function prunedNetwork(int8: boolean): Promise<Net> {
  const model = sequential([
    conv2d({ filters: 13, kernelSize: 3, strides: 2, padding: "same", inputShape: [9, 11, 19] }),
    conv2d({ filters: 22, kernelSize: 1 }),
    flatten(),
    dense({ units: 37, activation: "relu" }),
    dense({ units: 10 }),
  ]);
  for (const { role, data, type } of model.graph.leaves) {
    if (role !== "weight") continue;
    const length = data!.length / type.shape[0]!;
    for (let k = 0; k < length; k++)
      for (let o = 0; o < type.shape[0]!; o++) if ((k * 7 + (o >> 2) * 3) % 10 < 8) data![o * length + k] = 0;
  }
  const range = () => ({ min: -1, max: 1 });
  const graph = int8 ? quantizeStatic(model.graph, { range, int8Borders: true }) : model.graph;
  return load(write(graph), { capacity: 9 });
}

test("guardFaults finds nothing in networks that run without their zeros", async () => {
  for (const int8 of [false, true]) {
    const net = await prunedNetwork(int8);
    const kernels = net.machine.plan.programs.flatMap(({ blocks }) => blocks.flatMap(b => b.calls.map(c => c.kernel)));
    expect(kernels).toContain(int8 ? "i8_sparse_conv2d" : "f32_sparse_conv2d");
    expect(kernels).toContain(int8 ? "i8_sparse_dense" : "f32_sparse_dense");
    expect(await faults(net)).toEqual([]);
  }
});

test("guardFaults reports writes behind a buffer", async () => {
  const net = await network();
  resized(callsOf(net)[0]!.writes[0]!, 96);
  expect((await faults(net)).join()).toMatch(/written 12 bytes after "%1"|written 0 bytes after/);
});

test("guardFaults reports results that depend on old memory contents", async () => {
  const net = await network();
  callsOf(net).shift();
  expect(await faults(net)).toEqual(['"output 0 x1" depends on what memory held']);
});

test("guardFaults reports the input, state or constant that is overwritten", async () => {
  const net = await network();
  const [first] = callsOf(net);
  const buffer = net.machine.leaf("input 0 x1");
  net.machine.stored(buffer.name).fill(-1);
  const args = first!.args.map((arg, i) => (first!.form.args[i]!.role === ">" ? { buffer, offset: 0 } : arg));
  Object.assign(first!, { args });
  expect((await faults(net))[0]).toBe('stream "input 0 x1" was written over');
});

test("guardFaults traps on reads past the end of the last buffer", async () => {
  // whichever buffer is last in some order: all of them are read or written for 160 bytes
  const ended = [1, 2, 3, 4, 5, 6].map(async seed => {
    const net = await network();
    const [first] = callsOf(net);
    resized(first!.reads[0]!, 32);
    return guardFaults(net.machine, new Random(seed)).then(
      () => "ended",
      error => error.message,
    );
  });
  expect(await Promise.all(ended)).toContainEqual(expect.stringMatching(/out of bounds/));
});
