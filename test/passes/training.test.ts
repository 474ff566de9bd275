import { describe, expect, test } from "vitest";
import { add, batchNormalization, dense, dropout, input, model, sequential } from "../../src/model/index.ts";
import { DROPOUT_STREAM, trainingForm } from "../../src/passes/training.ts";
import { noise } from "../kernels/harness.ts";
import { expectClose, planned } from "../ops/planned.ts";

const opsOf = (made: ReturnType<typeof sequential>) => {
  const { graph } = made.graph.copy();
  trainingForm(graph);
  return graph.nodes.map(n => n.op.name);
};

describe("trainingForm", () => {
  test("takes the statistics of the batch and moves the averages", () => {
    expect(opsOf(sequential([batchNormalization({ inputShape: [3] }), dense({ units: 2 })]))).toEqual([
      "trainBatchNormalization",
      "movingAverage",
      "movingAverage",
      "dense",
    ]);
  });

  test("leaves a frozen batch normalization as it runs, one without parameters not", () => {
    const ops = (options: object) => opsOf(sequential([batchNormalization({ inputShape: [3], ...options })]));
    expect(ops({ trainable: false })).toEqual(["batchNormalization"]);
    expect(ops({ scale: false, trainable: false })).toEqual(["batchNormalization"]);
    expect(ops({ scale: false })).toContain("trainBatchNormalization");
    expect(ops({ scale: false, center: false })).toContain("trainBatchNormalization");
  });

  test("drops by streams, each layer otherwise", () => {
    const made = sequential([dropout(0.5, { inputShape: [4] }), dropout(0.5), dropout(0)]);
    const { graph } = made.graph.copy();
    expect(trainingForm(graph)).toBe(true);
    expect(graph.nodes.map(n => n.attrs)).toEqual([{ rate: 0.5, salt: 0 }, { rate: 0.5, salt: 1 }, { rate: 0 }]);
    expect(graph.leaves.filter(v => v.leaf === "stream").map(v => v.name)).toEqual(Object.values(DROPOUT_STREAM));
    expect(trainingForm(sequential([dense({ units: 1, inputShape: [1] })]).graph)).toBe(false);
  });

  test("of a shared batch normalization moves its averages twice", async () => {
    const x = input({ shape: [3] });
    const shared = batchNormalization({ momentum: 0.5, epsilon: 1e-3 });
    const made = model({ inputs: x, outputs: add()(shared(x), shared(dense({ units: 3 })(x))) });
    const { graph } = made.graph.copy();
    trainingForm(graph);
    const images = noise(12, 8);
    const kernel = [1, 0, 0, 0, 2, 0, 0, 0, 3];
    const feed = { input: images, "dense/kernel": kernel };
    const name = "batchNormalization/moving_mean";
    const { after } = await planned(graph, feed, { batch: 4, after: [name] });
    const mean = (c: number) => (images[c]! + images[c + 3]! + images[c + 6]! + images[c + 9]!) / 4;
    const expected = [0, 1, 2].map(c => 0.25 * mean(c) + 0.5 * (c + 1) * mean(c));
    expectClose(after[name]!, expected, "moving mean");
  });
});
