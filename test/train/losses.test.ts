import { describe, expect, test } from "vitest";
import { Dataset } from "../../src/data/dataset.ts";
import { Graph } from "../../src/graph/graph.ts";
import { softmax } from "../../src/ops/activation/softmax.ts";
import { add } from "../../src/ops/arithmetic/add.ts";
import { scale } from "../../src/ops/arithmetic/scale.ts";
import { dense } from "../../src/ops/convolution/dense.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import * as losses from "../../src/train/losses.ts";
import { adam } from "../../src/train/optimizers.ts";
import { score } from "../../src/train/score.ts";
import { arrays, Trainer } from "../../src/train/trainer.ts";
import { type Numbers, vector } from "./keras.ts";
import { seeded } from "./networks.ts";

interface LossVector {
  target: Numbers;
  prediction: Numbers;
  loss: number;
  gradient: Numbers;
  sampleWeight: Numbers;
  weightedLoss: number;
}
const VECTORS = vector<Record<string, LossVector>>("losses");

const CASES: Record<string, losses.Loss> = {
  sparse_categorical_crossentropy_logits: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
  sparse_categorical_crossentropy: losses.sparseCategoricalCrossentropy({ fromLogits: false }),
  categorical_crossentropy_logits: losses.categoricalCrossentropy({ fromLogits: true }),
  "categorical_crossentropy_smoothing_0.1": losses.categoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.1 }),
  categorical_crossentropy_soft: losses.categoricalCrossentropy({ fromLogits: false }),
  binary_crossentropy_logits: losses.binaryCrossentropy({ fromLogits: true }),
  binary_crossentropy: losses.binaryCrossentropy({ fromLogits: false }),
  mean_squared_error: losses.meanSquaredError(),
  mean_absolute_error: losses.meanAbsoluteError(),
  kl_divergence: losses.klDivergence(),
  huber: losses.huber(),
};

test("losses: every loss of Keras' vectors is compared", () => {
  expect(Object.keys(VECTORS).filter(name => !name.startsWith("regularizer"))).toEqual(Object.keys(CASES));
});

/**
 * A graph whose output for image i is prediction i: one-hot images through a dense layer whose weights are the
 * predictions.
 */
function predictor({ prediction }: LossVector): Graph {
  const [images, outputs] = prediction.shape as [number, number];
  const kernel = new Float32Array(images * outputs);
  prediction.data.forEach((v, at) => {
    kernel[(at % outputs) * images + Math.floor(at / outputs)] = v;
  });
  const graph = new Graph();
  const x = graph.leaf("input", "input", { shape: [images], dtype: "f32", batched: true });
  const w = graph.state("weight", "kernel", { shape: [outputs, images], dtype: "f32", batched: false }, kernel);
  graph.results = [graph.one(dense, [x, w], {})];
  return graph;
}

function dataOf({ target }: LossVector, sampleWeights?: Numbers): Dataset {
  const images = target.shape[0]!;
  const oneHot = Float32Array.from({ length: images * images }, (_, i) => Number(i % (images + 1) === 0));
  const y =
    target.shape.length === 1
      ? { labels: target.data, classes: 5 }
      : { targets: Float32Array.from(target.data), targetShape: [target.shape[1]!] };
  return new Dataset({
    images: oneHot,
    shape: [images],
    ...y,
    ...(sampleWeights && { sampleWeights: sampleWeights.data }),
  });
}

describe.each(Object.keys(CASES))("%s", name => {
  const known = VECTORS[name]!;
  const loss = CASES[name]!;

  test("is Keras', with and without sample weights", async () => {
    const graph = predictor(known);
    const { loss: plain } = await evaluate(graph, dataOf(known), { loss, metrics: [] });
    expect(Math.abs(plain - known.loss)).toBeLessThan(2e-6 * Math.max(1, known.loss));
    const weighted = await evaluate(graph, dataOf(known, known.sampleWeight), { loss, metrics: [], batchSize: 4 });
    expect(Math.abs(weighted.loss - known.weightedLoss)).toBeLessThan(2e-6 * Math.max(1, known.weightedLoss));
  });

  test("has Keras' gradient", async () => {
    const graph = predictor(known);
    const [images, outputs] = known.prediction.shape as [number, number];
    const trainer = await Trainer.create(graph, { loss, gradients: arrays(images) });
    const x = Float32Array.from({ length: images * images }, (_, i) => Number(i % (images + 1) === 0));
    const gradient = trainer.gradients(x, known.target.data).gradients.get("kernel")!;
    known.gradient.data.forEach((v, at) => {
      const ours = gradient[(at % outputs) * images + Math.floor(at / outputs)]!;
      expect(Math.abs(ours - v), `element ${at}`).toBeLessThan(1e-6 + 3e-6 * Math.abs(v));
    });
  });

  test("scores outputs as it evaluates a graph, bit for bit", async () => {
    const graph = predictor(known);
    const data = dataOf(known, known.sampleWeight);
    const scores = score(Float32Array.from(known.prediction.data), data, graph, { loss });
    expect(scores).toEqual(await evaluate(graph, data, { loss }));
  });
});

test("losses.entropy is the mean of -sum p log p, for any targets", async () => {
  const known = VECTORS.sparse_categorical_crossentropy!;
  const expected = known.prediction.data.reduce((sum, p) => sum - p * Math.log(p), 0) / known.target.data.length;
  for (const loss of [losses.entropy({ fromLogits: false }), losses.entropy()]) {
    const graph = loss.after ? endingInSoftmax(VECTORS.sparse_categorical_crossentropy_logits!) : predictor(known);
    const { loss: got } = await evaluate(graph, dataOf(known), { loss, metrics: [] });
    expect(got).toBeCloseTo(expected, 5);
  }
});

function endingInSoftmax(known: LossVector): Graph {
  const graph = predictor(known);
  graph.results = [graph.one(softmax, [graph.results[0]!])];
  return graph;
}

test("a graph that ends in softmax gives probabilities, any other logits", async () => {
  const known = VECTORS.sparse_categorical_crossentropy_logits!;
  const logits = await evaluate(predictor(known), dataOf(known));
  const probabilities = await evaluate(endingInSoftmax(known), dataOf(known));
  expect(logits.loss).toBeCloseTo(known.loss, 5);
  expect(probabilities.loss).toBeCloseTo(known.loss, 5);
  const asked = await evaluate(endingInSoftmax(known), dataOf(known), {
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
  });
  expect(Math.abs(asked.loss - known.loss)).toBeGreaterThan(0.1);
});

test("fit: labels become one-hot rows where a loss compares rows", async () => {
  const known = VECTORS.sparse_categorical_crossentropy_logits!;
  const { loss } = await evaluate(predictor(known), dataOf(known), { loss: losses.categoricalCrossentropy() });
  expect(loss).toBeCloseTo(known.loss, 5);
});

test("fit: targets without classes are met by the mean squared error", async () => {
  const known = VECTORS.mean_squared_error!;
  const scores = await evaluate(predictor(known), dataOf(known));
  expect(Object.keys(scores)).toEqual(["loss"]);
  expect(scores.loss).toBeCloseTo(known.loss, 6);
});

test("fit: a custom loss, made of ops, is trained on", async () => {
  const known = VECTORS.mean_squared_error!;
  const [squared, absolute] = [losses.meanSquaredError(), losses.meanAbsoluteError()];
  const both: losses.Loss = {
    name: "both",
    target: squared.target,
    build(graph, output, target) {
      const half = graph.one(scale, [absolute.build(graph, output, target)], { scale: 0.5 });
      return graph.one(add, [squared.build(graph, output, target), half]);
    },
    score: (output, target) => squared.score(output, target) + 0.5 * absolute.score(output, target),
  };
  const graph = predictor(known);
  const { history } = await fit(graph, dataOf(known), { loss: both, epochs: 40, optimizer: adam(0.05) });
  const { loss } = history.history;
  const outputs = Float32Array.from(known.prediction.data);
  expect(loss![0]).toBeCloseTo(score(outputs, dataOf(known), predictor(known), { loss: both }).loss, 6);
  expect(loss![0]! - known.loss).toBeGreaterThan(0.01);
  expect(loss!.at(-1)).toBeLessThan(0.3 * loss![0]!);
});

describe("losses refuse data that do not fit", () => {
  test("options", () => {
    expect(() => losses.huber({ delta: 0 })).toThrow('"delta" expected finite number > 0, got 0');
    expect(() => losses.sparseCategoricalCrossentropy({ labelSmoothing: 2 })).toThrow('"labelSmoothing" expected');
    expect(() => losses.categoricalCrossentropy({ smoothing: 0.1 } as never)).toThrow('has no option "smoothing"');
  });

  test("labels for a loss of rows, rows for a loss of labels", async () => {
    const known = VECTORS.mean_squared_error!;
    const sparse = evaluate(predictor(known), dataOf(known), { loss: losses.sparseCategoricalCrossentropy() });
    await expect(sparse).rejects.toThrow('"dataset" expected labels');
  });
});

describe("fit: regularizers", () => {
  interface RegularizerVector {
    weights: Numbers;
    loss: number;
  }
  const known = vector<Record<string, RegularizerVector>>("losses");
  const CASES = {
    regularizer_l1: { l1: 0.01, l2: 0 },
    regularizer_l2: { l1: 0, l2: 0.01 },
    regularizer_l1l2: { l1: 0.02, l2: 0.03 },
  };

  /** One weight [1, 7] and an input of zeros: the loss is the penalty alone. */
  function graphOf(weights: number[]): Graph {
    const graph = new Graph();
    const x = graph.leaf("input", "input", { shape: [7], dtype: "f32", batched: true });
    const type = { shape: [1, 7], dtype: "f32" as const, batched: false };
    const w = graph.state("weight", "w", type, Float32Array.from(weights));
    graph.results = [graph.one(dense, [x, w], {})];
    return graph;
  }
  const nothing = new Dataset({
    images: new Float32Array(14),
    shape: [7],
    targets: new Float32Array(2),
    targetShape: [1],
  });

  test.each(Object.keys(CASES) as (keyof typeof CASES)[])("%s adds Keras' penalty to the loss", async name => {
    const { weights, loss } = known[name]!;
    const regularizers = new Map([["w", CASES[name]]]);
    const graph = graphOf(weights.data);
    const got = await evaluate(graph, nothing, { regularizers });
    const ratio = got.loss / loss;
    expect(ratio).toBeCloseTo(1, 5);
    const trained = await fit(graph, nothing, { regularizers, optimizer: adam(0) });
    expect(trained.history.history.loss![0]).toBe(got.loss);
  });

  test("the gradient is l1 sign(w) + 2 l2 w, however many images there are", async () => {
    const weights = [...seeded(3)("w", [1, 7])];
    const regularizers = new Map([["w", { l1: 0.5, l2: 0.25 }]]);
    const trainer = await Trainer.create(graphOf(weights), {
      loss: losses.meanSquaredError(),
      regularizers,
      gradients: arrays(3),
    });
    const { gradients } = trainer.gradients(new Float32Array(21), new Float32Array(3));
    weights.forEach((w, i) => {
      expect(gradients.get("w")![i]).toBeCloseTo(0.5 * Math.sign(w) + 0.5 * w, 6);
    });
  });

  test("frozen weights have none; an unknown name is an error", async () => {
    const regularizers = new Map([["w", { l1: 1, l2: 1 }]]);
    const graph = graphOf([1, 2, 3, 4, 5, 6, 7]);
    graph.leaves.find(v => v.name === "w")!.frozen = true;
    expect((await evaluate(graph, nothing, { regularizers })).loss).toBe(0);
    await expect(evaluate(graph, nothing, { regularizers: new Map([["v", { l1: 1, l2: 0 }]]) })).rejects.toThrow(
      '"regularizers" expected',
    );
  });
});
