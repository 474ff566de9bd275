/**
 * Files of int8 layers: those whose sums could exceed 32 bits are refused by `load`, those whose weights have a zero
 * point run.
 */
import { describe, expect, test } from "vitest";
import { ByteReader } from "../../src/base/bytes.ts";
import { write } from "../../src/container/index.ts";
import { loadTflite } from "../../src/formats/tflite/index.ts";
import { Graph, type Quantization } from "../../src/graph/graph.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { load } from "../../src/run/index.ts";
import { built } from "../formats/tflite/builder.ts";

const one = (scale: number, zeroPoint = 0): Quantization => ({ scale: Float32Array.of(scale), zeroPoint });

/** 4 inputs, 2 outputs. */
function network(weights: readonly number[], bias: readonly number[], zeroPoint = 0): Graph {
  const graph = new Graph();
  const x = graph.leaf("input", "x", { shape: [4], dtype: "i8", batched: true, quantization: one(0.5, 2) });
  const quantization = { scale: Float32Array.of(0.25, 0.5), zeroPoint, axis: 0 };
  const w = graph.state(
    "weight",
    "dense/kernel",
    { shape: [2, 4], dtype: "i8", batched: false, quantization },
    Int8Array.from(weights),
  );
  const products = { scale: Float32Array.of(0.125, 0.25), zeroPoint: 0, axis: 0 };
  const b = graph.state(
    "bias",
    "dense/bias",
    { shape: [2], dtype: "i32", batched: false, quantization: products },
    Int32Array.from(bias),
  );
  graph.results = graph.scope("dense", () => [graph.one(dense, [x, w, b], { quantization: one(100, -1) })]);
  return graph;
}

/** Updates the checksum. */
function resealed(bytes: Uint8Array): Uint8Array {
  const from = new ByteReader(bytes);
  from.raw(4);
  from.varint();
  const at = from.offset;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, crc32(bytes.subarray(at + 4)), true);
  return bytes;
}

const WEIGHTS = [127, -128, 3, 0, 127, 127, 127, 127];
/** The room that the weights of channel 1 leave: 2^31 - 1 - 255 * 508. */
const ROOM = 2 ** 31 - 1 - 255 * 508;

describe("load", () => {
  test("takes an int8 layer whose sums just fit", async () => {
    const net = await load(write(network(WEIGHTS, [0, ROOM])));
    expect([...net.run(Int8Array.of(127, 127, 127, 127))]).toEqual([-1, 127]);
  });

  test.each([
    [[0, ROOM + 1], 1],
    [[0, -ROOM - 1], 1],
    [[-(2 ** 31), 0], 0],
  ])("refuses a bias of %j by the name of the layer", async (bias, channel) => {
    const message = `layer "dense" has weights and a bias whose sums may leave 32 bits, in channel ${channel}`;
    const error = expect.objectContaining({ code: "refused", path: "dense", message });
    await expect(load(write(network(WEIGHTS, bias)))).rejects.toThrow(error);
  });

  test("computes with a zero point of weights", async () => {
    const [x, bias] = [
      [100, -7, 45, -128],
      [300, -20],
    ];
    for (const zeroPoint of [15, -128, 127]) {
      const net = await load(write(network(WEIGHTS, bias, zeroPoint)));
      const expected = [0, 1].map(c => {
        const sum = x.reduce((s, q, i) => s + (q - 2) * (WEIGHTS[4 * c + i]! - zeroPoint), bias[c]!);
        return Math.max(-128, Math.min(127, Math.round((sum * 0.125 * (c + 1)) / 100) - 1));
      });
      expect([...net.run(Int8Array.from(x))]).toEqual(expected);
    }
  });

  test("calls a sum damaged whose scales no kernel holds", async () => {
    const graph = new Graph();
    const x = graph.leaf("input", "x", { shape: [4], dtype: "i8", batched: true, quantization: one(1e-4) });
    graph.results = [graph.one(add, [x, x], { quantization: one(2e-4) })];
    const bytes = write(graph);
    // the scale of the output is the file's last number
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(bytes.length - 4, 1e4, true);
    await expect(load(resealed(bytes))).rejects.toThrow(
      expect.objectContaining({ code: "damaged", message: expect.stringMatching(/lie too far from their sum's/) }),
    );
  });
});

test("loadTflite: refuses an int8 layer whose sums could leave 32 bits", async () => {
  const file = (bias: number) =>
    built({
      tensors: [
        { shape: [1, 4], type: "int8", scale: [0.5], zeroPoint: 2 },
        { shape: [2, 4], type: "int8", scale: [0.25], zeroPoint: 0, data: Int8Array.from(WEIGHTS) },
        { shape: [2], type: "int32", scale: [0.125], zeroPoint: 0, data: Int32Array.of(0, bias) },
        { shape: [1, 2], type: "int8", scale: [100], zeroPoint: -1 },
      ],
      operators: [{ name: "FULLY_CONNECTED", inputs: [0, 1, 2], outputs: [3] }],
      inputs: [0],
      outputs: [3],
    });
  await loadTflite(file(ROOM));
  await expect(loadTflite(file(ROOM + 1))).rejects.toThrow(
    expect.objectContaining({ code: "refused", message: expect.stringMatching(/"dense" .* in channel 1/) }),
  );
});
