/** Weights shared by a codebook: forward and backward, through the planner, by definition and by slopes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Shape, size } from "../../../src/base/shape.ts";
import { Graph, type Op } from "../../../src/graph/graph.ts";
import { verify } from "../../../src/graph/verify.ts";
import { conv2d } from "../../../src/ops/convolution/conv2d.ts";
import { dense } from "../../../src/ops/convolution/dense.ts";
import { plainWindow } from "../../../src/ops/convolution/window.ts";
import { reshape } from "../../../src/ops/shape/reshape.ts";
import { type CodebookAttrs, codebook, sparseCodebook } from "../../../src/ops/weight/codebook.ts";
import { mask } from "../../../src/ops/weight/mask.ts";
import { bake } from "../../../src/passes/bake.ts";
import { noise } from "../../kernels/harness.ts";
import { evaluated, expectPlanned, type Feed, withGradients } from "../planned.ts";

const state = (graph: Graph, name: string, shape: Shape) =>
  graph.state("weight", name, { shape, dtype: "f32", batched: false });

/** A convolution with values for each filter and a dense layer with values for all of it, used twice. */
function network(op: Op<CodebookAttrs>, mean: boolean, batch: number): { graph: Graph; feed: Feed } {
  const graph = new Graph();
  const kernel = graph.one(op, [state(graph, "k", [5, 3, 3, 2]), state(graph, "kc", [5, 4])], { mean });
  const x = graph.leaf("input", "x", { shape: [4, 5, 2], dtype: "f32", batched: true });
  const image = graph.one(conv2d, [x, kernel, state(graph, "b", [5])], { ...plainWindow, groups: 1 });
  const weight = graph.one(op, [state(graph, "w", [30, 30]), state(graph, "wc", [7])], { mean });
  const flat = graph.one(reshape, [image], { shape: [30] });
  graph.results = [graph.one(dense, [graph.one(dense, [flat, weight]), weight])];
  const feed: Record<string, Float32Array> = Object.fromEntries(
    graph.leaves.map((v, i) => [v.name, noise(size(v.type.shape) * (v.type.batched ? batch : 1), i + 1)]),
  );
  feed.k![7] = 0;
  feed.w![8] = 0;
  feed["upstream 0"] = noise(30 * batch, 40);
  withGradients(graph, ["x", "k", "kc", "b", "w", "wc"]);
  return { graph, feed };
}

describe.each([codebook, sparseCodebook])("$name", op => {
  test.each([
    [1, false],
    [3, true],
  ] as const)("runs as evaluate says, with gradients, at batch %i, mean: %s", async (batch, mean) => {
    const { graph, feed } = network(op, mean, batch);
    await expectPlanned(graph, feed, { batch });
  });

  test("gives the nearest value, the weight its own gradient, each value the sum or mean over its members", () => {
    for (const perRow of [false, true])
      for (const mean of [false, true]) {
        const graph = new Graph();
        const shape = perRow ? [3, 4] : [4];
        const y = graph.one(op, [state(graph, "w", [3, 5]), state(graph, "c", shape)], { mean });
        graph.results = [y];
        withGradients(graph, ["w", "c"]);
        const [w, c, up] = [noise(15, 1), noise(size(shape), 2), noise(15, 3)];
        w[4] = 0;
        const [out, dw, dc] = evaluated(graph, { w, c, "upstream 0": up }, 1).map(({ data }) => data);
        expect([...dw!]).toEqual([...up]);
        const sums = new Float64Array(c.length);
        const counts = new Float64Array(c.length);
        w.forEach((v, i) => {
          const first = perRow ? 4 * Math.floor(i / 5) : 0;
          const values = [...c.subarray(first, first + 4), ...(op === sparseCodebook ? [0] : [])];
          const best = Math.min(...values.map(value => Math.abs(value - v)));
          const place = values.findIndex(value => Math.abs(value - v) === best);
          expect(out![i]).toBe(values[place]);
          if (place === 4) return;
          sums[first + place]! += up[i]!;
          counts[first + place]!++;
        });
        dc!.forEach((d, j) => expect(d).toBeCloseTo(mean && counts[j] ? sums[j]! / counts[j]! : sums[j]!, 6));
      }
  });

  test("bake gives at most k values, zeros where a mask has them, and the bits of evaluate", () => {
    const floats = fc.float({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(floats, { minLength: 12, maxLength: 12 }),
        fc.array(floats, { minLength: 1, maxLength: 6 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        (w, c, kept) => {
          const graph = new Graph();
          let weight = state(graph, "w", [3, 4]);
          weight.data = Float32Array.from(w);
          const bits = graph.state("mask", "m", weight.type, Float32Array.from(kept, Number));
          if (op === sparseCodebook) weight = graph.one(mask, [weight, bits]);
          const values = state(graph, "c", [c.length]);
          values.data = Float32Array.from(c);
          const x = graph.leaf("input", "x", { shape: [4], dtype: "f32", batched: true });
          graph.results = [graph.one(dense, [x, graph.one(op, [weight, values], { mean: false })])];
          graph.prune();
          verify(graph);
          const before = evaluated(graph, { x: [1, 2, 3, 4] }, 1)[0]!.data;
          bake(graph);
          const data = graph.leafOf("w")!.data as Float32Array;
          expect(new Set(data).size).toBeLessThanOrEqual(c.length + (op === sparseCodebook ? 1 : 0));
          if (op === sparseCodebook) kept.forEach((keep, i) => keep || expect(data[i]).toBe(0));
          expect(evaluated(graph, { x: [1, 2, 3, 4] }, 1)[0]!.data).toEqual(before);
        },
      ),
      { numRuns: 50 },
    );
  });
});

test("codebook refuses tables that do not fit", () => {
  const graph = new Graph();
  const w = state(graph, "w", [3, 5]);
  for (const shape of [[0], [2, 4], [3, 4, 1], []])
    expect(() => graph.one(codebook, [w, state(graph, `c${shape}`, shape)], { mean: false })).toThrow(RangeError);
});

test("verify: a mask before codebook is refused, before sparseCodebook it is not", () => {
  const chain = (op: Op<CodebookAttrs>): Graph => {
    const graph = new Graph();
    const w = state(graph, "w", [3, 5]);
    const masked = graph.one(mask, [w, graph.state("mask", "m", w.type)]);
    graph.results = [graph.one(op, [masked, state(graph, "c", [4])], { mean: false })];
    return graph;
  };
  expect(() => verify(chain(codebook))).toThrow(
    /"codebook" .* breaks a promise about the weight: zeros, made by "mask"/,
  );
  verify(chain(sparseCodebook));
});
