/**
 * Random networks: drawn from layers with any geometry, with branches and shared layers. Through the planner each gives
 * the results of evaluate, gradients too, and the gradients are the slopes of evaluate.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import type { Graph, Value } from "../../src/graph/graph.ts";
import { BACKWARD, FORWARD, fuse } from "../../src/passes/fuse.ts";
import { trainingForm } from "../../src/passes/training.ts";
import { evaluated, expectPlanned, type Feed, withGradients } from "../ops/planned.ts";
import { draw, network } from "./drawn-networks.ts";

const noise = (n: number, random: Random): Float32Array => Float32Array.from({ length: n }, () => random.normal());

function contents(graph: Graph, batch: number, seed: number): Feed {
  const random = new Random(seed);
  const of = (leaf: Value): Float32Array => {
    const drawn = noise(size(leaf.type.shape) * (leaf.type.batched ? batch : 1), random.fork(leaf.name));
    return leaf.name.endsWith("variance")
      ? drawn.map(v => v * v + 0.5)
      : drawn.map(v => v * (leaf.leaf === "state" ? 0.4 : 1));
  };
  return Object.fromEntries(graph.leaves.map(leaf => [leaf.name, of(leaf)]));
}

/** d(sum upstream * y) along a random direction, by the gradients and by finite differences. */
function expectSlopesAlong(graph: Graph, feed: Feed, batch: number, wrt: readonly string[], seed: number): void {
  const STEP = 1e-6;
  const [first, ...gradients] = evaluated(graph, feed, batch);
  const wanted = [graph.results[0]!];
  const upstream = feed["upstream 0"]!;
  const total = (changed: Feed) =>
    evaluated(graph, { ...feed, ...changed }, batch, wanted)[0]!.data.reduce((s, v, i) => s + v * upstream[i]!, 0);
  const scale = first!.data.reduce((s, v, i) => s + Math.abs(v * upstream[i]!), 1);
  wrt.forEach((name, k) => {
    const at = Float64Array.from(feed[name]!);
    const direction = noise(at.length, new Random(seed).fork(name));
    const above = total({ [name]: at.map((v, i) => v + STEP * direction[i]!) });
    const below = total({ [name]: at.map((v, i) => v - STEP * direction[i]!) });
    const slope = (above - below) / (2 * STEP);
    const expected = gradients[k]!.data.reduce((s, d, i) => s + d * direction[i]!, 0);
    const error = Math.abs(slope - expected);
    if (!(error <= 1e-5 * Math.max(Math.abs(expected), scale)))
      expect.fail(`d ${name}: ${expected} along the direction, where evaluate has a slope of ${slope}`);
  });
}

describe("model: random networks", () => {
  test("plan, evaluate and slopes agree at batches 1, 3 and 5", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(network, async drawn => {
        const built = draw(drawn);
        for (const batch of [1, 3, 5]) {
          const { graph } = built.graph.copy();
          if (drawn.training) trainingForm(graph);
          if (drawn.fused) fuse(graph, FORWARD);
          const wrt = graph.leaves.filter(v => !/(ones|zeros|moving_.*)$/.test(v.name)).map(v => v.name);
          withGradients(graph, wrt);
          if (drawn.fused) fuse(graph, BACKWARD);
          for (const n of graph.nodes) seen.add(n.op.name).add(n.name.replace(/_\d+$/, ""));
          const feed = contents(graph, batch, drawn.seed + batch);
          // the gradient of a bias in front of a batch normalization is nothing but rounding
          await expectPlanned(graph, feed, { batch }, 1e-4, 1);
          if (batch === 3) expectSlopesAlong(graph, feed, batch, wrt, drawn.seed);
        }
      }),
      { numRuns: 60, seed: 20, endOnFailure: false },
    );
    // the drawn networks cover the ops
    for (const op of [
      "conv2d",
      "depthwiseConv2d",
      "maxPool2d",
      "averagePool2d",
      "dense",
      "concat",
      "pad",
      "prelu",
      "add",
      "broadcast",
      "rearrangeGradient",
      "layerNormalizationGradient",
      "conv1d",
      "maxPool1d",
      "averagePool1d",
      "globalMaxPool1d",
      "globalAveragePool1d",
      "globalMaxPool2d",
      "separableConv2d",
      "conv2dTranspose",
      "maximum",
      "minimum",
      "scale",
      "rescaling",
      "resizeNearest",
      "resizeBilinear",
    ])
      expect(seen).toContain(op);
    expect(seen).toContain("trainBatchNormalization");
    expect(seen).toContain("batchNormalization");
  }, 120_000);
});
