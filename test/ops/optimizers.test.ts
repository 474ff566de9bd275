import { describe, test } from "vitest";
import { Graph, type Op, type Value } from "../../src/graph/graph.ts";
import { adam } from "../../src/ops/optimizer/adam.ts";
import { rmsprop, rmspropCentered, rmspropCenteredMomentum, rmspropMomentum } from "../../src/ops/optimizer/rmsprop.ts";
import { momentum, sgd } from "../../src/ops/optimizer/sgd.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, expectClose, planned } from "./planned.ts";

const rms = { rho: 0.9, epsilon: 1e-7 };
const CASES: [name: string, op: Op<never>, states: string[], attrs: object][] = [
  ["sgd", sgd as Op<never>, ["w"], {}],
  ["momentum", momentum, ["w", "m"], { momentum: 0.9, nesterov: false }],
  ["nesterov", momentum, ["w", "m"], { momentum: 0.9, nesterov: true }],
  ["rmsprop", rmsprop, ["w", "v"], rms],
  ["rmsprop with momentum", rmspropMomentum, ["w", "v", "m"], { ...rms, momentum: 0.8 }],
  ["rmsprop, centered", rmspropCentered, ["w", "v", "a"], rms],
  ["rmsprop, centered, with momentum", rmspropCenteredMomentum, ["w", "v", "a", "m"], { ...rms, momentum: 0.8 }],
  ["adam", adam, ["w", "m", "v"], { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }],
];

describe.each(CASES)("%s", (_, op, states, attrs) => {
  test.each([[[3]], [[5, 4]]])("updates a parameter of %j in place as evaluate says", async shape => {
    const graph = new Graph();
    const state = (name: string, of: number[]): Value =>
      graph.state("weight", name, { shape: of, dtype: "f32", batched: false });
    const outputs = graph.add(
      op as Op<object>,
      [...states.map(name => state(name, shape)), state("g", shape), state("rate", [1]), state("decay", [1])],
      attrs,
    );
    const n = shape.reduce((a, b) => a * b);
    const feed: Record<string, Float32Array> = {
      g: noise(n, 9),
      rate: Float32Array.of(0.01),
      decay: Float32Array.of(0.001),
    };
    // a mean square is at least the square of a mean
    states.forEach((name, i) => {
      feed[name] = noise(n, i + 1).map(v => (name === "v" ? v + 2 : v / 2));
    });
    const { after } = await planned(graph, feed, { batch: 1, after: states });
    evaluated(graph, feed, 1, outputs).forEach((t, i) => {
      expectClose(after[states[i]!]!, t.data, states[i]!);
    });
  });
});
