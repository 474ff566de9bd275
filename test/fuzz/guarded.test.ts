/** The guard zones detect faults: networks with deliberate ones. */
import { expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { write } from "../../src/container/write.ts";
import { Graph } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
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
