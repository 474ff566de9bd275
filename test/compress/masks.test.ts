import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { addMasks, keptWeights, magnitudeMask, thresholdMask } from "../../src/compress/masks.ts";
import { verify } from "../../src/graph/verify.ts";
import { lenet5 } from "../container/networks.ts";

interface Vector {
  weights: { shape: number[]; data: number[] };
  sparsity: number;
  blockSize: number[];
  mByN: number[] | null;
  mask: { data: number[] };
}

const vectors: Record<string, Vector> = JSON.parse(readFileSync("test/vectors/tfmot/masks.json", "utf8"));
const elementwise = Object.entries(vectors).filter(([, v]) => v.blockSize.every(n => n === 1) && !v.mByN);
const zeros = (m: Float32Array) => m.filter(v => v === 0).length;

describe("magnitudeMask", () => {
  test.each(elementwise.filter(([name]) => name !== "ties"))("%s: as tfmot", (_, { weights, sparsity, mask }) => {
    expect([...magnitudeMask(Float32Array.from(weights.data), sparsity)]).toEqual(mask.data);
  });

  test("keeps the first of equal scores, while tfmot would keep all of them", () => {
    const { weights, sparsity, mask } = vectors.ties!;
    expect(mask.data).not.toContain(0);
    const ours = magnitudeMask(Float32Array.from(weights.data), sparsity);
    expect([...ours]).toEqual(weights.data.map((_, i) => (i < 8 ? 1 : 0)));
  });

  test("has exactly the sparsity asked for, and one weight at least", () => {
    const random = new Random(1);
    for (let n = 1; n < 60; n++) {
      const weights = Float32Array.from({ length: n }, () => random.integer(5) - 2); // ties and zeros
      for (const sparsity of [0, 0.25, 0.5, 0.8, 0.99]) {
        const kept = magnitudeMask(weights, sparsity);
        expect(n - zeros(kept)).toBe(keptWeights(n, sparsity));
        const least = Math.min(...weights.filter((_, i) => kept[i] === 1).map(Math.abs));
        weights.forEach((w, i) => {
          if (!kept[i]) expect(Math.abs(w)).toBeLessThanOrEqual(least);
        });
      }
    }
  });

  test("counts as tfmot: half to even, in float32", () => {
    expect([5, 7, 9].map(n => keptWeights(n, 0.5))).toEqual([2, 4, 4]);
    expect(keptWeights(100, 0.35)).toBe(65);
    expect(keptWeights(3, 0.99)).toBe(1);
  });
});

describe("thresholdMask", () => {
  test("keeps scores from the threshold on, and always the greatest weight", () => {
    const weights = Float32Array.of(-3, 0.5, 1, -0.25);
    expect([...thresholdMask(weights, 0.5)]).toEqual([1, 1, 1, 0]);
    expect([...thresholdMask(weights, 10)]).toEqual([1, 0, 0, 0]);
  });
});

describe("addMasks", () => {
  test("lays masks on the kernels of conv2d and dense, and nothing else", () => {
    const graph = lenet5();
    const made = addMasks(graph);
    verify(graph);
    expect(made.map(m => m.weight)).toEqual(
      ["conv2d", "conv2d_1", "dense", "dense_1", "dense_2"].map(layer => `${layer}/kernel`),
    );
    expect(graph.leaves.filter(v => v.frozen).map(v => v.name)).toEqual(made.map(m => m.mask));
  });

  test("takes names or a function", () => {
    expect(addMasks(lenet5(), ["dense", "conv2d_1"]).map(m => m.weight)).toEqual(["conv2d_1/kernel", "dense/kernel"]);
    const wide = addMasks(lenet5(), ({ op, shape }) => op === "dense" && shape[0]! > 100);
    expect(wide.map(m => m.weight)).toEqual(["dense/kernel"]);
  });

  test("refuses unknown layers, empty choices and a second mask", () => {
    expect(() => addMasks(lenet5(), ["maxPool2d"])).toThrow(
      '"layers" expected layers that can be pruned (conv2d, conv2d_1, dense, dense_1, dense_2), got "maxPool2d"',
    );
    expect(() => addMasks(lenet5(), () => false)).toThrow("at least one of");
    const graph = lenet5();
    addMasks(graph, ["dense"]);
    expect(() => addMasks(graph, ["dense"])).toThrow('layer "dense" has a mask already: bake the model first');
    expect(addMasks(graph, ["dense_1"])).toHaveLength(1);
  });
});
