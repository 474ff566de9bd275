/** An executor other than the machine itself, which answers later, as workers will. */
import { expect, test } from "vitest";
import type { Program } from "../../src/plan/plan.ts";
import type { Executor } from "../../src/run/executor.ts";
import type { Machine } from "../../src/run/machine.ts";
import { evaluateIn } from "../../src/train/evaluate.ts";
import { Feed } from "../../src/train/feed.ts";
import { sparseCategoricalCrossentropy } from "../../src/train/losses.ts";
import { sgd } from "../../src/train/optimizers.ts";
import { Pace } from "../../src/train/pace.ts";
import { arrays, Trainer } from "../../src/train/trainer.ts";
import { corners, smallNetwork, weightBytes } from "../train/networks.ts";

const loss = sparseCategoricalCrossentropy({ fromLogits: true });

/** Prepares and runs each program in a task of its own, step by step. */
class Later implements Executor<Promise<void>> {
  readonly #machine: Machine;
  prepared = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  async run(program: Program, first: number, count: number): Promise<void> {
    for (let step = first; step < first + count; step++) {
      const stale = this.#machine.begin(program, step, 1);
      await new Promise(done => setTimeout(done));
      if (stale) this.#machine.kernels.run(program.at);
      await new Promise(done => setTimeout(done));
      this.#machine.kernels.run(program.run);
      this.#machine.end(program, stale);
      if (stale) this.prepared++;
    }
  }
}

test("Trainer with an executor that answers later makes the steps of the machine, to the bit", async () => {
  const data = corners(16);
  const { x, y } = [...data.batch(16)][0]!;
  const options = { loss, optimizer: sgd(0.1), train: arrays(16), evaluate: arrays(16), gradients: arrays(16) };
  const [here, there] = [smallNetwork(), smallNetwork()];
  const plain = await Trainer.create(here, options);
  const executors: Later[] = [];
  const later = await Trainer.create(there, {
    ...options,
    executor: machine => {
      executors.push(new Later(machine));
      return executors[0]!;
    },
  });
  for (let step = 0; step < 3; step++) {
    const promised = later.trainStep(x, y);
    expect(later.step).toBe(step);
    expect(await promised).toEqual(plain.trainStep(x, y));
    expect(later.step).toBe(step + 1);
  }
  expect(await later.gradients(x, y)).toEqual(plain.gradients(x, y));
  expect(await later.evaluateStep(x, y)).toEqual(plain.evaluateStep(x, y));
  // weights are packed again after each step that changed them
  expect(executors[0]!.prepared).toBeGreaterThan(3);
  for (const trainer of [plain, later]) trainer.copyBack();
  expect(weightBytes(there)).toEqual(weightBytes(here));
});

test("evaluateIn waits for an executor that answers later", async () => {
  const data = corners(20);
  const means = async (executor?: (machine: Machine) => Later) => {
    const options = { loss, evaluate: arrays(8, 4), steps: 2 };
    const trainer = await (executor
      ? Trainer.create(smallNetwork(), { ...options, executor })
      : Trainer.create(smallNetwork(), options));
    const images = { dtype: "f32", scale: 1, offset: 0 } as const;
    const feed = new Feed(
      data.map(row => row),
      [8, 8, 1],
      { shape: [], dtype: "i32", batched: true },
      4,
    );
    expect(feed.images).toEqual(images);
    return evaluateIn(trainer, feed, 8, new Pace(2, 50), undefined);
  };
  expect(await means(machine => new Later(machine))).toEqual(await means());
});

test("Trainer.create refuses objects that are not executors", async () => {
  const options = { loss, evaluate: arrays(4), executor: 3 } as unknown as { loss: typeof loss };
  await expect(Trainer.create(smallNetwork(), options)).rejects.toThrow('"executor" expected a function');
});
