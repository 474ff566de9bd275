/** Gates and penalties of gammas: training makes channels small, slimming removes them. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { size } from "../../src/base/shape.ts";
import { type GateOptions, gate } from "../../src/compress/gate.ts";
import { pruneOnce } from "../../src/compress/prune-once.ts";
import { simplify } from "../../src/compress/simplify.ts";
import { slim } from "../../src/compress/slim.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { verify } from "../../src/graph/verify.ts";
import * as layers from "../../src/model/index.ts";
import { loadModel, type Model } from "../../src/model/index.ts";
import { lenet5, resnet8 } from "../../src/models/index.ts";
import { adam } from "../../src/train/optimizers.ts";
import { noise } from "../kernels/harness.ts";
import { evaluated, planned } from "../ops/planned.ts";

const BATCH = 2;
const imagesFor = ({ graph }: Model) =>
  Object.fromEntries(
    graph.leaves.filter(v => v.leaf === "input").map(v => [v.name, noise(BATCH * size(v.type.shape), 7)]),
  );
const answers = (model: Model) => evaluated(model.graph, imagesFor(model), BATCH).flatMap(t => [...t.data]);

/** Convolutions with batch normalization in a residual block, a depthwise one and dense layers without. */
function mixed(): Model {
  const x = layers.input({ shape: [8, 8, 2] });
  const normal = (y: layers.SymbolicTensor) => layers.activation("relu")(layers.batchNormalization()(y));
  const first = normal(layers.conv2d({ filters: 6, kernelSize: 3, padding: "same", useBias: false })(x));
  const block = layers.add()(first, normal(layers.conv2d({ filters: 6, kernelSize: 3, padding: "same" })(first)));
  const deep = layers.depthwiseConv2d({ kernelSize: 3, activation: "relu" })(block);
  const last = layers.conv2d({ filters: 4, kernelSize: 1, activation: "relu" })(deep);
  const hidden = layers.dense({ units: 10, activation: "relu" })(layers.flatten()(layers.maxPool2d()(last)));
  const model = layers.model({ inputs: x, outputs: layers.dense({ units: 3 })(hidden), seed: 3 });
  for (const leaf of model.graph.leaves)
    if (leaf.role === "bias") leaf.data = noise(size(leaf.type.shape), leaf.id).map(v => v * 0.3);
  return model;
}

const gates = (model: Model) => model.graph.leaves.filter(v => v.name.endsWith("/gate"));

/** Labels that the first of four numbers decides alone. */
function easy(rows: number): Dataset {
  const random = new Random(5);
  const images = Float32Array.from({ length: rows * 4 }, () => random.normal());
  return new Dataset({
    images,
    shape: [4],
    labels: Array.from({ length: rows }, (_, i) => Number(images[4 * i]! > 0)),
  });
}

describe("gate", () => {
  test("lays one factor on each channel of a group, and changes no answer while they are 1", () => {
    const model = mixed();
    const gated = gate(model, { l1: 0.01 });
    verify(gated.graph);
    expect(answers(gated)).toEqual(answers(model));
    expect(gates(gated).map(v => [v.name, v.type.shape])).toEqual([
      ["conv2d/gate", [6]],
      ["conv2d_2/gate", [4]],
      ["dense/gate", [10]],
    ]);
    const edges = gated.graph.nodes.filter(n => n.op.name === "gate").map(n => n.inputs[0]!.name);
    expect(edges).toEqual([
      "batchNormalization/gamma",
      "batchNormalization/beta",
      "batchNormalization_1/gamma",
      "batchNormalization_1/beta",
      "depthwiseConv2d/bias",
      "conv2d_2/kernel",
      "conv2d_2/bias",
      "dense/kernel",
      "dense/bias",
    ]);
    expect([...gated.regularizers].map(([name, { l1 }]) => [name, l1])).toEqual(gates(gated).map(v => [v.name, 0.01]));
    expect(model.regularizers.size).toBe(0);
  });

  test("of which channels are zero: slim and simplify give the same bits without them", async () => {
    const gated = gate(mixed());
    const dead: Record<string, number[]> = { conv2d: [1, 4], conv2d_2: [0], dense: [2, 3, 9] };
    for (const [name, indices] of Object.entries(dead)) {
      const leaf = gated.graph.leafOf(`${name}/gate`)!;
      leaf.data = (leaf.data as Float32Array).map((_, i) => (indices.includes(i) ? 0 : 0.5 + i / 10));
    }
    const slimmed = await slim(gated, { keep: { conv2d: 4, conv2d_2: 3, dense: 7 }, score: "gamma" });
    const before = answers(gated);
    const ran = await planned(gated.graph, imagesFor(gated), { batch: BATCH });
    for (const smaller of [slimmed, simplify(gated), simplify(gated.bake()), slimmed.bake()]) {
      verify(smaller.graph);
      expect(["conv2d", "conv2d_2", "dense"].map(name => smaller.layer(name).outputShape.at(-1))).toEqual([4, 3, 7]);
      expect(answers(smaller).every((v, i) => v === before[i])).toBe(true);
      const { results } = await planned(smaller.graph, imagesFor(smaller), { batch: BATCH });
      results[0]!.data.forEach((v, i) => {
        const was = ran.results[0]!.data[i]!;
        expect(Math.abs(v - was)).toBeLessThan(1e-6 * Math.max(1, Math.abs(was)));
      });
    }
    const small = slimmed.bake();
    expect(gates(small)).toEqual([]);
    expect(small.regularizers.size).toBe(0);
    const loaded = await loadModel(slimmed.toBytes());
    expect(answers(loaded)).toEqual(answers(small));
  });

  test.each(["gates", "gamma"] as const)("on %s: training makes neurons small that are not needed", async on => {
    const model = layers.sequential(
      [
        layers.dense({ units: 8, inputShape: [4] }),
        layers.batchNormalization(),
        layers.activation("relu"),
        layers.dense({ units: 2 }),
      ],
      { seed: 1 },
    );
    const gated = gate(model, { on, l1: 0.02 });
    const data = easy(256);
    await gated.fit(data, { epochs: 40, batchSize: 16, optimizer: adam(0.01) });
    const name = on === "gates" ? "dense/gate" : "batchNormalization/gamma";
    const factors = [...gated.graph.leafOf(name)!.data!].map(Math.abs).sort((a, b) => b - a);
    expect(factors[0]).toBeGreaterThan(0.3);
    expect(factors[4]).toBeLessThan(0.1);
    const slimmed = await slim(gated, { keep: { dense: 4 }, score: "gamma" });
    const [before, after] = [await gated.evaluate(data), await slimmed.evaluate(data)];
    expect(after.accuracy).toBeGreaterThan(before.accuracy! - 0.02);
    expect(before.accuracy).toBeGreaterThan(0.9);
    // it trains on, its penalties too
    await slimmed.fit(data, { epochs: 1 });
    await slimmed.bake().fit(data, { epochs: 1 });
  });

  test("stands behind masks, and for the chosen layers alone", () => {
    const gated = gate(pruneOnce(lenet5(), 0.5), { layers: ["dense"] });
    expect(gates(gated).map(v => v.name)).toEqual(["dense/gate"]);
    verify(gated.graph);
    expect(gate(resnet8(), { on: "gamma" }).regularizers.size).toBeGreaterThan(5);
  });

  test.each([
    [{ on: "beta" }, '"on" expected one of "gamma", "gates", got "beta"'],
    [{ l1: -1 }, '"l1" expected finite number >= 0, got -1'],
    [{ layers: ["pool"] }, '"layers" expected layers with channels that may be removed'],
    [{ on: "gamma" }, '"layers" expected layers with batch normalization behind them, got "conv2d"'],
    [{ size: 1 }, '"gate" has no option "size"'],
  ] as [GateOptions, string][])("refuses %o", (options, message) => {
    expect(() => gate(lenet5(), options)).toThrow(message);
  });

  test("refuses gates on gates", () => {
    expect(() => gate(gate(lenet5()))).toThrow('layer "conv2d" has gates already: bake the model first');
  });
});
