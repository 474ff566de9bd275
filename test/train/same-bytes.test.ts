import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { crc32 } from "../../src/kernels/bits.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { dropout } from "../../src/ops/normalization/dropout.ts";
import { fit } from "../../src/train/fit.ts";
import { adam, adamW, rmsprop } from "../../src/train/optimizers.ts";
import { cosineDecay } from "../../src/train/schedules.ts";
import { corners, denseLayer, linear, seeded, smallNetwork, weightBytes } from "./networks.ts";

/**
 * One seed gives the same bytes on every engine: these were recorded on Node 20, and every Node the tests run on must
 * agree. A kernel that sums in another order changes them: then record the new ones, on one engine, and let the others
 * check them.
 */
const RECORDED = { convolution: 2466747231, dropout: 1274800885 };

function withDropout(): Graph {
  const graph = linear(64, 12, seeded(2));
  const hidden = graph.one(relu, [graph.results[0]!]);
  graph.results = [denseLayer(graph, graph.one(dropout, [hidden], { rate: 0.3 }), "logits", 4, seeded(3))];
  return graph;
}

test("fit: a convolutional network, by Adam with a schedule and clipping", async () => {
  const graph = smallNetwork(seeded(11));
  const rate = cosineDecay(0, { decaySteps: 20, warmupSteps: 4, warmupTarget: 0.01 });
  await fit(graph, corners(150), { epochs: 3, batchSize: 32, seed: 1, optimizer: adam(rate, { globalClipnorm: 1 }) });
  await fit(graph, corners(150), { epochs: 1, batchSize: 32, seed: 2, optimizer: rmsprop(1e-3, { momentum: 0.5 }) });
  expect(crc32(weightBytes(graph))).toBe(RECORDED.convolution);
});

test("a network with dropout, by AdamW", async () => {
  const graph = withDropout();
  const flat = corners(90).map(row => row, { shape: [64] });
  await fit(graph, flat, { epochs: 2, batchSize: 16, seed: 3, optimizer: adamW(0.01), validationSplit: 0.1 });
  expect(crc32(weightBytes(graph))).toBe(RECORDED.dropout);
});
