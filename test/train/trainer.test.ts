import { describe, expect, test } from "vitest";
import { Dataset } from "../../src/data/dataset.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { relu } from "../../src/ops/activation/relu.ts";
import { sigmoid } from "../../src/ops/activation/sigmoid.ts";
import { batchNormalization } from "../../src/ops/normalization/batch-normalization.ts";
import { dropout } from "../../src/ops/normalization/dropout.ts";
import { lossFor } from "../../src/train/defaults.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { binaryCrossentropy, meanSquaredError, sparseCategoricalCrossentropy } from "../../src/train/losses.ts";
import {
  accuracy,
  binaryAccuracy,
  confusionMatrix,
  measured,
  perClassAccuracy,
  topK,
} from "../../src/train/metrics.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { score } from "../../src/train/score.ts";
import { arrays, Trainer } from "../../src/train/trainer.ts";
import { corners, denseLayer, linear, seeded, smallNetwork, weightBytes } from "./networks.ts";

const rowsOf = (data: Dataset) => {
  const [batch] = [...data.batch(data.length)];
  return [batch!.x, batch!.y] as const;
};

describe("steps from arrays", () => {
  const loss = sparseCategoricalCrossentropy({ fromLogits: true });

  test("are the steps that fit makes", async () => {
    const data = corners(32);
    const fitted = smallNetwork();
    const { history } = await fit(fitted, data, { batchSize: 16, shuffle: false, optimizer: sgd(0.1) });
    const graph = smallNetwork();
    const options = { loss, metrics: [accuracy()], optimizer: sgd(0.1), train: arrays(16) };
    const trainer = await Trainer.create(graph, options);
    const first = trainer.trainStep(...rowsOf(data.take(16)));
    const second = trainer.trainStep(...rowsOf(data.skip(16)));
    trainer.copyBack();
    expect(weightBytes(graph)).toEqual(weightBytes(fitted));
    expect((first.loss + second.loss) / 2).toBeCloseTo(history.history.loss![0]!, 12);
    expect((first.accuracy! + second.accuracy!) / 2).toBe(history.history.accuracy![0]);
    expect(trainer.step).toBe(2);
  });

  test("gradients are the slopes of the loss", async () => {
    const graph = smallNetwork(seeded(4));
    const [x, y] = rowsOf(corners(6));
    const trainer = await Trainer.create(graph, { loss, gradients: arrays(6), evaluate: arrays(6) });
    const { gradients, scores } = trainer.gradients(x, y);
    expect([...gradients.keys()].sort()).toEqual(
      graph.leaves
        .filter(v => v.leaf === "state")
        .map(v => v.name)
        .sort(),
    );
    expect(trainer.evaluateStep(x, y)).toEqual(scores);
    const bias = graph.leaves.find(v => v.name === "logits/bias")!.data! as Float32Array;
    for (let i = 0; i < 4; i++) {
      const at = (by: number) => {
        trainer.write(
          "logits/bias",
          bias.map((v, j) => (j === i ? v + by : v)),
        );
        return trainer.evaluateStep(x, y).loss;
      };
      expect(gradients.get("logits/bias")![i]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 4);
    }
  });

  test("refuses batches that do not fit", async () => {
    const trainer = await Trainer.create(smallNetwork(), { loss, optimizer: sgd(0.1), train: arrays(2) });
    const x = new Float32Array(128);
    expect(() => trainer.trainStep(x.subarray(64), [0])).toThrow(
      '"x" expected 2 images of 8x8x1 to train, got Float32Array(64)',
    );
    expect(() => trainer.trainStep(x, [0])).toThrow('"y" expected 2 numbers');
    expect(() => trainer.trainStep(x, [0, 4])).toThrow("labels[1]");
    expect(() =>
      trainer.trainStep(
        x.map(() => NaN),
        [0, 1],
      ),
    ).toThrow('"x[0][0]" expected finite number, got NaN');
    expect(() => trainer.read("nothing")).toThrow('no state "nothing" here');
    expect(() => trainer.gradients(x, [0, 1])).toThrow("no images");
    await expect(Trainer.create(smallNetwork(), { loss, train: arrays(2) })).rejects.toThrow('"optimizer" expected');
  });
});

describe("Trainer: the form that trains", () => {
  /** hidden -> batch normalization -> relu -> dropout -> logits, on vectors of 6. */
  function network({ rate = 0.5 } = {}): Graph {
    const graph = linear(6, 8, seeded(2));
    const state = (name: string, value: number, frozen = false) => {
      const leaf = graph.state(
        "weight",
        name,
        { shape: [8], dtype: "f32", batched: false },
        new Float32Array(8).fill(value),
      );
      if (frozen) leaf.frozen = true;
      return leaf;
    };
    const parameters = [
      state("bn/gamma", 1),
      state("bn/beta", 0),
      state("bn/mean", 0, true),
      state("bn/variance", 1, true),
    ];
    const attrs = { epsilon: 1e-3, momentum: 0.9 };
    const normal = graph.one(batchNormalization, [graph.results[0]!, ...parameters], attrs);
    const dropped = graph.one(dropout, [graph.one(relu, [normal])], { rate });
    graph.results = [denseLayer(graph, dropped, "logits", 3, seeded(3))];
    return graph;
  }
  const data = (() => {
    const x = seeded(5)("x", [40, 6]);
    return new Dataset({ images: x, shape: [6], labels: Array.from({ length: 40 }, (_, i) => i % 3) });
  })();

  test("moves the statistics by those of each batch, and evaluation uses them", async () => {
    const graph = network();
    const mean = graph.leaves.find(v => v.name === "bn/mean")!;
    await fit(graph, data, { batchSize: 40, optimizer: sgd(0), shuffle: false });
    // the dense layer's outputs, averaged
    const kernel = graph.leaves.find(v => v.name === "dense/kernel")!.data!;
    const [x] = rowsOf(data);
    for (let o = 0; o < 8; o++) {
      let sum = 0;
      for (let i = 0; i < 40; i++) for (let k = 0; k < 6; k++) sum += x[i * 6 + k]! * kernel[o * 6 + k]!;
      expect(mean.data![o]).toBeCloseTo((0.1 * sum) / 40, 6);
    }
    const before = weightBytes(graph);
    const once = await evaluate(graph, data);
    expect(await evaluate(graph, data, { batchSize: 7 })).toEqual(once);
    expect(weightBytes(graph)).toEqual(before);
  });

  test("keeps frozen statistics", async () => {
    const graph = network();
    for (const leaf of graph.leaves) if (leaf.name.startsWith("bn/")) leaf.frozen = true;
    await fit(graph, data);
    expect(graph.leaves.find(v => v.name === "bn/mean")!.data).toEqual(new Float32Array(8));
  });

  test("drops by the seed and the step alone", async () => {
    const bytes = async (seed: number, slice?: number) => {
      const graph = network();
      await fit(graph, data, { seed, shuffle: false, batchSize: 8, epochs: 2, ...(slice !== undefined && { slice }) });
      return weightBytes(graph);
    };
    const once = await bytes(1);
    expect(await bytes(1, 0)).toEqual(once);
    expect(await bytes(2)).not.toEqual(once);
    const without = network({ rate: 0 });
    await fit(without, data, { seed: 1, shuffle: false, batchSize: 8, epochs: 2 });
    expect(weightBytes(without)).not.toEqual(once);
  });
});

describe("accuracy and other metrics", () => {
  const graph = linear(6, 5, seeded(8));
  const labels = Array.from({ length: 30 }, (_, i) => (i * 7) % 5);
  const data = new Dataset({ images: seeded(9)("x", [30, 6]), shape: [6], labels, classes: 5 });
  const outputs = (() => {
    const kernel = graph.leaves.find(v => v.name === "dense/kernel")!.data!;
    const [x] = rowsOf(data);
    return Float32Array.from({ length: 150 }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < 6; k++) sum += x[Math.floor(at / 5) * 6 + k]! * kernel[(at % 5) * 6 + k]!;
      return sum;
    });
  })();
  const rank = (i: number) => {
    const row = outputs.subarray(i * 5, i * 5 + 5);
    return row.filter(v => v > row[labels[i]!]!).length;
  };

  test("accuracy and top-k count correctly, in a graph and from outputs", async () => {
    const metrics = [accuracy(), topK(2), topK(3)];
    const scores = await evaluate(graph, data, { metrics });
    for (const [name, k] of [
      ["accuracy", 1],
      ["top2", 2],
      ["top3", 3],
    ] as const)
      expect(scores[name]).toBe(labels.filter((_, i) => rank(i) < k).length / 30);
    const { loss: _, ...counted } = score(outputs, data, graph, { metrics });
    expect(scores).toMatchObject(counted);
    expect(() => topK(0)).toThrow('"k" expected integer >= 1, got 0');
  });

  test("one output is a yes or no", async () => {
    const yesNo = linear(6, 1, seeded(8));
    const binary = new Dataset({
      images: seeded(9)("x", [30, 6]),
      shape: [6],
      labels: labels.map(v => v % 2),
      classes: 2,
    });
    const scores = await evaluate(yesNo, binary, { metrics: [accuracy(), { ...binaryAccuracy(), name: "binary" }] });
    expect(lossFor(yesNo, binary).name).toBe("binaryCrossentropy");
    expect(scores.accuracy).toBe(scores.binary);
    const kernel = yesNo.leaves.find(v => v.name === "dense/kernel")!.data! as Float32Array;
    const [x] = rowsOf(binary);
    const logits = Array.from({ length: 30 }, (_, i) => kernel.reduce((sum, w, k) => sum + w * x[i * 6 + k]!, 0));
    const right = (threshold: number) => labels.filter((v, i) => logits[i]! > threshold === (v % 2 === 1)).length / 30;
    expect(right(0)).not.toBe(right(0.5));
    expect(scores.accuracy).toBe(right(0));
    const outputs = Float32Array.from(logits);
    const metrics = [accuracy(), binaryAccuracy()];
    const { loss: _, ...counted } = score(outputs, binary, yesNo, { metrics });
    expect(counted).toEqual({ accuracy: right(0), binaryAccuracy: right(0) });
    // a regression towards 0 and 1 has no logits, and an explicit threshold applies to raw outputs
    const loss = meanSquaredError();
    expect((await evaluate(yesNo, binary, { loss, metrics })).accuracy).toBe(right(0.5));
    expect(score(outputs, binary, yesNo, { loss, metrics }).binaryAccuracy).toBe(right(0.5));
    const fixed = [binaryAccuracy({ threshold: 0.25 })];
    expect((await evaluate(yesNo, binary, { metrics: fixed })).binaryAccuracy).toBe(right(0.25));
  });

  test("behind a sigmoid, accuracy, binaryAccuracy and a measured loss take probabilities", async () => {
    const targets = Float32Array.from({ length: 150 }, (_, i) => Number(i % 3 === 0));
    const rows = new Dataset({ images: data.images, shape: [6], targets, targetShape: [5] });
    const metrics = [binaryAccuracy(), measured(binaryCrossentropy(), "measured")];
    const ended = linear(6, 5, seeded(6));
    ended.results = [ended.one(sigmoid, [ended.results[0]!])];
    const [asLogits, asProbabilities] = await Promise.all(
      [linear(6, 5, seeded(6)), ended].map(graph => evaluate(graph, rows, { loss: binaryCrossentropy(), metrics })),
    );
    expect(asLogits!.binaryAccuracy).toBeGreaterThan(0);
    expect(asProbabilities!.binaryAccuracy).toBe(asLogits!.binaryAccuracy);
    for (const scores of [asLogits!, asProbabilities!]) expect(scores.measured).toBe(scores.loss);
  });

  test("a loss can be measured", async () => {
    const targets = Float32Array.from({ length: 150 }, (_, i) => i % 3);
    const rows = new Dataset({ images: data.images, shape: [6], targets, targetShape: [5] });
    const scores = await evaluate(graph, rows, { metrics: [measured(meanSquaredError(), "mse")] });
    expect(scores.mse).toBe(scores.loss);
  });

  test("confusion and accuracy per class", () => {
    const two = Float32Array.of(1, 0, 0, 1, 0, 1, 1, 0);
    const confusion = confusionMatrix(two, [0, 0, 1, 1], 2);
    expect(confusion).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(
      perClassAccuracy([
        [3, 1],
        [0, 5],
      ]),
    ).toEqual([0.75, 1]);
    expect(() => confusionMatrix(two, [0], 2)).toThrow('"outputs" expected 1 rows of 2, got 8 numbers');
    expect(() => confusionMatrix(two, [0, 0, 1, 2], 2)).toThrow('"labels[3]" expected integer in 0..1, got 2');
  });
});
