/**
 * uint8 at the borders of a graph: all values through the planner against the specification, storage in files, and
 * refusals.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { read, write } from "../../src/container/index.ts";
import { Graph, type Quantization, type Type } from "../../src/graph/graph.ts";
import { supported, type Variant } from "../../src/kernels/load.ts";
import { RUN } from "../../src/kernels/load-run.ts";
import { LOWER, PREFERS } from "../../src/ops/index.ts";
import { averagePool2d } from "../../src/ops/pooling/average-pool2d.ts";
import { requantize } from "../../src/ops/quantized/requantize.ts";
import { evaluated, planned } from "./planned.ts";

const VARIANTS: Variant[] = ["simd", ...(supported().relaxedDot === "u8" ? ["relaxed" as const] : [])];
const quantization = (scale: number, zeroPoint: number): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** uint8 images of 16 x 16: to int8 and back, a mean of four values that rounds up, and its bytes. */
function borders(random: Random): Graph {
  const graph = new Graph();
  const scale = () => random.uniform(0.01, 0.05);
  const zero = () => random.integer(256) - 128;
  const type: Type & { quantization: Quantization } = {
    shape: [16, 16, 1],
    dtype: "u8",
    batched: true,
    quantization: quantization(scale(), zero() + 128),
  };
  const x = graph.leaf("input", "x", type);
  const inner = graph.one(requantize, [x], { quantization: quantization(scale(), zero()) });
  const back = graph.one(requantize, [inner], { quantization: quantization(scale(), zero()), unsigned: true });
  const shifted = graph.one(requantize, [x], {
    quantization: quantization(type.quantization.scale[0]!, type.quantization.zeroPoint - 128),
  });
  const half = { size: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], unsigned: true } as const;
  const means = graph.one(averagePool2d, [shifted], half);
  const bytes = graph.one(requantize, [means], { quantization: means.type.quantization!, unsigned: true });
  graph.results = [inner, back, shifted, means, bytes];
  return graph;
}

describe.each(VARIANTS)("requantize of uint8, %s", variant => {
  test("all values are the specification's", async () => {
    const random = new Random(3);
    for (let i = 0; i < 20; i++) {
      const graph = borders(random);
      const feed = { x: Float32Array.from({ length: 512 }, (_, k) => (k < 256 ? k : random.integer(256))) };
      const options = { batch: 2, binary: RUN, ops: { lower: LOWER, prefers: PREFERS }, variant };
      const [{ results }, expected] = [await planned(graph, feed, options), evaluated(graph, feed, 2)];
      results.forEach(({ data }, r) => expect([...data]).toEqual([...expected[r]!.data]));
    }
  });
});

test("requantize subtracts 128 from uint8 and adds it again", () => {
  const graph = borders(new Random(5));
  const [, , shifted, means, bytes] = evaluated(graph, { x: Float32Array.from({ length: 256 }, (_, k) => k) }, 1);
  expect([...shifted!.data]).toEqual(Array.from({ length: 256 }, (_, k) => k - 128));
  // 0, 1, 16, 17: a mean of 8.5 rounds up
  expect([means!.data[0], bytes!.data[0]]).toEqual([9 - 128, 9]);
});

test("write and read: a file holds uint8 inputs, results and means", () => {
  const graph = borders(new Random(7));
  const back = read(write(graph)).graph;
  expect(back.leaves[0]!.type).toEqual(graph.leaves[0]!.type);
  expect(back.results.map(v => v.type)).toEqual(graph.results.map(v => v.type));
  const feed = { x: Float32Array.from({ length: 256 }, (_, k) => k) };
  expect(evaluated(back, feed, 1)).toEqual(evaluated(graph, feed, 1));
});

test("requantize refuses uint8 without a quantization", () => {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [4], dtype: "u8", batched: true });
  expect(() => graph.one(requantize, [x], { quantization: quantization(1, 0) })).toThrow("u8");
});
