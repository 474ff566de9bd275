/**
 * Trains a graph on a data set: epochs of steps, run in slices that end early enough for a page to stay alive.
 * Results depend on the graph, the data, the options and the seed; never on how the steps are cut into slices.
 */
import { integer, knownOptions, number, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { TypedArray } from "../base/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Role } from "../graph/graph.ts";
import { demandFloat } from "../ops/quantized/quantized.ts";
import { type Callback, checkCallbacks, checkHooks, type StepHook, type TrainingContext } from "./callbacks.ts";
import { type Checkpoint, checkpointOf, resumedFrom } from "./checkpoint.ts";
import { lossFor, metricsFor, targetFor } from "./defaults.ts";
import { batchesOf, evaluateIn, notEmpty, roomForSteps } from "./evaluate.ts";
import { Feed, type RowStreams } from "./feed.ts";
import { FIT_OPTIONS, type FitOptions } from "./fit-options.ts";
import { History, type Logs, validationName } from "./history.ts";
import { adam } from "./optimizers.ts";
import { Pace, turn } from "./pace.ts";
import { ends, type Scores, Trainer } from "./trainer.ts";

export interface Fitted {
  history: History;
  /** To go on from: `fit(..., { resume })`. */
  checkpoint: Checkpoint;
}

export async function fit(graph: Graph, dataset: Dataset, options: FitOptions = {}): Promise<Fitted> {
  knownOptions("fit", options, FIT_OPTIONS);
  if (options.callbacks !== undefined) checkCallbacks(options.callbacks);
  if (options.hooks !== undefined) checkHooks(options.hooks);
  if (options.onProgress !== undefined && typeof options.onProgress !== "function")
    throw wrongType("onProgress", "a function", options.onProgress);
  options.signal?.throwIfAborted();
  const { resume, ...others } = options;
  const from = resume !== undefined && { resume: resumedFrom(resume) };
  const training = await Training.create(graph, dataset, { ...others, ...from });
  return training.train();
}

/** With a checkpoint that can be gone on from. */
type Settings = FitOptions & { readonly resume?: Checkpoint };

/** The last part of the rows, before any shuffling, is for validation: Keras' validation_split. */
function splitOff(data: Dataset, share: number): [Dataset, Dataset] {
  number("validationSplit", share, { above: 0, below: 1 });
  const first = Math.floor(data.length * (1 - share));
  if (first < 1 || first === data.length)
    throw new RangeError(
      `"validationSplit" expected a share that leaves rows on both sides of ${data.length}, got ${share}`,
    );
  return [data.take(first), data.skip(first)];
}

/** States, step and learning rate as a checkpoint has them. */
function restore(trainer: Trainer, from: Checkpoint | undefined): void {
  if (!from) return;
  from.states.forEach((values, name) => {
    trainer.write(name, values);
  });
  trainer.step = from.step;
  trainer.fixedRate = from.learningRate;
}

class Training implements TrainingContext {
  readonly #trainer: Trainer;
  readonly #feed: Feed;
  readonly #validation: Feed | undefined;
  readonly #batch: number;
  /** As it was asked for: there may be fewer rows. */
  readonly #batchSize: number;
  readonly #options: Settings;
  readonly #seed: number;
  readonly #pace: Pace;
  readonly #evaluatePace: Pace;
  readonly #streams: RowStreams;
  readonly #callbacks: readonly Callback[];
  /** Every hook with the step it waits for. */
  readonly #hooks: { hook: StepHook; due: number | undefined }[];
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  epoch: number;
  /** Steps done of this epoch. */
  #done: number;
  #stopped = false;
  /** When this epoch's steps began, and with which. */
  #began = { at: 0, step: 0 };

  private constructor(
    trainer: Trainer,
    parts: { feed: Feed; validation: Feed | undefined; batchSize: number; batch: number; seed: number; slice: number },
    options: Settings,
  ) {
    this.#trainer = trainer;
    this.#feed = parts.feed;
    this.#validation = parts.validation;
    this.#batch = parts.batch;
    this.#batchSize = parts.batchSize;
    this.#options = options;
    this.#callbacks = options.callbacks ?? [];
    const { resume } = options;
    this.#seed = parts.seed;
    this.epochs = integer("epochs", options.epochs ?? 1, 0);
    this.epoch = integer("initialEpoch", options.initialEpoch ?? resume?.epoch ?? 0, 0);
    this.stepsPerEpoch = Math.ceil(this.#feed.length / this.#batch);
    this.#done = resume?.batch ?? 0;
    const steps = this.step + (this.epochs - this.epoch) * this.stepsPerEpoch - this.#done;
    trainer.totalSteps = Math.max(this.step, steps);
    this.#hooks = (options.hooks ?? []).map(hook => {
      hook.begin?.(this.step, Math.max(this.step, steps));
      return { hook, due: hook.next?.(this.step) };
    });
    const perBatch = this.#callbacks.some(c => c.onBatchBegin || c.onBatchEnd);
    this.#pace = new Pace(perBatch ? 1 : trainer.steps, parts.slice);
    this.#evaluatePace = new Pace(trainer.steps, parts.slice);
    this.#streams = trainer.rows("train");
  }

  static async create(graph: Graph, dataset: Dataset, options: Settings): Promise<Training> {
    demandFloat(graph, "train");
    const { optimizer = adam(), validationSplit } = options;
    const batchSize = integer("batchSize", options.batchSize ?? 32, 1);
    const before = options.resume?.batchSize;
    if (before !== undefined && before !== batchSize)
      throw wrongValue("batchSize", `${before}, that of the training which is resumed`, batchSize);
    const slice = number("slice", options.slice ?? 50, { min: 0 });
    if (options.validation && validationSplit !== undefined)
      throw wrongType("validationSplit", "nothing beside validation", validationSplit);
    const [data, held] =
      validationSplit === undefined ? [dataset, options.validation] : splitOff(dataset, validationSplit);
    notEmpty("dataset", data);
    if (held) notEmpty("validation", held);
    const { metrics = metricsFor(data), regularizers } = options;
    const seed = integer("seed", options.seed ?? options.resume?.seed ?? 0, 0);

    const { input, output, classes } = ends(graph);
    const loss = lossFor(graph, data, options.loss);
    const target = targetFor(loss, output, data);
    const feed = new Feed(data, input, target, classes, options.classWeight);
    const validation = held && new Feed(held, input, target, classes);
    const train = batchesOf(feed, batchSize);
    const batch = train.sizes[0]!;
    const steps = roomForSteps(batch, feed.imageBytes, Math.ceil(data.length / batch));
    const evaluate = validation && batchesOf(validation, batch);
    const trainer = await Trainer.create(graph, {
      loss,
      target,
      metrics,
      ...(regularizers && { regularizers }),
      ...(options.hooks && { hooks: options.hooks }),
      optimizer,
      train,
      ...(evaluate && { evaluate }),
      seed,
      steps,
      fast: options.fast ?? false,
    });
    restore(trainer, options.resume);
    return new Training(trainer, { feed, validation, batchSize, batch, seed, slice }, options);
  }

  // ---------------------------------------------------------------- what callbacks and hooks see

  get step(): number {
    return this.#trainer.step;
  }

  get learningRate(): number {
    return this.#trainer.rateOf(this.step);
  }

  set learningRate(rate: number) {
    this.#trainer.fixedRate = number("learningRate", rate, { min: 0 });
  }

  stop(): void {
    this.#stopped = true;
  }

  states(role?: Role): string[] {
    return this.#trainer.states(role);
  }

  weights(): string[] {
    return this.#trainer.weights();
  }

  read(name: string): TypedArray {
    return this.#trainer.read(name);
  }

  write(name: string, values: ArrayLike<number>): void {
    this.#trainer.write(name, values);
  }

  checkpoint(): Checkpoint {
    const { fixedRate } = this.#trainer;
    const whole = this.#done === this.stepsPerEpoch; // as callbacks see it when an epoch has just ended
    return checkpointOf({
      step: this.step,
      epoch: whole ? this.epoch + 1 : this.epoch,
      batch: whole ? 0 : this.#done,
      batchSize: this.#batchSize,
      seed: this.#seed,
      sums: Object.fromEntries(this.#trainer.measures.map(m => [m, whole ? 0 : this.#trainer.sum(m)])),
      ...(fixedRate !== undefined && { learningRate: fixedRate }),
      states: new Map(this.states().map(name => [name, this.read(name)])),
    });
  }

  // ---------------------------------------------------------------- the loop

  async train(): Promise<Fitted> {
    try {
      return await this.#train();
    } finally {
      for (const { hook } of this.#hooks) hook.end?.(this.step);
    }
  }

  async #train(): Promise<Fitted> {
    const history = new History();
    for (const callback of this.#callbacks) await callback.onTrainBegin?.(this);
    while (this.epoch < this.epochs && !this.#stopped) {
      this.#beginSums();
      for (const callback of this.#callbacks) await callback.onEpochBegin?.(this.epoch, this);
      const learningRate = await this.#trainEpoch();
      const own = this.#hooks.map(({ hook }) => hook.logs?.(this));
      const logs = Object.assign({ ...this.#means(), ...(await this.#validate()), learningRate }, ...own) as Logs;
      this.#trainer.copyBack();
      history.add(this.epoch, logs);
      this.#report(logs);
      for (const callback of this.#callbacks) await callback.onEpochEnd?.(this.epoch, logs, this);
      this.epoch++;
      this.#done = 0;
    }
    this.#beginSums();
    this.#act();
    for (const callback of this.#callbacks) await callback.onTrainEnd?.(this);
    this.#trainer.copyBack();
    return { history, checkpoint: this.checkpoint() };
  }

  /** Zero, but for an epoch that a checkpoint left in its middle. */
  #beginSums(): void {
    const sums = this.#done ? this.#options.resume?.sums : undefined;
    for (const measure of this.#trainer.measures) this.#trainer.setSum(measure, sums?.[measure] ?? 0);
  }

  /** Trains what is left of this epoch; gives the learning rate of its last step. */
  async #trainEpoch(): Promise<number> {
    const order = this.#order();
    let learningRate = this.learningRate;
    this.#began = { at: performance.now(), step: this.#done };
    while (this.#done < this.stepsPerEpoch && !this.#stopped) {
      this.#act();
      for (const callback of this.#callbacks) await callback.onBatchBegin?.(this.#done, this);
      const { count, images } = this.#nextSlice(this.#pace.begin());
      for (let i = 0; i < count; i++) {
        const first = (this.#done + i) * this.#batch;
        for (let image = 0; image < images; image++) this.#feed.write(this.#streams, i, image, order[first + image]!);
        learningRate = this.#trainer.schedule(i);
      }
      await this.#trainer.run("train", images, count);
      this.#pace.end(count);
      this.#done += count;
      const means = this.#means();
      this.#checkLoss(means.loss);
      for (const callback of this.#callbacks) await callback.onBatchEnd?.(this.#done - 1, means, this);
      if (this.#done < this.stepsPerEpoch) this.#report(means);
      await turn();
      this.#checkSignal();
    }
    return learningRate;
  }

  /** The order of the rows in this epoch. */
  #order(): Int32Array {
    const { length } = this.#feed;
    if (this.#options.shuffle ?? true) return new Random(this.#seed).fork("order").fork(this.epoch).permutation(length);
    return Int32Array.from({ length }, (_, i) => i);
  }

  /** At most `most` steps of as many images each: to the end of the whole batches, or to the next step a hook waits for. */
  #nextSlice(most: number): { count: number; images: number } {
    const whole = Math.floor(this.#feed.length / this.#batch);
    if (this.#done === whole) return { count: 1, images: this.#feed.length % this.#batch };
    const dues = this.#hooks.flatMap(({ due }) => (due === undefined ? [] : [due - this.step]));
    return { count: Math.min(most, whole - this.#done, ...dues), images: this.#batch };
  }

  #act(): void {
    for (const waiting of this.#hooks) {
      if (waiting.due === undefined || waiting.due > this.step) continue;
      waiting.hook.act!(this.step, this);
      waiting.due = waiting.hook.next!(this.step + 1);
    }
  }

  #means(): Scores {
    return this.#trainer.means(Math.min(this.#done * this.#batch, this.#feed.length));
  }

  async #validate(): Promise<Logs> {
    if (!this.#validation) return {};
    // the sums of training are in the same leaves
    const sums = this.#trainer.measures.map(measure => this.#trainer.sum(measure));
    let scores: Scores;
    try {
      scores = await evaluateIn(this.#trainer, this.#validation, this.#batch, this.#evaluatePace, this.#options.signal);
    } catch (error) {
      if (this.#options.signal?.aborted) this.#trainer.copyBack();
      throw error;
    }
    this.#trainer.measures.forEach((measure, i) => {
      this.#trainer.setSum(measure, sums[i]);
    });
    return Object.fromEntries(Object.entries(scores).map(([name, value]) => [validationName(name), value]));
  }

  #report(logs: Logs): void {
    if (!this.#options.onProgress) return;
    const { at, step } = this.#began;
    const images = Math.min(this.#done * this.#batch, this.#feed.length) - step * this.#batch;
    const imagesPerSecond = (1000 * images) / Math.max(performance.now() - at, 1e-3);
    const left = (this.epochs - this.epoch) * this.#feed.length - this.#done * this.#batch;
    this.#options.onProgress({
      epoch: this.epoch,
      epochs: this.epochs,
      step: this.#done,
      steps: this.stepsPerEpoch,
      loss: logs.loss!,
      ...(logs.accuracy !== undefined && { accuracy: logs.accuracy }),
      logs,
      imagesPerSecond,
      secondsLeft: Math.max(0, left) / imagesPerSecond,
    });
  }

  /** Keras goes on with NaN; here the weights of the last whole epoch are worth more. */
  #checkLoss(loss: number): void {
    if (Number.isFinite(loss)) return;
    const kept = this.epoch ? `of the end of epoch ${this.epoch}` : "it began with";
    throw new PenjingError(
      "diverged",
      `the loss became ${loss} in epoch ${this.epoch + 1}: try a lower learning rate or clipping; the network keeps the weights ${kept}`,
    );
  }

  #checkSignal(): void {
    if (!this.#options.signal?.aborted) return;
    this.#trainer.copyBack();
    this.#options.signal.throwIfAborted();
  }
}
