import { describe, expect, test } from "vitest";
import { lenet5, lenet300100 } from "../../src/models/index.ts";

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

  test("one seed, one network", () => {
    expect(lenet5({ seed: 2 }).getWeights()).toEqual(lenet5({ seed: 2 }).getWeights());
    expect(lenet5({ seed: 2 }).getWeights()).not.toEqual(lenet5().getWeights());
    expect(() => lenet5({ sead: 1 } as never)).toThrow('"lenet5" has no option "sead"');
  });

  test("a file of lenet5 is its numbers and at most 64 bytes", () => {
    expect(lenet5().toBytes().length).toBeLessThanOrEqual(44426 * 4 + 64);
  });
});
