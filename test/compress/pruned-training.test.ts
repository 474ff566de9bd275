import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pruneLowMagnitude } from "../../src/compress/index.ts";
import { polynomialDecay } from "../../src/compress/schedules.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { dense, sequential } from "../../src/model/index.ts";
import { sgd } from "../../src/train/optimizers.ts";

interface Tensor {
  shape: number[];
  data: number[];
}

interface Vector {
  schedule: { config: Record<string, number> };
  learningRate: number;
  /** Both kernels. */
  initial: Tensor[];
  /** 30 batches of 16. */
  inputs: Tensor;
  labels: Tensor;
  loss: number[];
  zerosInMasks: [number, number][];
  /** Kernel, bias, kernel, bias. */
  final: Tensor[];
}

const vector: Vector = JSON.parse(readFileSync("test/vectors/tfmot/pruned-training.json", "utf8"));

test("pruneLowMagnitude by polynomialDecay for 30 steps: losses, masks and weights are tfmot's", async () => {
  const model = sequential([
    dense({ units: 6, activation: "relu", inputShape: [8], name: "hidden" }),
    dense({ units: 3, name: "out" }),
  ]);
  model.setWeights({ "hidden/kernel": vector.initial[0]!, "out/kernel": vector.initial[1]! });
  const { initial_sparsity, final_sparsity, power, begin_step, end_step, frequency } = vector.schedule.config;
  const schedule = polynomialDecay({
    initialSparsity: initial_sparsity!,
    finalSparsity: final_sparsity!,
    power: power!,
    beginStep: begin_step!,
    endStep: end_step!,
    frequency: frequency!,
  });
  const pruned = pruneLowMagnitude(model, { schedule });

  const data = new Dataset({ images: Float32Array.from(vector.inputs.data), shape: [8], labels: vector.labels.data });
  const zeros: number[][] = [];
  const losses: number[] = [];
  let sum = 0;
  await pruned.fit(data, {
    batchSize: 16,
    shuffle: false,
    optimizer: sgd(vector.learningRate),
    callbacks: [
      {
        onBatchEnd(batch, { loss }, context) {
          losses.push(loss! * (batch + 1) - sum);
          sum = loss! * (batch + 1);
          zeros.push(
            ["hidden/kernel/mask", "out/kernel/mask"].map(name => context.read(name).filter(bit => bit === 0).length),
          );
        },
      },
    ],
  });

  expect(zeros).toEqual(vector.zerosInMasks);
  losses.forEach((loss, i) => {
    expect(loss, `loss of step ${i + 1}`).toBeCloseTo(vector.loss[i]!, 5);
  });
  Object.entries(pruned.bake().getWeights()).forEach(([name, { shape, data: weights }], i) => {
    const final = vector.final[i]!;
    expect(shape, name).toEqual(final.shape);
    weights.forEach((w, k) => {
      expect(w, `${name} ${k}`).toBeCloseTo(final.data[k]!, 5);
      expect(w === 0, `${name} ${k} is pruned`).toBe(final.data[k] === 0);
    });
  });
});
