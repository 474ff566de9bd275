import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Shape, size } from "../../src/base/shape.ts";
import { Net } from "../../src/run/net.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import { adam } from "../../src/train/optimizers.ts";
import { digits } from "../data/digits.ts";
import { lenet5, type Weights } from "./networks.ts";

const folder = "test/vectors/keras/lenet5-adam";
const vector = JSON.parse(readFileSync(`${folder}.json`, "utf8"));

/** Keras' weights one after another, each transposed from `...[in][out]` to `[out]...[in]`. */
function kerasWeights(file: string): Weights {
  const bytes = readFileSync(file);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  let at = 0;
  return (_, shape: Shape) => {
    const outputs = shape[0]!;
    const each = size(shape) / outputs;
    const values = all.subarray(at, at + size(shape));
    at += size(shape);
    return Float32Array.from({ length: size(shape) }, (_, i) => values[(i % each) * outputs + Math.floor(i / each)]!);
  };
}

/** Tolerances. Keras computed in float64, and rounds the betas to float32 as we do. */
const APART = { loss: 1e-5, weight: 1e-4, logit: 2e-4 };

test("fit: 30 steps of LeNet-5 from given weights give Keras' losses", async () => {
  const { train, test: held } = await digits();
  const graph = lenet5(kerasWeights(`${folder}.initial.f32.bin`));
  const losses: number[] = [];
  await fit(graph, train.take(vector.batch * vector.steps), {
    batchSize: vector.batch,
    optimizer: adam(vector.config.learning_rate),
    shuffle: false,
    callbacks: [
      {
        onBatchEnd(batch, { loss }) {
          losses.push(loss! * (batch + 1) - losses.reduce((a, b) => a + b, 0));
        },
      },
    ],
  });
  expect(losses).toHaveLength(vector.steps);
  losses.forEach((loss, i) => {
    expect(Math.abs(loss - vector.loss[i])).toBeLessThan(APART.loss);
  });

  const final = lenet5(kerasWeights(`${folder}.final.f32.bin`));
  for (const leaf of final.leaves.filter(v => v.leaf === "state")) {
    const ours = graph.leaves.find(v => v.name === leaf.name)!.data!;
    leaf.data!.forEach((v, i) => {
      expect(Math.abs(v - ours[i]!), `${leaf.name}[${i}]`).toBeLessThan(APART.weight);
    });
  }
  const scores = await evaluate(graph, held.take(500));
  expect(scores.accuracy).toBeCloseTo(vector.testAccuracy500, 2);

  const net = await Net.create(graph);
  const logits = net.predict(held.images.subarray(0, 10 * 28 * 28) as Uint8Array);
  logits.forEach((v, i) => {
    expect(Math.abs(v - vector.testLogits.data[i]), `logit ${i}`).toBeLessThan(APART.logit);
  });
});
