/** simplify removes what is dead, and never changes an answer. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { Channels } from "../../src/compress/channels.ts";
import { pruneLowMagnitude } from "../../src/compress/prune-low-magnitude.ts";
import { simplify } from "../../src/compress/simplify.ts";
import { loadTflite } from "../../src/formats/tflite/index.ts";
import { verify } from "../../src/graph/verify.ts";
import type { Model } from "../../src/model/index.ts";
import * as layers from "../../src/model/index.ts";
import { noise } from "../kernels/harness.ts";
import { draw, network } from "../model/drawn-networks.ts";
import { evaluated, expectClose, planned } from "../ops/planned.ts";

const BATCH = 2;

const imagesFor = ({ graph }: Model) =>
  Object.fromEntries(
    graph.leaves.filter(v => v.leaf === "input").map(v => [v.name, noise(BATCH * size(v.type.shape), 7)]),
  );
const answers = (model: Model) => evaluated(model.graph, imagesFor(model), BATCH).flatMap(t => [...t.data]);

function set(model: Model, name: string, of: (v: number, i: number) => number): void {
  const leaf = model.graph.leafOf(name)!;
  leaf.data = (leaf.data as Float32Array).map(of);
}

/** Sets numbers along the first axis of a state to zero. */
const rows = (model: Model, name: string, dead: readonly number[]): void => {
  const { shape } = model.graph.leafOf(name)!.type;
  set(model, name, (v, i) => (dead.includes(Math.floor(i / size(shape.slice(1)))) ? 0 : v));
};
/** The same along the last axis. */
const columns = (model: Model, name: string, dead: readonly number[]): void =>
  set(model, name, (v, i) => (dead.includes(i % model.graph.leafOf(name)!.type.shape.at(-1)!) ? 0 : v));

const unchanged = (model: Model, exactly = true): Model => {
  const simple = simplify(model);
  verify(simple.graph);
  const [before, after] = [answers(model), answers(simple)];
  if (exactly) expect(after.every((v, i) => v === before[i])).toBe(true);
  // biases are rounded to float32
  expectClose(after, before, "answers", 1e-6, 1);
  return simple;
};

describe("simplify", () => {
  const convolutions = (padding: "same" | "valid", activation: "relu" | "sigmoid" = "relu") =>
    layers.sequential(
      [
        layers.conv2d({ filters: 5, kernelSize: 3, activation, inputShape: [6, 6, 2] }),
        layers.conv2d({ filters: 4, kernelSize: 3, padding, activation: "relu" }),
        layers.flatten(),
        layers.dense({ units: 6, activation }),
        layers.dense({ units: 3 }),
      ],
      { seed: 2 },
    );

  test("removes channels that are zero, with the same bits", () => {
    const model = convolutions("same");
    rows(model, "conv2d/kernel", [1, 3]);
    rows(model, "dense/kernel", [0]);
    const simple = unchanged(model);
    expect(simple.layers.map(l => l.outputShape.at(-1))).toEqual([3, 4, 64, 5, 3]);
    expect(simple.report.rows.map(row => row.step)).toEqual(["float", "simplify"]);
  });

  test("removes channels that nobody reads, and then what only those read", () => {
    const model = convolutions("same");
    set(model, "conv2d/bias", () => 0.1);
    // dense reads 4 x 4 pixels of 4 channels; one channel, and then the columns that made it
    set(model, "dense/kernel", (v, i) => (i % 4 === 2 ? 0 : v));
    columns(model, "dense_1/kernel", [1, 2]);
    const simple = unchanged(model);
    expect(simple.layers.map(l => l.outputShape.at(-1))).toEqual([5, 3, 48, 4, 3]);
    const deep = convolutions("same");
    columns(deep, "conv2d_1/kernel", [0]);
    expect(unchanged(deep).layer("conv2d").outputShape).toEqual([4, 4, 4]);
  });

  test("moves constants into biases where no padding stands between, and keeps them where it does", () => {
    for (const [padding, kept] of [
      ["valid", 3],
      ["same", 5],
    ] as const) {
      const model = convolutions(padding, "sigmoid");
      rows(model, "conv2d/kernel", [0, 2]);
      set(model, "conv2d/bias", (_, i) => i / 4 - 0.3);
      rows(model, "dense/kernel", [1]);
      const simple = unchanged(model, false);
      expect(simple.layer("conv2d").outputShape.at(-1)).toBe(kept);
      expect(simple.layer("dense").outputShape.at(-1)).toBe(5);
    }
  });

  test("moves nothing into a layer without a bias of its own", () => {
    const model = layers.sequential([
      layers.dense({ units: 4, activation: "sigmoid", inputShape: [3] }),
      layers.dense({ units: 2, useBias: false }),
    ]);
    rows(model, "dense/kernel", [1]);
    expect(unchanged(model).layer("dense").outputShape).toEqual([4]);
  });

  test("follows constants through batch normalization, pools, depthwise convolutions and concatenations", () => {
    const x = layers.input({ shape: [8, 8, 2] });
    const first = layers.batchNormalization()(layers.conv2d({ filters: 4, kernelSize: 3 })(x));
    const pooled = layers.maxPool2d()(layers.activation("relu")(first));
    const deep = layers.depthwiseConv2d({ kernelSize: 2, activation: "relu" })(pooled);
    const both = layers.concatenate()(deep, layers.conv2d({ filters: 3, kernelSize: 2, activation: "relu" })(pooled));
    const model = layers.model({ inputs: x, outputs: layers.dense({ units: 2 })(layers.flatten()(both)), seed: 4 });
    set(model, "batchNormalization/gamma", (v, i) => (i === 1 ? 0 : v));
    set(model, "batchNormalization/beta", (_, i) => i / 4);
    set(model, "depthwiseConv2d/bias", (_, i) => 0.5 - i / 2);
    rows(model, "conv2d_1/kernel", [2]);
    const simple = unchanged(model, false);
    expect(simple.layer("conv2d").outputShape.at(-1)).toBe(3);
    expect(simple.layer("concatenate").outputShape.at(-1)).toBe(5);
  });

  test("removes branches of zeros, unless hooks may train them", () => {
    const x = layers.input({ shape: [6, 6, 3] });
    const one = layers.conv2d({ filters: 4, kernelSize: 3, activation: "relu" })(x);
    const two = layers.conv2d({ filters: 4, kernelSize: 3, padding: "same", kernelRegularizer: layers.l2(0.1) })(one);
    const sum = layers.globalAveragePool2d()(layers.add()(one, two));
    const model = layers.model({ inputs: x, outputs: layers.dense({ units: 2 })(sum), seed: 4 });
    rows(model, "conv2d_1/kernel", [0, 1, 2, 3]);
    const simple = unchanged(model);
    expect(simple.layers.map(l => l.name)).not.toContain("conv2d_1");
    expect([...model.regularizers.keys()]).toEqual(["conv2d_1/kernel"]);
    expect(simple.regularizers.size).toBe(0);
    const pruning = simplify(pruneLowMagnitude(model));
    expect(pruning.layers.map(l => l.name)).toContain("conv2d_1");
    expect(pruning.hooks).toHaveLength(1);
  });

  test("leaves at least one channel, and what is alive as it is", () => {
    const model = convolutions("valid");
    rows(model, "conv2d/kernel", [0, 1, 2, 3, 4]);
    const simple = unchanged(model);
    expect(simple.layer("conv2d").outputShape.at(-1)).toBe(1);
    expect(answers(simplify(simple))).toEqual(answers(simple));
    const alive = convolutions("valid");
    expect(simplify(alive).getWeights()).toEqual(alive.getWeights());
  });

  test("never changes an answer of random networks with channels of zeros", async () => {
    let smaller = 0;
    await fc.assert(
      fc.asyncProperty(network, fc.nat(1e6), async (drawn, seed) => {
        const model = draw(drawn);
        const random = new Random(seed);
        for (const leaf of model.graph.leaves) {
          if (leaf.role === "bias") leaf.data = (leaf.data as Float32Array).map(() => random.normal() * 0.3);
          if (leaf.role !== "weight" || !random.integer(3)) continue;
          const { shape } = leaf.type;
          const at = random.integer(2) ? 0 : shape.length - 1;
          const dead = Array.from({ length: shape[at]! }, () => random.integer(2));
          const inner = size(shape.slice(at + 1));
          leaf.data = (leaf.data as Float32Array).map((v, i) => (dead[Math.floor(i / inner) % shape[at]!] ? 0 : v));
        }
        const simple = unchanged(model, false);
        const { results } = await planned(simple.graph, imagesFor(simple), { batch: BATCH });
        expectClose(
          results.flatMap(t => [...t.data]),
          answers(model),
          "planned",
          1e-4,
          1,
        );
        if (simple.parameters < model.parameters) smaller++;
        // nothing that is dead is left
        expect(new Channels(simplify(simple).graph).groups.map(g => g.size)).toEqual(
          new Channels(simple.graph).groups.map(g => g.size),
        );
      }),
      { numRuns: 100, seed: 9, endOnFailure: false },
    );
    expect(smaller).toBeGreaterThan(20);
  });

  test("refuses networks of integers", async () => {
    const model = await loadTflite(new Uint8Array(readFileSync("test/vectors/tflite/kws_ref_model.tflite")));
    expect(() => simplify(model)).toThrow("simplify the float one it was made of");
  });
});
