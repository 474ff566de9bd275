import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import {
  type CriterionName,
  type Granularity,
  type PruneOnceOptions,
  pruneOnce,
  sparsity,
} from "../../src/compress/index.ts";
import { keptWeights } from "../../src/compress/selection.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  add,
  batchNormalization,
  conv1d,
  conv2d,
  conv2dTranspose,
  dense,
  depthwiseConv2d,
  dropout,
  flatten,
  globalAveragePool2d,
  input,
  type Layer,
  type Model,
  model,
  separableConv2d,
  sequential,
} from "../../src/model/index.ts";
import { lenet300100 } from "../../src/models/index.ts";

const network = (): Model =>
  sequential(
    [
      conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2], activation: "relu" }),
      batchNormalization(),
      dropout(0.3),
      depthwiseConv2d({ kernelSize: 2 }),
      flatten(),
      dense({ units: 3 }),
    ],
    { seed: 2 },
  );

function noise(rows: number, shape = [6, 6, 2], classes = 3): Dataset {
  const random = new Random(5);
  return new Dataset({
    x: Float32Array.from({ length: rows * shape.reduce((a, b) => a * b) }, () => random.normal()),
    shape,
    labels: Array.from({ length: rows }, () => random.integer(classes)),
  });
}

const zerosOf = (m: Model) => sparsity(m).tensors.map(t => t.zeros);

describe("pruneOnce", () => {
  test.each<CriterionName>(["magnitude", "random"])("by %s has exactly the sparsity in each kernel", criterion => {
    const pruned = pruneOnce(network(), { sparsity: 0.75, criterion });
    expect(sparsity(pruned).tensors.map(t => t.sparsity)).toEqual([0.75, 0.75, 0.75]);
    expect(pruneOnce(network(), { sparsity: 0.75, criterion }).getWeights()).toEqual(pruned.getWeights());
  });

  test.each<CriterionName>(["taylor", "snip", "movement"])("by %s measures gradients on data", async criterion => {
    const whole = network();
    const before = whole.getWeights();
    const options = { sparsity: 0.6, criterion, scope: "global", data: noise(48), batchSize: 16 } as const;
    const pruned = await pruneOnce(whole, options);
    expect(whole.getWeights()).toEqual(before);
    const { weights, zeros } = sparsity(pruned);
    expect(weights - zeros).toBe(keptWeights(weights, 0.6));
    expect(sparsity(await pruneOnce(network(), options)).tensors).toEqual(sparsity(pruned).tensors);
    // what is not pruned is as it was, statistics of normalization among it
    for (const [name, { data }] of Object.entries(pruned.bake().getWeights()))
      data.forEach((w, i) => {
        if (w !== 0) expect(w).toBe(before[name]!.data[i]);
      });
    expect(sparsity(pruneOnce(whole, { sparsity: 0.6, scope: "global" })).tensors).not.toEqual(
      sparsity(pruned).tensors,
    );
  });

  test("by taylor keeps weights whose products with their gradients are greatest", async () => {
    // out = 3 a + 0.1 b + 2 c with a = 0 in all rows: the greatest weight has no part in any loss
    const linear = sequential([dense({ units: 1, useBias: false, inputShape: [3] })]);
    linear.setWeights([[[3], [0.1], [2]]]);
    const x = Float32Array.of(0, 1, 1, 0, -1, 1, 0, 2, -1, 0, 1, 2);
    const data = new Dataset({ x, shape: [3], targets: Float32Array.of(1, 2, 3, 4), targetShape: [1] });
    const pruned = await pruneOnce(linear, { sparsity: 0.34, criterion: "taylor", data, loss: "meanSquaredError" });
    expect([...pruned.getWeights()["dense/kernel"]!.data].map(w => w !== 0)).toEqual([false, true, true]);
    expect([...pruneOnce(linear, 0.34).getWeights()["dense/kernel"]!.data].map(w => w !== 0)).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("by lamp compares all layers, as LAMP does", () => {
    const whole = lenet300100({ seed: 1 });
    const pruned = pruneOnce(whole, { sparsity: 0.9, criterion: "lamp" });
    const { tensors, weights, zeros } = sparsity(pruned);
    expect(weights - zeros).toBe(keptWeights(weights, 0.9));
    expect(tensors.at(-1)!.sparsity).toBeLessThan(tensors[0]!.sparsity);
    expect(zerosOf(pruneOnce(whole, { sparsity: 0.9, criterion: "lamp", scope: "layer" }))).toEqual(
      zerosOf(pruneOnce(whole, 0.9)),
    );
  });

  test("by a function of one's own sees the weight, and its scores decide", () => {
    const seen: string[] = [];
    const pruned = pruneOnce(network(), {
      sparsity: 0.5,
      layers: ["dense"],
      criterion: ({ name, layer, shape, weights }) => {
        seen.push(`${name} ${layer} ${shape}`);
        return weights.map((_, i) => i);
      },
    });
    expect(seen).toEqual(["dense/kernel dense 3,36"]);
    const bits = pruned.graph.leafOf("dense/kernel/mask")!.data!;
    expect([...bits]).toEqual(Array.from({ length: 108 }, (_, i) => (i < 54 ? 0 : 1)));
  });

  test("by movement keeps masked weights under their mask, and bake makes zeros of them", async () => {
    const pruned = await pruneOnce(network(), { sparsity: 0.5, criterion: "movement", data: noise(32) });
    expect(pruned.getWeights()["dense/kernel"]!.data.every(w => w !== 0)).toBe(true);
    expect(sparsity(pruned).tensors.map(t => t.sparsity)).toEqual([0.5, 0.5, 0.5]);
    expect(zerosOf(pruned.bake())).toEqual(zerosOf(pruned));
    const x = noise(5).images as Float32Array;
    expect(await pruned.bake().predict(x)).toEqual(await pruned.predict(x));
  });

  test("{ n, m } needs no sparsity: it says what it is", () => {
    expect(zerosOf(pruneOnce(network(), { granularity: { n: 1, m: 2 } }))).toEqual([36, 8, 54]);
  });

  const granularities: Granularity[] = ["element", "row", "column", "filter", [1, 2], [1, 4], { n: 1, m: 2 }];
  const layers: Record<string, (filters: number) => Layer> = {
    conv: filters => conv2d({ filters, kernelSize: 2, padding: "same" }),
    grouped: filters => conv2d({ filters: 2 * filters, kernelSize: 2, padding: "same", groups: 2 }),
    depthwise: multiplier => depthwiseConv2d({ kernelSize: [2, 2], depthMultiplier: multiplier, padding: "same" }),
    separable: filters => separableConv2d({ filters, kernelSize: 2, padding: "same" }),
    transposed: filters => conv2dTranspose({ filters, kernelSize: 2, padding: "same" }),
    normalized: () => batchNormalization(),
  };

  test("has exactly the sparsity asked for, in units and weights, whatever the network", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...Object.keys(layers)), fc.integer({ min: 1, max: 3 })), { maxLength: 4 }),
        fc.constantFrom(...granularities),
        fc.constantFrom("layer" as const, "global" as const),
        fc.constantFrom<CriterionName>("magnitude", "lamp", "random"),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (kinds, granularity, scope, criterion, share) => {
          const x = input({ shape: [4, 4, 2] });
          let y = x;
          for (const [kind, filters] of kinds) y = layers[kind]!(filters * 2)(y);
          const shared = conv2d({ filters: 4, kernelSize: 1, name: "shared" });
          const four = shared(conv2d({ filters: 4, kernelSize: 2, padding: "same" })(y));
          const branched = add()(shared(four), four);
          const whole = model({ inputs: x, outputs: dense({ units: 4 })(globalAveragePool2d()(branched)) });
          const pruned = pruneOnce(whole, { sparsity: share, granularity, scope, criterion });
          const { tensors, zeros, weights } = sparsity(pruned);
          expect(new Set(tensors.map(t => t.name)).size).toBe(tensors.length);
          for (const { name, weights: size, zeros: none } of tensors) {
            expect(none, name).toBeLessThan(size);
            if (granularity === "element" && scope === "layer") expect(size - none).toBe(keptWeights(size, share));
            if (granularity === "filter" && scope === "layer") {
              const filters = whole.graph.leafOf(name)!.type.shape[0]!;
              expect(none).toBe((size / filters) * (filters - keptWeights(filters, share)));
            }
          }
          if (scope === "global" && (granularity === "element" || "m" in Object(granularity)))
            expect(weights - zeros).toBe(Math.max(tensors.length, keptWeights(weights, share)));
          for (const name of Object.keys(whole.getWeights()).filter(name => !name.endsWith("kernel")))
            expect(pruned.getWeights()[name]).toEqual(whole.getWeights()[name]);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("prunes sequences' convolutions", () => {
    const sequence = sequential([
      conv1d({ filters: 4, kernelSize: 3, inputShape: [8, 2] }),
      flatten(),
      dense({ units: 2 }),
    ]);
    expect(zerosOf(pruneOnce(sequence, { sparsity: 0.5, granularity: "filter" }))).toEqual([12, 24]);
  });

  test.each<[PruneOnceOptions, string]>([
    [{}, "expected either a sparsity or a threshold"],
    [
      { sparsity: 0.5, criterion: "taylor" },
      'pruneOnce: "data" expected a Dataset, for criterion "taylor", got undefined',
    ],
    [
      { sparsity: 0.5, criterion: "threshold" },
      '"threshold" expected a number, with criterion "threshold", got undefined',
    ],
    [{ sparsity: 0.5, batchSize: 8 }, '"batchSize" expected nothing without data, got 8'],
    [{ sparsity: 0.5, loss: "meanSquaredError" }, '"loss" expected nothing without data'],
    [
      { sparsity: 0.8, granularity: { n: 1, m: 3 } },
      '"sparsity" expected at most 0.6666666666666667, which { n, m } allows, got 0.8',
    ],
    [
      { granularity: { n: 2, m: 4 } },
      '"granularity" expected an m that divides the 18 weights of each filter of layer "conv2d", got 4',
    ],
    [{ threshold: 0.1, scope: "global" }, '"scope" expected nothing beside a threshold'],
    [
      { sparsity: 0.5, layers: ["batchNormalization"] },
      '"layers" expected layers that can be pruned (conv2d, depthwiseConv2d, dense)',
    ],
    [{ sparsity: 0.5, data: [] as never }, '"data" expected a Dataset, got []'],
  ])("refuses %o", (options, message) => {
    expect(() => pruneOnce(network(), options)).toThrow(message);
  });

  test("refuses gradients of layers that are not trained, by name", async () => {
    const frozen = sequential([
      dense({ units: 4, inputShape: [4], trainable: false, name: "still" }),
      dense({ units: 3 }),
    ]);
    const options = { sparsity: 0.5, criterion: "taylor", data: noise(8, [4]) } as const;
    await expect(pruneOnce(frozen, options)).rejects.toThrow(
      '"layers" expected layers that are trained, as criterion "taylor" needs their gradients, got "still"',
    );
    expect(zerosOf(await pruneOnce(frozen, { ...options, layers: ["dense"] }))).toEqual([0, 6]);
  });
});
