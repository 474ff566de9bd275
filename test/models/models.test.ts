import { describe, expect, test } from "vitest";
import { size } from "../../src/base/shape.ts";
import type { Model } from "../../src/model/index.ts";
import { autoencoder, caffeLenet5, dsCnn, lenet5, lenet300100, mobilenetV1, resnet8 } from "../../src/models/index.ts";
import { COST } from "../../src/ops/index.ts";
import { noise } from "../kernels/harness.ts";

/** Parameters of MobileNetV1 by the filters of its convolutions. */
function mobilenetParameters(channels: number, filters: readonly number[], classes: number): number {
  const [first, ...pairs] = filters as [number, ...number[]];
  let total = (9 * channels + 1 + 4) * first;
  let before = first;
  for (const n of pairs) {
    total += (9 + 1 + 4) * before + (before + 1 + 4) * n;
    before = n;
  }
  return total + (before + 1) * classes;
}

describe("lenet5 and other reference networks", () => {
  test("lenet5 has the article's 44 426 parameters", async () => {
    const model = await lenet5({ seed: 1 });
    expect(model.parameters).toBe(44426);
    expect(model.inputShape).toEqual([28, 28, 1]);
    expect(model.layers.map(l => l.outputShape.join("x"))).toEqual([
      "24x24x6",
      "12x12x6",
      "8x8x16",
      "4x4x16",
      "256",
      "120",
      "84",
      "10",
    ]);
    expect(Object.values(model.getWeights()).map(w => w.shape.join("x"))).toEqual([
      "5x5x1x6",
      "6",
      "5x5x6x16",
      "16",
      "256x120",
      "120",
      "120x84",
      "84",
      "84x10",
      "10",
    ]);
  });

  test("lenet300100 has 266 610", () => {
    expect(lenet300100().parameters).toBe(266610);
  });

  test.each<
    [name: string, make: (options: object) => Model, parameters: number, macs: number, input: string, outputs: number]
  >([
    ["caffeLenet5", caffeLenet5, 431080, 2293000, "28x28x1", 10],
    ["dsCnn", dsCnn, 24908, 2656768, "49x10x1", 12],
    ["resnet8", resnet8, 78666, 12501632, "32x32x3", 10],
    ["mobilenetV1", mobilenetV1, 221794, 7489664, "96x96x3", 2],
    ["autoencoder", autoencoder, 269992, 264192, "640", 640],
  ])(
    "%s has the parameters and the work of its article, and runs",
    async (name, make, parameters, macs, input, outputs) => {
      const model = make({ seed: 3 });
      expect([model.name, model.parameters, model.inputShape.join("x")]).toEqual([name, parameters, input]);
      const costs = model.graph.nodes.map(n => COST[n.op.name as keyof typeof COST](n).macs);
      const weights = new Set(["conv2d", "depthwiseConv2d", "dense"]);
      expect(costs.filter((_, i) => weights.has(model.graph.nodes[i]!.op.name)).reduce((a, b) => a + b)).toBe(macs);
      const y = await model.predict(noise(size(model.inputShape), 5));
      expect(y.length).toBe(outputs);
      expect(y.every(Number.isFinite) && new Set(y).size > 1).toBe(true);
      expect(() => make({ sead: 1 })).toThrow(`"${name}" has no option "sead"`);
    },
  );

  test.each<[name: string, make: () => Model, parameters: number, outputs: number]>([
    [
      "lenet5",
      () => lenet5({ classes: 3, inputShape: [20, 24, 3], filters: [4, 5], units: [12, 9] }),
      (25 * 3 + 1) * 4 + (25 * 4 + 1) * 5 + (2 * 3 * 5 + 1) * 12 + 13 * 9 + 10 * 3,
      3,
    ],
    [
      "lenet300100",
      () => lenet300100({ classes: 2, inputShape: [8, 8, 1], units: [20, 10] }),
      65 * 20 + 21 * 10 + 11 * 2,
      2,
    ],
    [
      "caffeLenet5",
      () => caffeLenet5({ classes: 4, inputShape: [20, 20, 1], filters: [3, 4], units: 7 }),
      26 * 3 + (75 + 1) * 4 + (2 * 2 * 4 + 1) * 7 + 8 * 4,
      4,
    ],
    [
      "dsCnn",
      () => dsCnn({ classes: 5, inputShape: [31, 9, 2], filters: 8 }),
      81 * 8 + 4 * 8 + 4 * (10 * 8 + 32 + 9 * 8 + 32) + 9 * 5,
      5,
    ],
    [
      "resnet8",
      () => resnet8({ classes: 7, inputShape: [17, 10, 1], filters: 2 }),
      // convolutions and normalizations of the stem, the blocks, and the two shortcuts
      20 + 8 + 2 * (38 + 8) + (76 + 148 + 32) + (296 + 584 + 64) + (12 + 40) + 9 * 7,
      7,
    ],
    [
      "mobilenetV1",
      () => mobilenetV1({ classes: 3, inputShape: [40, 33, 1], alpha: 0.03125 }),
      mobilenetParameters(1, [1, 2, 4, 4, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32], 3),
      3,
    ],
    [
      "autoencoder",
      () => autoencoder({ inputShape: [10], units: [12, 8] }),
      11 * 12 + 3 * 13 * 12 + 13 * 8 + 9 * 12 + 3 * 13 * 12 + 13 * 10 + 4 * (8 * 12 + 8),
      10,
    ],
  ])("%s takes classes, inputShape and widths", async (name, make, parameters, outputs) => {
    const made = make();
    expect([made.name, made.parameters, made.outputShape]).toEqual([name, parameters, [outputs]]);
    const y = await made.predict(noise(size(made.inputShape), 5));
    expect(y.every(Number.isFinite) && new Set(y).size > 1).toBe(true);
  });

  test("reference networks refuse shapes, classes and widths that cannot be", () => {
    expect(() => lenet5({ inputShape: [28, 28] })).toThrow(
      '"inputShape" expected height x width x channels, such as 28x28x1, got',
    );
    expect(() => lenet5({ inputShape: [8, 8, 1] })).toThrow('layer "conv2d_1"');
    expect(() => resnet8({ classes: 0 })).toThrow('"classes" expected');
    expect(() => lenet5({ filters: [6] as never })).toThrow('"filters" expected 2 widths');
    expect(() => mobilenetV1({ alpha: 0.01 })).toThrow('"alpha" expected at least 1 / 32');
    expect(() => dsCnn({ alpha: 1 } as never)).toThrow('"dsCnn" has no option "alpha"');
  });

  test("one seed, one network", () => {
    expect(lenet5({ seed: 2 }).getWeights()).toEqual(lenet5({ seed: 2 }).getWeights());
    expect(lenet5({ seed: 2 }).getWeights()).not.toEqual(lenet5().getWeights());
    expect(() => lenet5({ sead: 1 } as never)).toThrow('"lenet5" has no option "sead"');
  });

  test("a file of lenet5 is its numbers and at most 64 bytes", () => {
    expect(lenet5().toBytes().length).toBeLessThanOrEqual(44426 * 4 + 64);
  });
});
