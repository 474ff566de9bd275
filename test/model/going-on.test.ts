/**
 * A training in several parts equals a training in one: by `fit` after `fit`, and by checkpoints in memory and in
 * files.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { constantSparsity, pruneLowMagnitude } from "../../src/compress/index.ts";
import { batchNormalization, dense, dropout, type Model, sequential } from "../../src/model/index.ts";
import { adam, rmsprop, sgd } from "../../src/train/optimizers.ts";
import { cosineDecay } from "../../src/train/schedules.ts";
import { modelCheckpoint, reduceLearningRateOnPlateau } from "../../src/train/watchers.ts";
import { corners } from "../train/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "penjing-going-on-"));
afterAll(() => rmSync(folder, { recursive: true }));

const data = corners(50, 5).map(row => row, { shape: [64] });

const network = (): Model =>
  sequential(
    [
      dense({ units: 12, activation: "relu", inputShape: [64] }),
      batchNormalization(),
      dropout(0.2),
      dense({ units: 4 }),
    ],
    { seed: 3 },
  );
const pruned = (): Model =>
  pruneLowMagnitude(network(), { schedule: constantSparsity({ targetSparsity: 0.6, beginStep: 2, frequency: 3 }) });

const options = () => ({ batchSize: 16, seed: 4, optimizer: adam(cosineDecay(0.02, { decaySteps: 30 })) });

describe("Model.fit after fit", () => {
  test.each([
    ["a network with dropout and batch normalization", network],
    ["a network that is pruned", pruned],
  ])("is one longer fit of %s, to the byte", async (_, make) => {
    const [whole, parts] = [make(), make()];
    const all = await whole.fit(data, { ...options(), epochs: 4 });
    const first = await parts.fit(data, { ...options(), epochs: 1 });
    const second = await parts.fit(data, { ...options(), epochs: 3 });
    expect(parts.getWeights()).toEqual(whole.getWeights());
    expect([...first.epoch, ...second.epoch]).toEqual(all.epoch);
    for (const [name, values] of Object.entries(all.history))
      expect([...first.history[name]!, ...second.history[name]!], name).toEqual(values);
  });

  test("keeps the rate that a callback has set, unless the optimizer has another one", async () => {
    const model = network();
    const callbacks = [reduceLearningRateOnPlateau({ monitor: "loss", patience: 1, minDelta: 1e9, factor: 0.5 })];
    const rates = async (rate: number, more = {}) =>
      (await model.fit(data, { optimizer: sgd(rate), epochs: 2, ...more })).history.learningRate;
    await rates(0.08, { callbacks });
    expect((await rates(0.08))![0]).toBe(0.04);
    expect((await rates(0.01))![0]).toBe(0.01);
  });

  test("starts moments and schedule of another optimizer, not the order of rows", async () => {
    const [model, twin] = [network(), network()];
    await model.fit(data, { ...options(), epochs: 2 });
    twin.setWeights(model.getWeights());
    const other = { batchSize: 16, seed: 4, optimizer: rmsprop(0.01) };
    await model.fit(data, { ...other, epochs: 1 });
    await twin.fit(data, { ...other, epochs: 3, initialEpoch: 2 });
    expect(model.getWeights()).toEqual(twin.getWeights());
  });

  test("with restart begins anew, with the current weights", async () => {
    const [model, twin] = [network(), network()];
    await model.fit(data, { ...options(), epochs: 2 });
    twin.setWeights(model.getWeights());
    const again = await model.fit(data, { ...options(), epochs: 1, restart: true });
    await twin.fit(data, { ...options(), epochs: 1 });
    expect(model.getWeights()).toEqual(twin.getWeights());
    expect(again.epoch).toEqual([0]);
  });

  test("continues from weights that were set in between", async () => {
    const [model, other] = [network(), network()];
    const start = network().getWeights();
    await model.fit(data, options());
    await other.fit(data, options());
    const trained = model.getWeights();
    model.setWeights(start);
    await model.fit(data, options());
    await other.fit(data, options());
    expect(model.getWeights()).not.toEqual(other.getWeights());
    expect(model.getWeights()).not.toEqual(trained);
  });

  test("of a copy is a first fit", async () => {
    const model = network();
    await model.fit(data, { ...options(), epochs: 2 });
    expect(model.clone().checkpoint).toBeUndefined();
    expect((await model.clone().fit(data, options())).epoch).toEqual([0]);
  });
});

describe("Model.fit: resume", () => {
  test.each([
    ["a network with dropout and batch normalization", network],
    ["a network that is pruned", pruned],
  ])("from the file of saveCheckpoint continues with %s in a new process", async (_, make) => {
    const [whole, half, rest] = [make(), make(), make()];
    await whole.fit(data, { ...options(), epochs: 4 });
    await half.fit(data, { ...options(), epochs: 2 });
    const path = join(folder, "half.bin");
    await half.saveCheckpoint(path);
    for (const resume of [path, readFileSync(path), new Blob([readFileSync(path)]), half.checkpoint!]) {
      const gone = make();
      await gone.fit(data, { ...options(), epochs: 4, resume });
      expect(gone.getWeights()).toEqual(whole.getWeights());
    }
    await rest.fit(data, { ...options(), epochs: 3, resume: path });
    await rest.fit(data, { ...options(), epochs: 1 });
    expect(rest.getWeights()).toEqual(whole.getWeights());
  });

  test("from an abort in the middle of an epoch", async () => {
    const [whole, half] = [network(), network()];
    await whole.fit(data, { ...options(), epochs: 3 });
    const abort = new AbortController();
    const callbacks = [
      {
        onBatchEnd: (batch: number, _: object, { epoch }: { epoch: number }) =>
          void (epoch === 1 && batch === 1 && abort.abort()),
      },
    ];
    const stopped = half.fit(data, { ...options(), epochs: 3, callbacks, signal: abort.signal });
    await expect(stopped).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(half.checkpoint).toMatchObject({ epoch: 1, batch: 2, step: 6 });
    await half.fit(data, { ...options(), epochs: 3, resume: half.checkpoint! });
    expect(half.getWeights()).toEqual(whole.getWeights());
  });

  test("modelCheckpoint writes the files itself", async () => {
    const path = join(folder, "each.bin");
    const [whole, half] = [network(), network()];
    await whole.fit(data, { ...options(), epochs: 2 });
    await half.fit(data, { ...options(), callbacks: [modelCheckpoint({ path })] });
    const rest = network();
    await rest.fit(data, { ...options(), epochs: 2, resume: path });
    expect(rest.getWeights()).toEqual(whole.getWeights());
  });

  test("names the differences of a checkpoint of another network or optimizer", async () => {
    const model = network();
    const { checkpoint } = await model.fit(data, options());
    await expect(network().fit(data, { ...options(), optimizer: sgd(0.1), resume: checkpoint })).rejects.toThrow(
      'fit: "resume" expected a checkpoint of this network and optimizer: for "dense/kernel/m" nothing, got 768',
    );
    const smaller = sequential([dense({ units: 4, inputShape: [64] })]);
    await expect(smaller.fit(data, { ...options(), resume: checkpoint })).rejects.toThrow(
      'fit: "resume" expected a checkpoint of this network and optimizer: for "dense/kernel" 256 numbers, got 768',
    );
  });
});
