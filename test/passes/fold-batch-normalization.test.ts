import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  depthwiseConv2d,
  input,
  type Layer,
  type Model,
  model,
  relu,
  sequential,
} from "../../src/model/index.ts";
import { foldBatchNormalization } from "../../src/passes/fold-batch-normalization.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, expectClose, expectPlanned } from "../ops/planned.ts";

/** Sets every weight to some number, variances to positive ones. */
function stir(made: Model): Model {
  const weights = Object.entries(made.getWeights()).map(([name, { shape, data }], i) => {
    const drawn = noise(data.length, i + 1);
    return [name, { shape, data: name.endsWith("variance") ? drawn.map(v => v * v + 0.3) : drawn }] as const;
  });
  made.setWeights(Object.fromEntries(weights));
  return made;
}

const FOLDED: [string, Shape, Layer][] = [
  ["conv2d", [5, 5, 3], conv2d({ filters: 4, kernelSize: 3 })],
  ["conv2d without bias", [5, 5, 3], conv2d({ filters: 4, kernelSize: 3, useBias: false })],
  ["conv2d in groups", [5, 5, 4], conv2d({ filters: 6, kernelSize: 2, groups: 2 })],
  ["depthwiseConv2d", [5, 5, 3], depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, useBias: false })],
  ["dense", [7], dense({ units: 5 })],
];

test.each(FOLDED)("%s: the same answers in one node less", async (_, shape, layer) => {
  const made = stir(sequential([input({ shape }), layer, batchNormalization({ epsilon: 0.01 }), relu()]));
  const { graph } = made.graph.copy();
  const before = made.getWeights();
  expect(foldBatchNormalization(graph)).toBe(true);
  expect(graph.nodes.map(n => n.op.name)).not.toContain("batchNormalization");
  expect(graph.leaves.length).toBe(3);
  const images = noise(3 * size(shape), 50);
  const [expected] = evaluated(made.graph, { input: images }, 3);
  const { results } = await expectPlanned(graph, { input: images }, { batch: 3 });
  expectClose(results[0]!.data, expected!.data, "folded");
  expect(made.getWeights()).toEqual(before);
  expect(foldBatchNormalization(graph)).toBe(false);
});

describe("foldBatchNormalization leaves a normalization alone", () => {
  const x = input({ shape: [6] });
  const folds = (made: Model) => foldBatchNormalization(stir(made).graph.copy().graph);

  test("behind an activation", () => {
    expect(folds(sequential([dense({ units: 3, activation: "relu", inputShape: [6] }), batchNormalization()]))).toBe(
      false,
    );
  });

  test("if the layer's output has other readers", () => {
    const y = dense({ units: 6 })(x);
    expect(folds(model({ inputs: x, outputs: [batchNormalization()(y), y] }))).toBe(false);
  });

  test("if the weights are shared", () => {
    const shared = dense({ units: 6 });
    expect(folds(model({ inputs: x, outputs: batchNormalization()(shared(shared(x))) }))).toBe(false);
  });
});
