import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { calibrate } from "../../src/compress/calibrate.ts";
import { Dataset } from "../../src/data/dataset.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import { quantizationOf } from "../../src/passes/quantize/scheme.ts";
import { lenet5 } from "../container/networks.ts";
import { digits } from "../data/digits.ts";
import { evaluated } from "../ops/planned.ts";
import { converted, tensorflowLenet5, ulps } from "./tflite.ts";

function noise(images: number, seed = 2): Dataset {
  const random = new Random(seed);
  const shape = [28, 28, 1];
  return new Dataset({
    images: Float32Array.from({ length: images * size(shape) }, () => random.normal()),
    shape,
    targets: new Float32Array(images),
  });
}

/** The values to observe: the input, and the output of every layer after its relu. */
function layers(graph: Graph): Map<string, Value> {
  const made = new Map<string, Value>([["input", graph.leaves.find(v => v.leaf === "input")!]]);
  for (const node of graph.nodes) {
    if (!converted.layers.some(layer => layer.name === node.name)) continue;
    const y = node.outputs[0]!;
    const [user] = graph.users(y);
    made.set(node.name, user?.op.name === "relu" ? user.outputs[0]! : y);
  }
  return made;
}

describe("calibrate", () => {
  test("gives the ranges of evaluate", async () => {
    const graph = lenet5();
    const data = noise(5);
    const values = [...layers(graph).values()];
    const ranges = await calibrate(graph, data, values, { batchSize: 2 });
    const expected = evaluated(graph, { input: data.images }, 5, values);
    values.forEach((v, i) => {
      const { min, max } = ranges.get(v)!;
      expect(min).toBeCloseTo(
        expected[i]!.data.reduce((a, b) => Math.min(a, b)),
        4,
      );
      expect(max).toBeCloseTo(
        expected[i]!.data.reduce((a, b) => Math.max(a, b)),
        4,
      );
    });
  });

  test("does not depend on the batch size", async () => {
    const graph = lenet5();
    const data = noise(13);
    const values = [...layers(graph).values()];
    const one = await calibrate(graph, data, values, { batchSize: 1 });
    for (const batchSize of [5, 13, 64]) expect(await calibrate(graph, data, values, { batchSize })).toEqual(one);
  });

  test("finds the quantization TensorFlow's converter found, to the order of its sums", async () => {
    const graph = tensorflowLenet5();
    const watched = layers(graph);
    const { train } = await digits();
    const ranges = await calibrate(graph, train.take(512), [...watched.values()]);
    for (const [name, { scale, zeroPoint }] of Object.entries(converted.activations)) {
      const ours = quantizationOf(ranges.get(watched.get(name)!)!);
      expect(ours.zeroPoint, name).toBe(zeroPoint);
      expect(ulps(ours.scale[0]!, scale), `${name}: ${ours.scale[0]} beside ${scale}`).toBeLessThanOrEqual(2);
    }
  });

  test("reports progress and can be aborted", async () => {
    const graph = lenet5();
    const seen: number[][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    await calibrate(graph, noise(5), graph.results, { batchSize: 2, onProgress });
    expect(seen).toEqual([
      [2, 5],
      [4, 5],
      [5, 5],
    ]);
    const signal = AbortSignal.abort();
    await expect(calibrate(graph, noise(5), [], { signal })).rejects.toThrow(
      expect.objectContaining({ name: "AbortError" }),
    );
  });

  test("names faults of the data", async () => {
    const graph = lenet5();
    await expect(calibrate(graph, noise(1).take(0), [])).rejects.toThrow(
      '"calibration" expected at least 1 row, got 0',
    );
    await expect(calibrate(graph, [] as never, [])).rejects.toThrow('"calibration" expected a Dataset');
    const small = new Dataset({ images: new Uint8Array(4), shape: [2, 2, 1], labels: [0] });
    await expect(calibrate(graph, small, [])).rejects.toThrow("expected images of 28x28x1, got 2x2x1");
    const bad = noise(3).map(row => {
      row.x[7] = Number.NaN;
      return row;
    });
    await expect(calibrate(graph, bad, graph.results)).rejects.toThrow(
      '"calibration[0][7]" expected finite number, got NaN',
    );
  });
});
