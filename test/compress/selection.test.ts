import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { blocks, channelPattern, type Granularity, unitsOf } from "../../src/compress/granularity.ts";
import type { MaskedWeight } from "../../src/compress/masks.ts";
import { byPattern, byShare, greatest, keptWeights, type Scope, selectionOf } from "../../src/compress/selection.ts";

interface Vector {
  weights: { shape: number[]; data: number[] };
  sparsity: number;
  blockSize: [number, number];
  blockPooling: "AVG" | "MAX";
  mByN: [number, number] | null;
  mask: { data: number[] };
}

const vectors: Record<string, Vector> = JSON.parse(readFileSync("test/vectors/tfmot/masks.json", "utf8"));
const zeros = (mask: ArrayLike<number>) => Array.from(mask).filter(v => v === 0).length;
const weight = (layer: string, shape: number[]): MaskedWeight => ({
  weight: `${layer}/kernel`,
  mask: `${layer}/kernel/mask`,
  layer,
  shape,
});

/** [in][out] becomes [out][in], and back with the sizes the other way round. */
const transposed = (data: ArrayLike<number>, rows: number, columns: number) =>
  Float32Array.from({ length: rows * columns }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);

const elementwise = Object.entries(vectors).filter(([, v]) => v.blockSize.every(n => n === 1) && !v.mByN);
const blockwise = Object.entries(vectors).filter(([, v]) => v.blockSize.some(n => n > 1));

describe("selectionOf", () => {
  test.each(elementwise.filter(([name]) => name !== "ties"))("%s: masks of tfmot", (_, vector) => {
    const { weights, sparsity, mask } = vector;
    const scores = Float32Array.from(weights.data, Math.abs);
    const [made] = selectionOf([weight("layer", weights.shape)]).choose([scores], sparsity);
    expect([...made!]).toEqual(mask.data);
  });

  test.each(blockwise)("%s: masks of tfmot, by the blocks of both functions", (_, vector) => {
    const { weights, sparsity, blockSize, blockPooling, mask } = vector;
    const [rows, columns] = weights.shape as [number, number];
    const scores = transposed(weights.data.map(Math.abs), rows, columns);
    const pooling = blockPooling === "AVG" ? "mean" : "max";
    const shape = [columns, rows];
    const made = [
      byShare([blocks(shape, blockSize, pooling, true)]).choose([scores], sparsity),
      selectionOf([weight("layer", shape)], { granularity: blockSize, pooling }).choose([scores], sparsity),
    ];
    for (const [own] of made) expect([...transposed(own!, columns, rows)]).toEqual(mask.data);
  });

  test("channelPattern and granularity { n, m } give the 2:4 mask of tfmot, whose rows are stored filters", () => {
    const { weights, mask, mByN } = vectors.two_by_four!;
    const scores = Float32Array.from(weights.data, Math.abs);
    const pattern = { n: mByN![1] - mByN![0], m: mByN![1] };
    const tfmot = byPattern([channelPattern(weights.shape, pattern)]).choose([scores], 0);
    const own = selectionOf([weight("layer", weights.shape)], { granularity: pattern }).choose([scores], 0.5);
    expect([...tfmot[0]!]).toEqual(mask.data);
    expect([...own[0]!]).toEqual(mask.data);
  });

  test("keeps the first of equals, where tfmot would prune none of them", () => {
    const { weights, sparsity, mask } = vectors.ties!;
    expect(mask.data).not.toContain(0);
    const scores = weights.data.map(Math.abs);
    const [made] = selectionOf([weight("layer", weights.shape)]).choose([scores], sparsity);
    expect([...made!]).toEqual(weights.data.map((_, i) => (i < 8 ? 1 : 0)));
  });

  test("pools SAME windows, which are centered, for tfmot, and the block itself otherwise", () => {
    // five rows in blocks of four: TensorFlow pads one row before and two behind
    const scores = Float32Array.of(0, 0, 0, 9, 1);
    const masks = [true, false].map(centered => [
      ...byShare([blocks([1, 5], [4, 1], "mean", centered)]).choose([scores], 0.5)[0]!,
    ]);
    expect(masks).toEqual([
      [0, 0, 0, 0, 1], // means 0 of rows 0..2, 5 of rows 3 and 4
      [1, 1, 1, 1, 0], // means 2.25 and 1
    ]);
  });

  test("a row is one input of all filters, a column or filter all inputs of one", () => {
    const shape = [3, 1, 2, 2]; // 3 filters of 4 inputs
    const scores = Float32Array.from({ length: 12 }, (_, i) => i);
    const mask = (granularity: Granularity) => [
      ...selectionOf([weight("conv", shape)], { granularity }).choose([scores], 0.5)[0]!,
    ];
    expect(mask("row")).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
    expect(mask("filter")).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(mask("column")).toEqual(mask("filter"));
    expect(mask([2, 3])).toEqual(mask("row"));
  });

  test("scope global compares all kernels, and leaves each a unit", () => {
    const weights = [weight("a", [2, 3]), weight("b", [2, 3]), weight("c", [2, 3])];
    const scores = [0, 10, 20].map(from => Float32Array.from({ length: 6 }, (_, i) => from + i));
    const choose = (scope: Scope, sparsity: number) =>
      selectionOf(weights, { scope })
        .choose(scores, sparsity)
        .map(m => m.join(""));
    expect(choose("global", 0.5)).toEqual(["000001", "000111", "111111"].map((m, i) => (i === 1 ? "000011" : m)));
    expect(choose("layer", 0.5)).toEqual(["000111", "000111", "000111"]);
    expect(choose([["a", "c"]], 0.5)).toEqual(["000001", "000111", "011111"]);
    expect(choose("global", 0.99)).toEqual(["000001", "000001", "000001"]);
  });

  test("units of different sizes come as near to the share of weights as whole units can", () => {
    const weights = [weight("small", [4, 2]), weight("large", [2, 10])];
    const scores = [new Float32Array(8).map((_, i) => i), new Float32Array(20).fill(3)];
    const choose = (sparsity: number) =>
      selectionOf(weights, { scope: "global", granularity: "filter" }).choose(scores, sparsity).map(zeros);
    // 28 weights: filters of 2 with means 0.5, 2.5, 4.5, 6.5, filters of 10 with mean 3
    expect(choose(0.07)).toEqual([2, 0]);
    expect(choose(0.15)).toEqual([4, 0]);
    expect(choose(0.5)).toEqual([4, 10]);
    expect(choose(0.99)).toEqual([6, 10]);
  });

  test("a threshold keeps what reaches it, and the greatest unit in any case", () => {
    const by = (threshold: number, granularity: Granularity = "element") =>
      selectionOf([weight("layer", [2, 2])], { threshold, granularity })
        .choose([Float32Array.of(3, 0.5, 1, 0.25)], 0)
        .map(m => [...m]);
    expect(by(0.5)).toEqual([[1, 1, 1, 0]]);
    expect(by(10)).toEqual([[1, 0, 0, 0]]);
    expect(by(1, "filter")).toEqual([[1, 1, 0, 0]]);
  });

  test("{ n, m } prunes the least first where less is asked for than it allows, and never more than it allows", () => {
    const { choose } = selectionOf([weight("layer", [2, 4])], { granularity: { n: 2, m: 4 } });
    const scores = Float32Array.of(1, 2, 3, 4, 8, 7, 6, 5);
    expect(choose([scores], 0.25).map(m => m.join(""))).toEqual(["00111111"]);
    expect(choose([scores], 0.5).map(m => m.join(""))).toEqual(["00111100"]);
    expect(choose([scores], 0.75).map(m => m.join(""))).toEqual(["00111100"]);
  });

  const granularities: Granularity[] = ["element", "row", "column", "filter", { n: 1, m: 2 }, [2, 3], [1, 4], [3, 1]];

  test("has exactly the share of units asked for, whole units, and at least one, whatever the shape", () => {
    const shapes = fc.oneof(
      fc.tuple(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 12 })),
      fc.tuple(
        fc.integer({ min: 2, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 2, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
      ),
    );
    fc.assert(
      fc.property(
        shapes,
        fc.constantFrom(...granularities),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.integer({ min: 0, max: 1e6 }),
        (shape, granularity, share, seed) => {
          const random = new Random(seed);
          const inputs = size(shape.slice(1));
          const filters = shape[0]!;
          const isBlock = Array.isArray(granularity);
          fc.pre(!(typeof granularity === "object" && "m" in granularity && inputs % granularity.m));
          fc.pre(!(isBlock && granularity[0] >= inputs && granularity[1] >= filters));
          const pattern = typeof granularity === "object" && !isBlock;
          const sparsity = pattern ? share / 2 : share;
          const scores = Float32Array.from({ length: size(shape) }, () => random.integer(5)); // many ties
          const [mask] = selectionOf([weight("layer", shape)], { granularity }).choose([scores], sparsity);
          const { count, of } = unitsOf(granularity, shape, "mean", "layer");
          const stays = new Map<number, number>();
          mask!.forEach((bit, i) => {
            const unit = of ? of[i]! : i;
            expect(stays.get(unit) ?? bit).toBe(bit);
            stays.set(unit, bit);
          });
          expect(stays.size).toBe(count);
          expect(count - zeros([...stays.values()])).toBe(keptWeights(count, sparsity));
          if (pattern)
            for (let i = 0; i < mask!.length; i += 2) expect(mask![i]! + mask![i + 1]!).toBeGreaterThanOrEqual(1);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("of the pool of all kernels has exactly the sparsity asked for", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 })), {
          minLength: 2,
          maxLength: 5,
        }),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        (shapes, sparsity) => {
          const random = new Random(shapes.length);
          const weights = shapes.map((shape, i) => weight(`layer${i}`, shape));
          const scores = shapes.map(shape => Float32Array.from({ length: size(shape) }, () => random.integer(9)));
          const masks = selectionOf(weights, { scope: "global" }).choose(scores, sparsity);
          const all = shapes.reduce((sum, shape) => sum + size(shape), 0);
          const kept = Math.max(shapes.length, keptWeights(all, sparsity));
          expect(masks.reduce((sum, m) => sum + m.length - zeros(m), 0)).toBe(kept);
          for (const mask of masks) expect(mask).toContain(1);
        },
      ),
      { numRuns: 200 },
    );
  });

  test.each<[object, string]>([
    [
      { granularity: "filters" },
      '"granularity" expected "element", "row", "column", "filter", { n, m } or [rows, columns], got "filters"',
    ],
    [{ granularity: { n: 4, m: 4 } }, '"granularity.n" expected integer in 1..3, got 4'],
    [
      { granularity: { n: 2, m: 5 } },
      'expected an m that divides the 12 weights of each filter of layer "conv", got 5',
    ],
    [{ granularity: [0, 4] }, '"granularity[0]" expected integer >= 1, got 0'],
    [{ granularity: [1, 2, 3] }, '"granularity" expected [rows, columns], got [1, 2, 3]'],
    [{ granularity: [16, 16] }, '"granularity" expected blocks smaller than the kernel of layer "conv", which is 12x2'],
    [{ pooling: "max" }, '"pooling" expected nothing where single weights are pruned, got "max"'],
    [{ pooling: "AVG", granularity: "row" }, '"pooling" expected one of "mean", "max", got "AVG"'],
    [{ scope: "all" }, '"scope" expected one of "layer", "global", got "all"'],
    [{ scope: [["dense"]] }, '"scope[0]" expected layers that are pruned (conv), got "dense"'],
    [{ scope: [["conv"], ["conv"]] }, '"scope[1]" expected layers that are in no other list, got "conv"'],
    [{ scope: "global", threshold: 1 }, '"scope" expected nothing beside a threshold, got "global"'],
    [{ granularity: { n: 2, m: 4 }, threshold: 1 }, '"threshold" expected nothing beside { n, m }, got 1'],
    [{ threshold: -1 }, '"threshold" expected finite number >= 0, got -1'],
  ])("refuses %o", (options, message) => {
    expect(() => selectionOf([weight("conv", [2, 2, 2, 3])], options)).toThrow(message);
  });
});

describe("keptWeights", () => {
  test("counts as tfmot: half to even, in float32", () => {
    expect([5, 7, 9].map(n => keptWeights(n, 0.5))).toEqual([2, 4, 4]);
    expect(keptWeights(100, 0.35)).toBe(65);
    expect(keptWeights(3, 0.99)).toBe(1);
  });
});

test("greatest breaks ties by index", () => {
  expect([...greatest(Float32Array.of(3, 1, 0, 2, 1), 3)]).toEqual([1, 1, 0, 1, 0]);
  expect([...greatest(Float32Array.of(-3, 1, -Infinity, 2, 1), 2)]).toEqual([0, 1, 0, 1, 0]);
});

describe("channelPattern", () => {
  test("keeps n of every m channels of a tap; a last group may have fewer, and one channel is never pruned", () => {
    const choose = (shape: number[]) => {
      const scores = Float32Array.from({ length: size(shape) }, (_, i) => 10 - i);
      return byPattern([channelPattern(shape, { n: 2, m: 4 })])
        .choose([scores], 0)[0]!
        .join("");
    };
    expect(choose([1, 1, 2, 6])).toBe("110011110011");
    expect(choose([1, 2, 2, 1])).toBe("1111");
    expect(choose([1, 1, 1, 3])).toBe("110");
  });
});
