import { afterEach, describe, expect, test, vi } from "vitest";
import { PenjingError } from "../../src/base/errors.ts";
import { Dataset } from "../../src/data/dataset.ts";
import { supported } from "../../src/kernels/load.ts";
import { poison } from "../../src/run/contents.ts";
import { Machine } from "../../src/run/machine.ts";
import type { StepHook } from "../../src/train/callbacks.ts";
import { type Checkpoint, readCheckpoint, writeCheckpoint } from "../../src/train/checkpoint.ts";
import { evaluate } from "../../src/train/evaluate.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions } from "../../src/train/fit-options.ts";
import type { Progress } from "../../src/train/history.ts";
import { adam } from "../../src/train/optimizers.ts";
import { corners, linear, seeded, smallNetwork, weightBytes } from "./networks.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Trains a small network and returns its weights' bytes. */
async function trained(options: FitOptions = {}, rows = 100): Promise<Uint8Array> {
  const graph = smallNetwork();
  await fit(graph, corners(rows), { epochs: 2, batchSize: 16, seed: 3, ...options });
  return weightBytes(graph);
}

/** Fills all temporaries with NaN before every run. */
function poisoned(): void {
  const run = Machine.prototype.run;
  vi.spyOn(Machine.prototype, "run").mockImplementation(function (this: Machine, ...args) {
    poison(this);
    run.apply(this, args);
  });
}

test("fit learns an easy task", async () => {
  const graph = smallNetwork();
  const { history } = await fit(graph, corners(400), {
    epochs: 12,
    batchSize: 32,
    optimizer: adam(5e-3),
    validation: corners(200, 8),
  });
  expect(history.epoch).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(Object.keys(history.history).sort()).toEqual(["accuracy", "learningRate", "loss", "valAccuracy", "valLoss"]);
  expect(history.history.loss!.at(-1)!).toBeLessThan(0.5 * history.history.loss![0]!);
  expect(history.history.valAccuracy!.at(-1)!).toBeGreaterThan(0.9);
  const scores = await evaluate(graph, corners(200, 8), { batchSize: 17 });
  expect(scores.accuracy).toBe(history.history.valAccuracy!.at(-1));
  expect(scores.loss).toBe(history.history.valLoss!.at(-1));
  expect(`${history}`.split("\n")).toHaveLength(13);
});

describe("fit: the same bytes", () => {
  test("from the same seed, others from another", async () => {
    const once = await trained();
    expect(await trained()).toEqual(once);
    expect(await trained({ seed: 4 })).not.toEqual(once);
    expect(await trained({ shuffle: false })).not.toEqual(once);
  });

  test("fast: close to the strict ones, and equal if the engine cannot fuse", async () => {
    const strict = new Float32Array((await trained()).buffer);
    const fast = new Float32Array((await trained({ fast: true })).buffer);
    expect(Math.max(...fast.map((w, i) => Math.abs(w - strict[i]!)))).toBeLessThan(1e-3);
    expect(fast.some((w, i) => w !== strict[i])).toBe(supported().relaxed);
  });

  test("however the steps are cut into slices", async () => {
    const once = await trained();
    expect(await trained({ slice: 0 })).toEqual(once);
    expect(await trained({ slice: 1000 })).toEqual(once);
    expect(await trained({ callbacks: [{ onBatchEnd() {} }] })).toEqual(once);
  });

  test("for any old memory contents", async () => {
    const once = await trained({ validationSplit: 0.1 });
    poisoned();
    expect(await trained({ validationSplit: 0.1 })).toEqual(once);
  });

  test("with and without validation", async () => {
    expect(await trained({ validation: corners(50) })).toEqual(await trained());
  });
});

test("fit: the last, smaller batch trains: one step of it alone is a step on those rows", async () => {
  const data = corners(20);
  const together = smallNetwork();
  await fit(together, data, { batchSize: 16, shuffle: false });
  const apart = smallNetwork();
  const { checkpoint } = await fit(apart, data.take(16), { batchSize: 16, shuffle: false });
  await fit(apart, data.skip(16), { batchSize: 16, shuffle: false, epochs: 2, resume: checkpoint });
  expect(weightBytes(apart)).toEqual(weightBytes(together));
  const without = smallNetwork();
  await fit(without, data.take(16), { batchSize: 16, shuffle: false });
  expect(weightBytes(without)).not.toEqual(weightBytes(together));
});

test("fit: the loss of an epoch is the mean over its images, not over its batches", async () => {
  const graph = smallNetwork();
  const frozen = { ...adam(0) };
  const { history } = await fit(graph, corners(20), { batchSize: 16, optimizer: frozen });
  const { loss } = await evaluate(graph, corners(20));
  expect(history.history.loss![0]).toBeCloseTo(loss, 6);
});

describe("fit: resume", () => {
  const options = { epochs: 3, batchSize: 16, seed: 5 };

  test("from a checkpoint at the end of an epoch gives the bytes of an uninterrupted run", async () => {
    const whole = await trained(options);
    const graph = smallNetwork();
    const { checkpoint } = await fit(graph, corners(100), { ...options, epochs: 1 });
    expect(checkpoint).toMatchObject({ epoch: 1, batch: 0, step: 7, seed: 5 });
    const { history } = await fit(smallNetwork(seeded(99)), corners(100), { ...options, resume: checkpoint });
    expect(history.epoch).toEqual([1, 2]);
    const rest = smallNetwork(seeded(99));
    await fit(rest, corners(100), { ...options, resume: checkpoint });
    expect(weightBytes(rest)).toEqual(whole);
  });

  test("from the middle of an epoch too, and its history counts the whole epoch", async () => {
    const graph = smallNetwork();
    let middle: Awaited<ReturnType<typeof fit>>["checkpoint"] | undefined;
    const { history } = await fit(graph, corners(100), {
      ...options,
      callbacks: [
        {
          onBatchEnd(batch, _, context) {
            if (context.epoch === 1 && batch === 3) middle = context.checkpoint();
          },
        },
      ],
    });
    expect(middle).toMatchObject({ epoch: 1, batch: 4, step: 11 });
    const rest = smallNetwork(seeded(99));
    const resumed = await fit(rest, corners(100), { ...options, resume: middle! });
    expect(weightBytes(rest)).toEqual(weightBytes(graph));
    expect(resumed.history.history.loss).toEqual(history.history.loss!.slice(1));
  });

  test("resume takes a checkpoint that went through JSON, bytes or a structured clone: the same bytes", async () => {
    const whole = await trained(options);
    let middle: Checkpoint | undefined;
    await fit(smallNetwork(), corners(100), {
      ...options,
      callbacks: [
        {
          onBatchEnd(_, __, context) {
            if (context.step === 11) middle = context.checkpoint();
          },
        },
      ],
    });
    const text = JSON.stringify({ kept: middle });
    expect(text.length).toBeLessThan(1.4 * writeCheckpoint(middle!).length + 100);
    const read = readCheckpoint(writeCheckpoint(middle!));
    const ways = [JSON.parse(text).kept, read, JSON.parse(JSON.stringify(read)), structuredClone(middle)];
    for (const resume of ways) {
      const rest = smallNetwork(seeded(99));
      await fit(rest, corners(100), { ...options, resume });
      expect(weightBytes(rest)).toEqual(whole);
    }
  });

  test.each([
    ["a missing path", "ck.bin", PenjingError, 'cannot read "ck.bin"'],
    ["null", null, TypeError, '"resume" expected a checkpoint'],
    ["other bytes", Uint8Array.of(1), PenjingError, "byte"],
    ["states that JSON lost", { step: 1, epoch: 0, batch: 0, seed: 0, sums: {}, states: {} }, TypeError, "JSON loses"],
    ["JSON that is no base64", { checkpoint: "%" }, TypeError, '"resume.checkpoint"'],
    ["JSON that was cut", { checkpoint: "UEpDSw==" }, PenjingError, "byte"],
  ])("resume of %s is one clear error", async (_, resume: any, kind, message) => {
    const failure = await fit(smallNetwork(), corners(20), { resume }).catch(error => error);
    expect(failure).toBeInstanceOf(kind);
    expect(failure.message).toContain(message);
  });
});

describe("fit: an AbortSignal", () => {
  test("that is aborted before leaves everything as it was", async () => {
    const graph = smallNetwork();
    const before = weightBytes(graph);
    await expect(fit(graph, corners(20), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(weightBytes(graph)).toEqual(before);
  });

  test("leaves the weights trained so far", async () => {
    const graph = smallNetwork();
    const controller = new AbortController();
    let kept: Float32Array | undefined;
    const training = fit(graph, corners(100), {
      batchSize: 16,
      epochs: 5,
      signal: controller.signal,
      callbacks: [
        {
          onBatchEnd(batch, _, context) {
            if (context.epoch !== 1 || batch !== 2) return;
            kept = context.read("logits/kernel") as Float32Array;
            controller.abort();
          },
        },
      ],
    });
    await expect(training).rejects.toMatchObject({ name: "AbortError" });
    expect(graph.leaves.find(v => v.name === "logits/kernel")!.data).toEqual(kept);
  });

  test("from a timer gets its turn", async () => {
    const training = fit(smallNetwork(), corners(2000), {
      batchSize: 8,
      epochs: 1000,
      signal: AbortSignal.timeout(60),
    });
    await expect(training).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

test("fit: frozen leaves do not change, and the others learn", async () => {
  const graph = smallNetwork();
  const kernel = graph.leaves.find(v => v.name === "conv/kernel")!;
  kernel.frozen = true;
  const before = kernel.data!.slice();
  const { checkpoint } = await fit(graph, corners(50));
  expect(kernel.data).toEqual(before);
  expect([...checkpoint.states.keys()]).not.toContain("conv/kernel/m");
  expect(weightBytes(graph)).not.toEqual(weightBytes(smallNetwork()));
});

test("fit: sample weights and class weights multiply the loss, and no metric", async () => {
  const data = corners(24);
  const labels = data.labels()!;
  const sampleWeights = Float32Array.from(labels, (_, i) => (i % 3) / 2);
  const weighted = new Dataset({ images: data.images, shape: data.shape, labels, classes: 4, sampleWeights });
  const graph = smallNetwork();
  const still = adam(0);
  const perImage = await Promise.all(
    Array.from({ length: 24 }, (_, i) => evaluate(graph, data.skip(i).take(1)).then(({ loss }) => loss)),
  );
  const mean = (weight: (i: number) => number) => perImage.reduce((sum, loss, i) => sum + loss * weight(i), 0) / 24;

  expect((await evaluate(graph, weighted)).loss).toBeCloseTo(
    mean(i => sampleWeights[i]!),
    6,
  );
  const classWeight = { 1: 3, 2: 0.5 } as Record<number, number>;
  const byClass = await fit(graph, weighted, { optimizer: still, classWeight, validation: weighted });
  const { loss, accuracy, valLoss, valAccuracy } = byClass.history.history;
  expect(loss![0]).toBeCloseTo(
    mean(i => sampleWeights[i]! * (classWeight[labels[i]!] ?? 1)),
    6,
  );
  expect(valLoss![0]).toBeCloseTo(
    mean(i => sampleWeights[i]!),
    6,
  );
  expect(accuracy).toEqual(valAccuracy);
  expect(accuracy![0]).toBe((await evaluate(graph, data)).accuracy);

  // an image of weight 0 has no effect
  const half = new Dataset({
    images: data.images,
    shape: data.shape,
    labels,
    classes: 4,
    sampleWeights: labels.map((_, i) => +(i < 12)) as never,
  });
  const one = smallNetwork();
  await fit(one, half, { shuffle: false });
  const other = smallNetwork();
  const noise = Uint8Array.from(data.images, (v, i) => (i < 12 * 64 ? v : 255 - v));
  await fit(
    other,
    new Dataset({ images: noise, shape: data.shape, labels, classes: 4, sampleWeights: half.sampleWeights()! }),
    { shuffle: false },
  );
  expect(weightBytes(one)).toEqual(weightBytes(other));
});

describe("fit: validationSplit", () => {
  test("keeps the last rows for validation", async () => {
    const data = corners(50);
    const split = smallNetwork();
    const { history } = await fit(split, data, { validationSplit: 0.2, seed: 1 });
    const apart = smallNetwork();
    const separate = await fit(apart, data.take(40), { validation: data.skip(40), seed: 1 });
    expect(weightBytes(split)).toEqual(weightBytes(apart));
    expect(history).toEqual(separate.history);
  });

  test("leaves rows on both sides", async () => {
    await expect(fit(smallNetwork(), corners(3), { validationSplit: 0.9 })).rejects.toThrow(RangeError);
    await expect(fit(smallNetwork(), corners(3), { validationSplit: 1 })).rejects.toThrow(/"validationSplit" expected/);
  });
});

test("fit: data as bytes, as floats and through a map teach the same", async () => {
  const data = corners(40);
  const labels = data.labels()!;
  const floats = new Float32Array(40 * 64);
  [...data].forEach(({ x }, i) => {
    floats.set(x, i * 64);
  });
  const asFloats = new Dataset({ images: floats, shape: data.shape, labels, classes: 4 });
  const mapped = data.map(row => row);
  const results: Uint8Array[] = [];
  for (const each of [data, asFloats, mapped]) {
    const graph = smallNetwork();
    await fit(graph, each, { batchSize: 16, validation: data });
    results.push(weightBytes(graph));
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

describe("StepHook: hooks", () => {
  test("act exactly before the steps they wait for, and at the end", async () => {
    const at: number[] = [];
    const hook: StepHook = {
      next: step => (step <= 14 ? Math.ceil(step / 7) * 7 : undefined),
      act(step, state) {
        expect(state.step).toBe(step);
        at.push(step);
        state.write("logits/kernel", state.read("logits/kernel").fill(0));
      },
    };
    const graph = smallNetwork();
    await fit(graph, corners(100), { epochs: 2, batchSize: 16, hooks: [hook] });
    expect(at).toEqual([0, 7, 14]);
    expect(graph.leaves.find(v => v.name === "logits/kernel")!.data!.every(v => v === 0)).toBe(true);
  });
});

test("fit: callbacks come in order, can set the learning rate and stop", async () => {
  const seen: string[] = [];
  const { history } = await fit(smallNetwork(), corners(40), {
    epochs: 5,
    batchSize: 16,
    callbacks: [
      {
        onTrainBegin: () => void seen.push("train"),
        onEpochBegin: epoch => void seen.push(`epoch ${epoch}`),
        onBatchBegin: batch => void seen.push(`batch ${batch}`),
        onBatchEnd: batch => void seen.push(`/batch ${batch}`),
        onEpochEnd(epoch, { loss }, context) {
          seen.push(`/epoch ${epoch}`);
          expect(loss).toBeGreaterThan(0);
          context.learningRate = 0.25;
          if (epoch === 1) context.stop();
        },
        onTrainEnd: () => void seen.push("/train"),
      },
    ],
  });
  const batches = ["batch 0", "/batch 0", "batch 1", "/batch 1", "batch 2", "/batch 2"];
  expect(seen).toEqual(["train", "epoch 0", ...batches, "/epoch 0", "epoch 1", ...batches, "/epoch 1", "/train"]);
  expect(history.history.learningRate).toEqual([1e-3, 0.25]);
});

test("Progress has the position in the training", async () => {
  const all: Progress[] = [];
  await fit(smallNetwork(), corners(100), {
    epochs: 2,
    batchSize: 16,
    validation: corners(10),
    onProgress: p => all.push(p),
  });
  expect(all.at(-1)).toMatchObject({ epoch: 1, epochs: 2, step: 7, steps: 7, secondsLeft: 0 });
  expect(all.at(-1)!.logs).toHaveProperty("valLoss");
  expect(all.every(p => p.imagesPerSecond > 0 && p.loss > 0 && p.accuracy! >= 0)).toBe(true);
});

describe("fit names invalid options and data", () => {
  const refusal = (options: FitOptions, data = corners(20), graph = smallNetwork()) =>
    expect(fit(graph, data, options)).rejects;

  test("options", async () => {
    await refusal({ batchSize: 0 }).toThrow('"batchSize" expected integer >= 1, got 0');
    await refusal({ epochs: 1.5 }).toThrow('"epochs" expected integer >= 0, got 1.5');
    await refusal({ epoch: 3 } as never).toThrow('"fit" has no option "epoch"');
    await refusal({ classWeight: { 7: 1 } }).toThrow('"classWeight" expected class numbers in 0..3, got 7');
    await refusal({ seed: -1 }).toThrow('"seed" expected integer');
  });

  test("data", async () => {
    const one = { images: new Uint8Array(64), shape: [8, 8, 1] };
    await refusal({}, new Dataset({ ...one, shape: [64], labels: [0] })).toThrow("expected images of 8x8x1, got 64");
    await refusal({}, new Dataset({ ...one, labels: [4] })).toThrow(/labels\[0\]" expected integer in 0..3, got 4/);
    await refusal({}, corners(20).take(0)).toThrow('"dataset" expected at least one row');
    await refusal({ validation: corners(20).take(0) }).toThrow('"validation" expected at least one row');
    const images = new Float32Array(128);
    images[70] = NaN;
    const broken = new Dataset({ images, shape: [8, 8, 1], labels: [0, 1] });
    await refusal({}, broken).toThrow('"x[1][6]" expected finite number, got NaN');
    await refusal(
      {},
      corners(3).map(row => ({ ...row, x: row.x.fill(Infinity) })),
    ).toThrow(/x\[\d\]\[0\]/);
  });

  test("a loss that became NaN: the weights of the last whole epoch stay", async () => {
    const images = Float32Array.from({ length: 60 }, (_, i) => ((i % 7) - 3) * 1e18);
    const data = new Dataset({ images, shape: [6], labels: Array.from({ length: 10 }, (_, i) => i % 3) });
    const graph = linear(6, 3);
    const before = weightBytes(graph);
    const training = fit(graph, data, { optimizer: adam(1e30), batchSize: 2 });
    await expect(training).rejects.toMatchObject({ name: "PenjingError", code: "diverged" });
    expect(weightBytes(graph)).toEqual(before);
  });
});
