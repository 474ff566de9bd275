/** Tries choices of a training, each for a moment: losses, penalties, optimizers, and a custom loop. */
import type { Dataset } from "../data/index.ts";
import { conv2d, dense, flatten, l1, l2, type Model, maxPool2d, sequential } from "../model/index.ts";
import {
  adam,
  adamW,
  categoricalCrossentropy,
  type FitOptions,
  meanSquaredError,
  type Regularizer,
  rmsprop,
  sgd,
  sparseCategoricalCrossentropy,
} from "../train/index.ts";

const BATCH = 64;
const TRAINED = 6400;
const TESTED = 2000;
const RATE = 2e-3;

export interface Choice {
  name: string;
  testAccuracy: number;
  /** The duration of the training. */
  seconds: number;
}

/** LeNet-5, with a penalty on its kernels. */
function network(seed: number, kernelRegularizer?: Regularizer): Model {
  const common = { activation: "relu", ...(kernelRegularizer && { kernelRegularizer }) } as const;
  return sequential(
    [
      conv2d({ filters: 6, kernelSize: 5, inputShape: [28, 28, 1], ...common }),
      maxPool2d(),
      conv2d({ filters: 16, kernelSize: 5, ...common }),
      maxPool2d(),
      flatten(),
      dense({ units: 120, ...common }),
      dense({ units: 84, ...common }),
      dense({ units: 10 }),
    ],
    { seed },
  );
}

/** Trains for an epoch of a few thousand images with each choice, and tests. */
export async function choices(
  train: Dataset,
  test: Dataset,
  seed: number,
  signal: AbortSignal,
  note: (choice: Choice) => void,
): Promise<Choice[]> {
  const [images, tests] = [train.take(TRAINED), test.take(TESTED)];
  const tried: Choice[] = [];
  const take = async (name: string, model: Model, learn: () => Promise<unknown>) => {
    const began = performance.now();
    await learn();
    const seconds = (performance.now() - began) / 1000;
    const { accuracy } = await model.evaluate(tests, { signal });
    const choice = { name, testAccuracy: accuracy!, seconds };
    tried.push(choice);
    note(choice);
  };
  const usual = { optimizer: adam(RATE), loss: sparseCategoricalCrossentropy() };
  const options: [name: string, more: Pick<FitOptions, "optimizer" | "loss">, penalty?: Regularizer][] = [
    ["cross-entropy, Adam", usual],
    ["AdamW", { ...usual, optimizer: adamW(RATE) }],
    ["RMSprop", { ...usual, optimizer: rmsprop(1e-3) }],
    ["SGD with momentum", { ...usual, optimizer: sgd(0.05, { momentum: 0.9 }) }],
    ["cross-entropy with smoothed labels", { ...usual, loss: categoricalCrossentropy({ labelSmoothing: 0.1 }) }],
    ["squared error", { ...usual, loss: meanSquaredError() }],
    ["L1 penalty", usual, l1(1e-5)],
    ["L2 penalty", usual, l2(1e-4)],
  ];
  for (const [name, more, penalty] of options) {
    const model = network(seed, penalty);
    await take(name, model, () => model.fit(images, { ...more, batchSize: BATCH, seed, signal }));
  }
  const own = network(seed);
  await take("a train step in a loop", own, async () => {
    const optimizer = adam(RATE);
    for (const { x, y } of images.shuffle(seed).batch(BATCH)) {
      await own.trainStep(x, y, { optimizer });
      signal.throwIfAborted();
    }
  });
  return tried;
}
