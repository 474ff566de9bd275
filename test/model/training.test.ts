/** The training of a model: penalties, frozen layers, restored weights, steps of any size. */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Dataset } from "../../src/data/dataset.ts";
import {
  batchNormalization,
  conv2d,
  dense,
  dropout,
  flatten,
  l2,
  loadModel,
  Model,
  maxPool2d,
  sequential,
} from "../../src/model/index.ts";
import { adam, sgd } from "../../src/train/optimizers.ts";
import { cosineDecay, type Schedule } from "../../src/train/schedules.ts";

const ROWS = 70;

/** Bright squares in one of four corners, which are easy to learn. */
function corners(rows = ROWS): Dataset {
  const random = new Random(3);
  const images = new Float32Array(rows * 64);
  const labels = new Uint8Array(rows);
  for (let r = 0; r < rows; r++) {
    const corner = r % 4;
    labels[r] = corner;
    for (let i = 0; i < 64; i++) {
      const [y, x] = [i >> 3, i & 7];
      const inside = y >> 2 === corner >> 1 && x >> 2 === (corner & 1);
      images[r * 64 + i] = random.uniform(0, 0.3) + (inside ? 0.7 : 0);
    }
  }
  return new Dataset({ images, shape: [8, 8, 1], labels, classes: 4 });
}

const network = (seed = 1, penalty = 0): Model =>
  sequential(
    [
      conv2d({ filters: 4, kernelSize: 3, activation: "relu", inputShape: [8, 8, 1], kernelRegularizer: l2(penalty) }),
      maxPool2d(),
      flatten(),
      dense({ units: 8, activation: "relu" }),
      dense({ units: 4 }),
    ],
    { seed },
  );

describe("Model.fit", () => {
  test("learns, returns the measures, and leaves the weights in the model", async () => {
    const [model, data] = [network(), corners()];
    const before = await model.evaluate(data);
    const history = await model.fit(data, { epochs: 8, batchSize: 16, optimizer: adam(0.01), validation: data });
    expect(history.epoch).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(history.history.valAccuracy!.at(-1)).toBeGreaterThan(0.95);
    const after = await model.evaluate(data);
    expect(after.loss).toBeLessThan(before.loss / 3);
    expect(after.loss).toBeCloseTo(history.history.valLoss!.at(-1)!, 6);

    const logits = await model.predict(data);
    const labels = data.labels()!;
    const right = labels.filter((label, r) => {
      const row = logits.subarray(4 * r, 4 * r + 4);
      return row.indexOf(Math.max(...row)) === label;
    }).length;
    expect(right / ROWS).toBeCloseTo(after.accuracy!, 6);
  });

  test("continues from its checkpoint as if it had not stopped", async () => {
    const [whole, halves, data] = [network(), network(), corners()];
    await whole.fit(data, { epochs: 4, batchSize: 16 });
    const { checkpoint } = await halves.fit(data, { epochs: 2, batchSize: 16 });
    await halves.fit(data, { epochs: 4, batchSize: 16, resume: checkpoint });
    expect(halves.getWeights()).toEqual(whole.getWeights());
  });

  test("History as JSON has the measures, without the checkpoint", async () => {
    const history = await network().fit(corners(), { epochs: 2 });
    expect(JSON.parse(JSON.stringify(history))).toEqual({ epoch: [0, 1], history: history.history });
  });

  test("does not change frozen layers", async () => {
    const model = network();
    model.layer("dense").trainable = false;
    const before = model.getWeights();
    await model.fit(corners(), { batchSize: 16 });
    const after = model.getWeights();
    for (const name of ["dense/kernel", "dense/bias"]) expect(after[name]).toEqual(before[name]);
    for (const name of ["conv2d/kernel", "dense_1/kernel"]) expect(after[name]).not.toEqual(before[name]);
  });

  test("moves the averages of batch normalization, drops out, and runs without either", async () => {
    const build = () =>
      sequential([
        flatten({ inputShape: [8, 8, 1] }),
        batchNormalization({ momentum: 0.5 }),
        dropout(0.3),
        dense({ units: 4 }),
      ]);
    const data = corners();
    const [model, same, frozen] = [build(), build(), build()];
    await model.fit(data, { epochs: 3, batchSize: 16, seed: 5 });
    await same.fit(data, { epochs: 3, batchSize: 16, seed: 5 });
    expect(same.getWeights()).toEqual(model.getWeights());
    const { "batchNormalization/moving_mean": mean, "batchNormalization/moving_variance": variance } =
      model.getWeights();
    expect(mean!.data.every(v => v > 0.1 && v < 0.6)).toBe(true);
    expect(variance!.data.every(v => v < 0.7)).toBe(true);
    expect(await model.predict(data)).toEqual(await model.predict(data));

    frozen.layer("batchNormalization").trainable = false;
    await frozen.fit(data, { epochs: 1, batchSize: 16 });
    expect([...frozen.getWeights()["batchNormalization/moving_mean"]!.data]).toEqual(new Array(64).fill(0));
  });

  test("reads pixels as the data set did, from then on and after loading", async () => {
    const model = sequential([flatten({ inputShape: [2, 2, 1] }), dense({ units: 2 })]);
    const images = Uint8Array.from({ length: 40 }, (_, i) => (i * 53) % 256);
    const data = new Dataset({
      images,
      shape: [2, 2, 1],
      labels: new Uint8Array(10),
      classes: 2,
      scale: 1 / 128,
      offset: -1,
    });
    const usual = await model.predict(images);
    await model.fit(data, { optimizer: sgd(0) });
    const learned = await model.predict(data);
    expect(await model.predict(images)).toEqual(learned);
    expect(learned).not.toEqual(usual);
    expect(await (await loadModel(model.toBytes())).predict(images)).toEqual(learned);
  });
});

test("l2: penalties of layers are part of the loss, and pull weights to zero", async () => {
  const [plain, penalized, data] = [network(1), network(1, 0.5), corners()];
  const squares = penalized.getWeights()["conv2d/kernel"]!.data.reduce((s, w) => s + w * w, 0);
  const [a, b] = [await plain.evaluate(data), await penalized.evaluate(data)];
  expect(b.loss - a.loss).toBeCloseTo(0.5 * squares, 5);
  for (const model of [plain, penalized]) await model.fit(data, { epochs: 3, batchSize: 16, optimizer: sgd(0.05) });
  const size = (m: Model) => m.getWeights()["conv2d/kernel"]!.data.reduce((s, w) => s + w * w, 0);
  expect(size(penalized)).toBeLessThan(size(plain) / 2);
});

describe("Model.trainStep", () => {
  const data = corners(19);

  test("over the rows in order is an epoch of fit, the last, smaller batch too", async () => {
    const [stepped, fitted, optimizer] = [network(), network(), adam(0.01)];
    const history = await fitted.fit(data, { epochs: 2, batchSize: 8, shuffle: false, optimizer });
    for (let epoch = 0; epoch < 2; epoch++) {
      let [loss, accuracy] = [0, 0];
      for (const { x, y, length } of data.batch(8)) {
        const scores = await stepped.trainStep(x, y, { optimizer });
        loss += (scores.loss * length) / 19;
        accuracy += (scores.accuracy! * length) / 19;
      }
      expect(loss).toBeCloseTo(history.history.loss![epoch]!, 5);
      expect(accuracy).toBeCloseTo(history.history.accuracy![epoch]!, 5);
    }
    expect(stepped.getWeights()).toEqual(fitted.getWeights());
  });

  test("follows weights that were set and layers that were frozen in between", async () => {
    const model = network();
    const { x, y } = [...data.batch(8)][0]!;
    const first = await model.trainStep(x, y);
    const start = network().getWeights();
    model.setWeights(start);
    expect((await model.trainStep(x, y)).loss).toBe(first.loss);
    model.setWeights(start);
    model.layer("conv2d").trainable = false;
    await model.trainStep(x, y);
    expect(model.getWeights()["conv2d/kernel"]).toEqual(start["conv2d/kernel"]);
    expect(model.getWeights()["dense/kernel"]).not.toEqual(start["dense/kernel"]);
  });

  test("names what does not fit", async () => {
    await expect(network().trainStep(new Float32Array(65), [0])).rejects.toThrow('"x" expected whole images of 8x8x1');
    await expect(network().trainStep(new Float32Array(64), [4])).rejects.toThrow("labels out of range");
    await expect(network().trainStep([], [], { rate: 1 } as never)).rejects.toThrow('"trainStep" has no option "rate"');
  });
});

describe("Model: hooks", () => {
  /** Zeroes a bias before every third step, and records the steps. */
  const zeroing = (acted: number[]) => ({
    begin: (step: number, steps: number) => acted.push(-step, -steps),
    next: (step: number) => Math.ceil(step / 3) * 3,
    act(step: number, state: { write(name: string, values: number[]): void }) {
      acted.push(step);
      state.write("dense/bias", [0, 0, 0, 0, 0, 0, 0, 0]);
    },
    end: (step: number) => acted.push(-step),
  });
  const data = corners(40);
  const hooked = (acted: number[]) => new Model(network().graph, { hooks: [zeroing(acted)] });

  test("take part in every fit, and in custom steps in the same way", async () => {
    const [fitted, stepped] = [[] as number[], [] as number[]];
    const [a, b, optimizer] = [hooked(fitted), hooked(stepped), adam(0.01)];
    await a.fit(data, { batchSize: 8, shuffle: false, optimizer });
    for (const { x, y } of data.batch(8)) await b.trainStep(x, y, { optimizer, steps: 5 });
    expect(stepped).toEqual([-0, -5, 0, 3, -5]);
    expect(fitted).toEqual(stepped);
    expect(b.getWeights()).toEqual(a.getWeights());
    expect(a.getWeights()).not.toEqual((await plainly(optimizer)).getWeights());
  });

  async function plainly(optimizer: ReturnType<typeof adam>): Promise<Model> {
    const model = network();
    await model.fit(data, { batchSize: 8, shuffle: false, optimizer });
    return model;
  }

  test("need to know how many steps there will be", async () => {
    await expect(hooked([]).trainStep(new Float32Array(64), [1])).rejects.toThrow(
      '"steps" expected integer >= 1, got undefined',
    );
  });
});

test("Model.trainStep knows by steps how long a schedule's shares are", async () => {
  const { x, y } = [...corners().batch(16)][0]!;
  const twoSteps = async (schedule: Schedule, steps?: number) => {
    const model = network();
    const options = { optimizer: adam(schedule), ...(steps && { steps }) };
    await model.trainStep(x, y, options);
    return model.trainStep(x, y, options);
  };
  const known = await twoSteps(cosineDecay(0.1, { decaySteps: 10 }));
  expect(await twoSteps(cosineDecay(0.1, { decaySteps: "50%" }), 20)).toEqual(known);
  await expect(twoSteps(cosineDecay(0.1, { decaySteps: "50%" }))).rejects.toThrow('"decaySteps" expected a number');
});
