/** Shared by commands that train: options, progress, and weights that are saved on Ctrl-C. */
import { type Command, Option } from "commander";
import type { Dataset } from "../data/index.ts";
import type { Model } from "../model/index.ts";
import {
  adam,
  adamW,
  type FitOptions,
  type Optimizer,
  type Progress,
  progressText,
  rmsprop,
  sgd,
} from "../train/index.ts";
import { Interrupted, oneLine } from "./errors.ts";
import { real, whole } from "./options.ts";
import type { Terminal } from "./terminal.ts";

const OPTIMIZERS: Record<string, (learningRate: number) => Optimizer> = { adam, adamW, rmsprop, sgd };

export interface TrainingOptions {
  epochs: number;
  batchSize: number;
  learningRate: number;
  optimizer: string;
  seed: number;
}

export const seedOption = (command: Command): Command =>
  command.option("--seed <n>", "what initial weights and the order of images follow from", whole(0), 1);

export const epochsOption = (command: Command, epochs: number, least = 1): Command =>
  command.option("--epochs <n>", "how often every image is seen", whole(least), epochs);

export const trainingOptions = (
  command: Command,
  epochs: number,
  { leastEpochs = 1, learningRate = 1e-3 }: { leastEpochs?: number; learningRate?: number } = {},
): Command =>
  seedOption(
    epochsOption(command, epochs, leastEpochs)
      .option("--batch-size <n>", "images a step", whole(1), 64)
      .option("--learning-rate <x>", "of the optimizer", real({ above: 0 }), learningRate)
      .addOption(new Option("--optimizer <name>", "").choices(Object.keys(OPTIMIZERS)).default("adam")),
  );

export const fitOptions = ({ epochs, batchSize, learningRate, optimizer, seed }: TrainingOptions): FitOptions => ({
  epochs,
  batchSize,
  seed,
  optimizer: OPTIMIZERS[optimizer]!(learningRate),
});

/** Trains with progress on the terminal. When interrupted, it saves the current weights to `path`, and throws. */
export async function train(
  model: Model,
  data: Dataset,
  options: Omit<FitOptions, "regularizers">,
  { terminal, title, path, save }: { terminal: Terminal; title: string; path: string; save: () => Promise<unknown> },
): Promise<Awaited<ReturnType<Model["fit"]>>> {
  try {
    const onProgress = (p: Progress) =>
      terminal.progress(title, (p.epoch + p.step / p.steps) / p.epochs, progressText(p));
    return await model.fit(data, { ...options, signal: terminal.signal, onProgress });
  } catch (error) {
    if (!terminal.signal.aborted) throw error;
    const { by } = terminal.signal.reason as Interrupted;
    throw new Interrupted(
      by,
      await save().then(
        () => `the network as it is so far is in ${path}`,
        failed => `the network as it is so far is lost: ${oneLine(failed)}`,
      ),
    );
  } finally {
    terminal.endProgress();
  }
}
