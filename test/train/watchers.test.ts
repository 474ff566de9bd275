import { describe, expect, test } from "vitest";
import type { TypedArray } from "../../src/base/shape.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { fit } from "../../src/train/fit.ts";
import { csvLogger, earlyStopping, modelCheckpoint, reduceLearningRateOnPlateau } from "../../src/train/watchers.ts";
import { corners, seeded, smallNetwork, weightBytes } from "./networks.ts";

/** Runs a callback on a training with these measures; returns its effects. */
async function watch(callback: Callback, measures: Record<string, readonly number[]>) {
  const rates: number[] = [];
  const written = new Map<string, Float32Array>();
  let stopped: number | undefined;
  let epoch = 0;
  const context = {
    learningRate: 1,
    epoch: 0,
    epochs: 100,
    stepsPerEpoch: 1,
    step: 0,
    stop: () => {
      stopped = epoch;
    },
    states: () => ["w", "w/m"],
    weights: () => ["w"],
    read: () => Float32Array.of(epoch),
    write: (name: string, values: ArrayLike<number>) => void written.set(name, Float32Array.from(values)),
    checkpoint: () => ({ step: epoch, epoch, batch: 0, seed: 0, sums: {}, states: new Map() }),
  };
  await callback.onTrainBegin?.(context);
  const epochs = Object.values(measures)[0]!.length;
  for (; epoch < epochs && stopped === undefined; epoch++) {
    await callback.onEpochEnd?.(
      epoch,
      Object.fromEntries(Object.entries(measures).map(([k, v]) => [k, v[epoch]!])),
      context,
    );
    rates.push(context.learningRate);
  }
  await callback.onTrainEnd?.(context);
  return { stopped, rates, restored: written.get("w")?.[0], written };
}

describe("earlyStopping", () => {
  test("stops after `patience` epochs without a better loss, and restores the best", async () => {
    const valLoss = [5, 3, 4, 3.5, 3.2, 1];
    expect(await watch(earlyStopping({ patience: 2 }), { valLoss })).toMatchObject({ stopped: 3, restored: 1 });
    expect(await watch(earlyStopping({ patience: 4 }), { valLoss })).toMatchObject({ stopped: undefined, restored: 5 });
    const keeping = await watch(earlyStopping({ patience: 2, restoreBestWeights: false }), { valLoss });
    expect(keeping).toMatchObject({ stopped: 3, restored: undefined });
    expect([...keeping.written.keys()]).toEqual([]);
  });

  test("knows that more accuracy is better", async () => {
    const valAccuracy = [0.5, 0.7, 0.6];
    expect(await watch(earlyStopping({ monitor: "valAccuracy" }), { valAccuracy })).toMatchObject({
      stopped: 2,
      restored: 1,
    });
    const wrong = earlyStopping({ monitor: "valAccuracy", mode: "min" });
    expect(await watch(wrong, { valAccuracy })).toMatchObject({ stopped: 1, restored: 0 });
  });

  test("minDelta, baseline and startFromEpoch", async () => {
    const loss = [5, 4.95, 4.9, 4.85];
    expect(await watch(earlyStopping({ monitor: "loss", minDelta: 0.08 }), { loss })).toMatchObject({
      stopped: 1,
      restored: 0,
    });
    expect(
      await watch(earlyStopping({ monitor: "loss", patience: 3, baseline: 4 }), { loss: [5, 4.9, 4.8, 4.9] }),
    ).toMatchObject({ stopped: 3, restored: 2 });
    expect(await watch(earlyStopping({ monitor: "loss", startFromEpoch: 2 }), { loss: [1, 9, 8, 7] })).toMatchObject({
      stopped: undefined,
      restored: 3,
    });
  });

  test("names the measures there are", async () => {
    await expect(watch(earlyStopping(), { loss: [1], accuracy: [1] })).rejects.toThrow(
      '"monitor" expected one of loss, accuracy, as fit was given no validation, got "valLoss"',
    );
    expect(() => earlyStopping({ patience: -1 })).toThrow('"patience" expected integer >= 0, got -1');
    expect(() => earlyStopping({ mode: "up" as never })).toThrow('"mode" expected one of');
  });

  test("in a real training the best epoch's weights stay", async () => {
    const options = { epochs: 6, batchSize: 16, seed: 2 };
    const best = smallNetwork();
    await fit(best, corners(60), { ...options, epochs: 2 });
    const graph = smallNetwork();
    let epoch = 0;
    // a measure that is best in epoch 1
    const judge: Callback = {
      onEpochEnd: (at, logs) => {
        epoch = at;
        (logs as Record<string, number>).own = Math.abs(at - 1);
      },
    };
    await fit(graph, corners(60), { ...options, callbacks: [judge, earlyStopping({ monitor: "own", patience: 2 })] });
    expect(epoch).toBe(3);
    expect(weightBytes(graph)).toEqual(weightBytes(best));
  });
});

test("reduceLearningRateOnPlateau waits, lowers, cools down and has a floor", async () => {
  const loss = [5, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4];
  const lower = reduceLearningRateOnPlateau({
    monitor: "loss",
    factor: 0.5,
    patience: 2,
    cooldown: 2,
    minLearningRate: 0.2,
  });
  const { rates } = await watch(lower, { loss });
  expect(rates).toEqual([1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.2, 0.2]);
});

test("csvLogger writes a line per epoch", async () => {
  const lines: string[] = [];
  await watch(
    csvLogger(line => lines.push(line)),
    { loss: [2, 1], accuracy: [0.5, 0.75] },
  );
  expect(lines).toEqual(["epoch,loss,accuracy", "0,2,0.5", "1,1,0.75"]);
});

describe("modelCheckpoint", () => {
  test("writes only the best epochs on request", async () => {
    const written: number[] = [];
    const write = (_: Uint8Array, { epoch }: { epoch: number }) => void written.push(epoch);
    await watch(modelCheckpoint({ write, monitor: "loss", saveBestOnly: true }), { loss: [3, 4, 2, 2] });
    expect(written).toEqual([0, 2]);
    await watch(modelCheckpoint({ write }), { loss: [3, 4] });
    expect(written).toEqual([0, 2, 0, 1]);
  });

  test("its bytes continue the training", async () => {
    const options = { epochs: 3, batchSize: 16, seed: 6 };
    const whole = smallNetwork();
    const files: Uint8Array[] = [];
    await fit(whole, corners(50), {
      ...options,
      callbacks: [modelCheckpoint({ write: bytes => void files.push(bytes) })],
    });
    expect(files).toHaveLength(3);
    const rest = smallNetwork(seeded(77));
    const { checkpoint } = await fit(rest, corners(50), { ...options, resume: readCheckpoint(files[0]!) });
    expect(weightBytes(rest)).toEqual(weightBytes(whole));
    expect(writeCheckpoint(checkpoint)).toEqual(files[2]);
  });
});

describe("writeCheckpoint and readCheckpoint: the bytes of a checkpoint", () => {
  const bytes = writeCheckpoint({
    step: 300,
    epoch: 2,
    batch: 1,
    seed: 2 ** 40,
    sums: { loss: 1.5 },
    learningRate: 0.25,
    states: new Map<string, TypedArray>([
      ["w", Float32Array.of(1, -2)],
      ["mask", Uint8Array.of(1, 0, 1)],
    ]),
  });

  test("come back", () => {
    expect(writeCheckpoint(readCheckpoint(bytes))).toEqual(bytes);
    expect(readCheckpoint(bytes)).toMatchObject({ step: 300, seed: 2 ** 40, learningRate: 0.25, sums: { loss: 1.5 } });
    expect(readCheckpoint(bytes).states.get("mask")).toEqual(Uint8Array.of(1, 0, 1));
  });

  test("that are cut or altered anywhere are refused", () => {
    for (let length = 0; length < bytes.length; length++)
      expect(() => readCheckpoint(bytes.subarray(0, length), "a.ckpt"), `cut at ${length}`).toThrow(
        expect.objectContaining({ name: "PenjingError" }),
      );
    for (let at = 0; at < bytes.length; at++) {
      const altered = bytes.slice();
      altered[at]! ^= 1;
      expect(() => readCheckpoint(altered), `byte ${at}`).toThrow(expect.objectContaining({ name: "PenjingError" }));
    }
  });
});
