import { expect, test } from "vitest";
import { activation, dense, flatten, input, model, sequential } from "../../src/model/index.ts";
import { dequantize, quantize } from "../../src/ops/quantized/quantize.ts";
import { lastOp, probabilities } from "../../src/run/classes.ts";

const logits = Float32Array.of(1, 3, 2);
const expected = [0.09003057317038046, 0.6652409557748219, 0.24472847105479764];

test("softmax makes probabilities of logits", () => {
  for (const madeBy of ["dense", undefined]) {
    const p = probabilities(logits, madeBy);
    p.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
  }
  expect(probabilities(Float32Array.of(1000, -1000), "dense")).toEqual([1, 0]);
});

test("what are probabilities stays", () => {
  const p = Float32Array.of(0.25, 0.5, 0.25);
  expect(probabilities(p, "softmax")).toEqual([...p]);
  expect(probabilities(p, "sigmoid")).toEqual([...p]);
  probabilities(Float32Array.from(expected, Math.log), "logSoftmax").forEach((v, i) =>
    expect(v).toBeCloseTo(expected[i]!, 6),
  );
});

test("one output is the second of two classes", () => {
  expect(probabilities(Float32Array.of(0.25), "sigmoid")).toEqual([0.75, 0.25]);
  const [no, yes] = probabilities(Float32Array.of(2), "dense");
  expect(yes).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
  expect(no! + yes!).toBeCloseTo(1, 15);
});

test("the last op is found behind what leaves numbers as they are", () => {
  const last = (kind: "softmax" | "sigmoid" | "linear") => {
    const m = sequential([dense({ units: 3, inputShape: [4] }), activation(kind), flatten()]);
    const q = m.graph.one(quantize, [m.graph.results[0]!], {
      quantization: { scale: Float32Array.of(1 / 256), zeroPoint: -128 },
    });
    m.graph.results = [m.graph.one(dequantize, [q])];
    return lastOp(m.graph.results[0]!);
  };
  expect(last("softmax")).toBe("softmax");
  expect(last("sigmoid")).toBe("sigmoid");
  expect(last("linear")).toBe("dense");
  const x = input({ shape: [3] });
  expect(lastOp(model({ inputs: x, outputs: x }).graph.results[0]!)).toBe(undefined);
});
