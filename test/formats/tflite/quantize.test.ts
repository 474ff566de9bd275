/**
 * Our static quantizer against TensorFlow's converter: the float file and the converter's calibration images give its
 * int8 network.
 */
import { expect, test } from "vitest";
import { quantizeStatic } from "../../../src/compress/index.ts";
import { loadTflite } from "../../../src/formats/tflite/index.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { digits } from "../../data/digits.ts";
import { bytesOf, int8Of } from "./vectors.ts";

const ulps = (a: number, b: number): number => {
  const [x, y] = new Int32Array(Float32Array.of(a, b).buffer);
  return Math.abs(x! - y!);
};

test("quantizeStatic: lenet5_float.tflite quantizes to lenet5_int8.tflite", async () => {
  const { train } = await digits();
  const float = await loadTflite(bytesOf("tflite/lenet5_float.tflite"));
  const ours = await quantizeStatic(float, { calibration: train.take(512), inputType: "i8" });
  const theirs = await loadTflite(bytesOf("tflite/lenet5_int8.tflite"));
  const states = (graph: Graph) => graph.leaves.filter(v => v.leaf === "state" && v.type.dtype === "i8");
  const [mine, wanted] = [states(ours.graph), states(theirs.graph)];
  expect(mine.map(v => v.type.shape)).toEqual(wanted.map(v => v.type.shape));
  mine.forEach((v, i) => {
    expect([...v.data!]).toEqual([...wanted[i]!.data!]);
    const [a, b] = [v.type.quantization!.scale, wanted[i]!.type.quantization!.scale];
    a.forEach((s, c) => expect(ulps(s, b[c]!)).toBeLessThanOrEqual(1));
  });
  const net = await ours.net();
  const x = int8Of("tflite/mnist_valid_q.in.s8.bin").slice(0, 200 * 784);
  expect([...net.run(x)]).toEqual([...int8Of("tflite/lenet5.out.s8.bin")]);
});
