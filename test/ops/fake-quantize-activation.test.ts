/** fakeQuantizeActivation and observeRange: beside evaluate through the planner, beside int8, by their definitions. */
import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Graph } from "../../src/graph/graph.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { fakeQuantizeActivation, observeRange, RANGE_STATE } from "../../src/ops/quantized/fake-quantize-activation.ts";
import { quantizationOf } from "../../src/ops/quantized/int8-range.ts";
import { dequantize, quantize } from "../../src/ops/quantized/quantize.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, expectPlanned, planned, withGradients } from "./planned.ts";

const RANGES = [
  [0, 0, 0, 0.01],
  [-0.7, 0.4, 1, 0.01],
  [0, 0.9, 1, 0],
  [-3, -1, 0.5, 0.1],
];

function network(shape: Shape): Graph {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape, dtype: "f32", batched: true });
  const range = graph.state("observation", "range", RANGE_STATE);
  graph.results = [graph.one(fakeQuantizeActivation, [x, range])];
  return graph;
}

describe.each([[[1]], [[7]], [[3, 5, 2]]])("fakeQuantizeActivation of %j", shape => {
  test.each(RANGES)("in the range %j, %j, %j, %j equals evaluate, gradients too", async (...range) => {
    const graph = network(shape);
    withGradients(graph, ["x"]);
    const count = 3 * size(shape);
    await expectPlanned(graph, { x: noise(count, 1), range, "upstream 0": noise(count, 2) }, { batch: 3 });
  });
});

test.each(RANGES.slice(1))("fakeQuantizeActivation in %j, %j is dequantize(quantize), to the bit", async (...range) => {
  const [min, max] = [...Float32Array.from(range)] as [number, number];
  const graph = network([301]);
  const [x] = graph.leaves;
  const quantization = quantizationOf({ min, max });
  const both = graph.one(dequantize, [graph.one(quantize, [x!], { quantization })]);
  graph.results = [...graph.results, both];
  const feed = { x: noise(301, 7).map((v, i) => (i % 10 ? v * 2 : 0)), range };
  const { results } = await planned(graph, feed, { batch: 1, binary: RUN, ops: { lower: LOWER, prefers: PREFERS } });
  expect([...results[0]!.data]).toEqual([...results[1]!.data].map(v => v + 0));
});

test("fakeQuantizeActivation: gradients pass where x is not beyond the range", () => {
  const graph = network([6]);
  withGradients(graph, ["x"]);
  const upstream = [1, 2, 4, 8, 16, 32];
  const feed = { x: [-1.1, -0.99, 0, 1.5, 1.6, 9], range: [-1, 1.55, 1, 0], "upstream 0": upstream };
  expect([...evaluated(graph, feed, 1)[1]!.data]).toEqual([0, 2, 4, 8, 0, 0]);
});

test.each([
  [1, 5, 1],
  [6, 7, 2],
])(
  "observeRange over %i images of %i, groups of %i, equals evaluate, and is the debiased average",
  async (batch, length, group) => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: [length], dtype: "f32", batched: true });
    const range = graph.state("observation", "range", RANGE_STATE);
    const [moved] = graph.add(observeRange, [range, x]);
    graph.results = [graph.one(fakeQuantizeActivation, [x, moved!])];
    const rate = 0.1;
    let state: Float32Array | Float64Array = Float32Array.of(0, 0, 0, rate);
    let [low, high] = [0, 0];
    for (let step = 1; step <= 4; step++) {
      const images = noise(batch * length, step);
      const feed = { x: images, range: state };
      const ran = await expectPlanned(graph, feed, { batch, group, after: ["range"] });
      state = ran.after.range!;
      expect([...state]).toEqual([...evaluated(graph, feed, batch, [moved!])[0]!.data]);
      low = low * (1 - rate) + Math.min(...images) * rate;
      high = high * (1 - rate) + Math.max(...images) * rate;
      const debias = 1 - (1 - rate) ** step;
      expect(state[0]).toBeCloseTo(low / debias, 5);
      expect(state[1]).toBeCloseTo(high / debias, 5);
    }
    const frozen = Float32Array.of(state[0]!, state[1]!, state[2]!, 0);
    const { after } = await planned(graph, { x: noise(batch * length, 9), range: frozen }, { batch, after: ["range"] });
    expect([...after.range!]).toEqual([...frozen]);
  },
);

test("fakeQuantizeActivation refuses a range of another size", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [4], dtype: "f32", batched: true });
  const range = graph.state("observation", "range", { shape: [2], dtype: "f32", batched: false });
  expect(() => graph.one(fakeQuantizeActivation, [x, range])).toThrow(
    "expects a range of low, high, weight and rate, got 2",
  );
});
