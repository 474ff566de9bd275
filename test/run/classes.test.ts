import { expect, test } from "vitest";
import { activation, dense, flatten, input, model, sequential } from "../../src/model/index.ts";
import { dequantize, quantize } from "../../src/ops/quantized/quantize.ts";
import { requantize } from "../../src/ops/quantized/requantize.ts";
import { givenBy } from "../../src/ops/traits.ts";
import { probabilities } from "../../src/run/classes.ts";

const logits = Float32Array.of(1, 3, 2);
const expected = [0.09003057317038046, 0.6652409557748219, 0.24472847105479764];

test("softmax makes probabilities of logits", () => {
  probabilities(logits, undefined).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 12));
  expect(probabilities(Float32Array.of(1000, -1000), undefined)).toEqual([1, 0]);
});

test("probabilities are returned unchanged", () => {
  const p = Float32Array.of(0.25, 0.5, 0.25);
  expect(probabilities(p, "distribution")).toEqual([...p]);
  expect(probabilities(p, "probabilities")).toEqual([...p]);
  probabilities(Float32Array.from(expected, Math.log), "logarithms").forEach((v, i) =>
    expect(v).toBeCloseTo(expected[i]!, 6),
  );
});

test("probabilities: one output is the second of two classes", () => {
  expect(probabilities(Float32Array.of(0.25), "probabilities")).toEqual([0.75, 0.25]);
  const [no, yes] = probabilities(Float32Array.of(2), undefined);
  expect(yes).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
  expect(no! + yes!).toBeCloseTo(1, 15);
});

test("givenBy looks behind ops that only change shape, type or quantization", () => {
  const last = (kind: "softmax" | "sigmoid" | "linear") => {
    const m = sequential([dense({ units: 3, inputShape: [4] }), activation(kind), flatten()]);
    const q = m.graph.one(quantize, [m.graph.results[0]!], {
      quantization: { scale: Float32Array.of(1 / 256), zeroPoint: -128 },
    });
    const wider = m.graph.one(requantize, [q], { quantization: { scale: Float32Array.of(1 / 128), zeroPoint: -128 } });
    m.graph.results = [m.graph.one(dequantize, [wider])];
    return givenBy(m.graph.results[0]!);
  };
  expect(last("softmax")).toBe("distribution");
  expect(last("sigmoid")).toBe("probabilities");
  expect(last("linear")).toBe(undefined);
  const x = input({ shape: [3] });
  expect(givenBy(model({ inputs: x, outputs: x }).graph.results[0]!)).toBe(undefined);
});
