import { describe, expect, test } from "vitest";
import { size } from "../../src/base/shape.ts";
import type { Model } from "../../src/model/index.ts";
import { autoencoder, caffeLenet5, dsCnn, lenet5, lenet300100, mobilenetV1, resnet8 } from "../../src/models/index.ts";
import { COST } from "../../src/ops/index.ts";
import { noise } from "../kernels/harness.ts";

describe("reference networks", () => {
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

  test("one seed, one network", () => {
    expect(lenet5({ seed: 2 }).getWeights()).toEqual(lenet5({ seed: 2 }).getWeights());
    expect(lenet5({ seed: 2 }).getWeights()).not.toEqual(lenet5().getWeights());
    expect(() => lenet5({ sead: 1 } as never)).toThrow('"lenet5" has no option "sead"');
  });

  test("a file of lenet5 is its numbers and at most 64 bytes", () => {
    expect(lenet5().toBytes().length).toBeLessThanOrEqual(44426 * 4 + 64);
  });
});
