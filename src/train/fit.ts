/**
 * Trains a graph on a data set: epochs of steps, run in slices that are short enough for a page to stay responsive.
 * Results depend on the graph, the data, the options and the seed; never on the lengths of slices.
 */
import { checkSignal, integer, knownOptions, number, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { Random } from "../base/random.ts";
import { size, type TypedArray } from "../base/shape.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Graph, Role } from "../graph/graph.ts";
import { demandFloat } from "../ops/quantized/int8-types.ts";
import { type Callback, checkCallbacks, checkHooks, type StepHook, type TrainingContext } from "./callbacks.ts";
import { type Checkpoint, checkpointOf, resumedFrom } from "./checkpoint.ts";
import { lossFor, metricsFor, targetFor } from "./defaults.ts";
import { distillationOf, TeacherRows } from "./distillation.ts";
import { batchesOf, evaluateIn, notEmpty, roomForSteps } from "./evaluate.ts";
import { Feed, type RowStreams } from "./feed.ts";
import { FIT_OPTIONS, type FitOptions } from "./fit-options.ts";
import { History, type Logs, type Progress, validationName } from "./history.ts";
import { optimizerOf } from "./named.ts";
import { adam, type Optimizer } from "./optimizers.ts";
import { Pace, turn } from "./pace.ts";
import { progressBar } from "./progress-bar.ts";
import { type Scores, signatureOf, Trainer } from "./trainer.ts";
import { validationOf } from "./validation.ts";

export interface Fitted {
  history: History;
  /** To continue from: `fit(..., { resume })`. */
  checkpoint: Checkpoint;
  /** The scores of the last validation; undefined if the weights have changed since. */
  validated: { readonly scores: Scores; readonly samples: number } | undefined;
}

/** The end of a training, and the optimizer used. */
export interface Place {
  readonly checkpoint: Checkpoint;
  readonly optimizer: Pick<Optimizer, "name" | "learningRate">;
}

/** Memory of a model between trainings. */
export interface Memory {
  /** The end of the previous training. Undefined: there was none, or it is not continued. */
  readonly before: Place | undefined;
  /** Called whenever the graph's weights change. */
  keep(place: Place): void;
}

export async function fit(graph: Graph, dataset: Dataset, options: FitOptions = {}, memory?: Memory): Promise<Fitted> {
  knownOptions("fit", options, FIT_OPTIONS);
  if (options.callbacks !== undefined) checkCallbacks(options.callbacks);
  if (options.hooks !== undefined) checkHooks(options.hooks);
  if (options.onProgress !== undefined && typeof options.onProgress !== "function")
    throw wrongType("onProgress", "a function", options.onProgress);
  if (![undefined, 0, 1].includes(options.verbose)) throw wrongValue("verbose", "0 or 1", options.verbose);
  checkSignal(options.signal);
  const training = await Training.create(graph, dataset, options, memory);
  return training.train();
}

/** The start of a training. */
interface Start {
  readonly step: number;
  readonly epoch: number;
  /** The number of the last epoch plus one. */
  readonly epochs: number;
  /** Steps done of the first epoch, and the sums over them. */
  readonly done: number;
  readonly sums: Checkpoint["sums"];
  readonly learningRate: number | undefined;
  readonly seed: number;
  /** Undefined: the optimizer has none yet. */
  readonly states: ReadonlyMap<string, TypedArray> | undefined;
  /** The states include all those of the network, not only the optimizer's. */
  readonly resumed: boolean;
}

function startOf(options: FitOptions, optimizer: Optimizer, resume: Checkpoint | undefined, before?: Place): Start {
  const epochs = integer("epochs", options.epochs ?? 1, 0);
  const known = resume ?? before?.checkpoint;
  const first = options.initialEpoch === undefined ? undefined : integer("initialEpoch", options.initialEpoch, 0);
  const epoch = first ?? known?.epoch ?? 0;
  const seed = integer("seed", options.seed ?? known?.seed ?? 0, 0);
  const anew = { step: 0, done: 0, sums: {}, learningRate: undefined, states: undefined, resumed: false };
  if (resume) {
    const { step, batch, sums, learningRate, states } = resume;
    return { step, epoch, epochs, done: batch, sums, learningRate, seed, states, resumed: true };
  }
  // an unfinished epoch starts again
  const last = first === undefined ? epoch + epochs : epochs;
  if (before?.optimizer.name !== optimizer.name) return { ...anew, epoch, epochs: last, seed };
  const { step, learningRate, states } = before.checkpoint;
  const sameRate = before.optimizer.learningRate === optimizer.learningRate;
  return { ...anew, step, epoch, epochs: last, learningRate: sameRate ? learningRate : undefined, seed, states };
}

/** Splits off the last rows, before any shuffling, for validation: Keras' validation_split. */
function splitOff(data: Dataset, share: number): [Dataset, Dataset] {
  number("validationSplit", share, { above: 0, below: 1 });
  const first = Math.floor(data.length * (1 - share));
  if (first < 1 || first === data.length)
    throw new RangeError(
      `"validationSplit" expected a share that leaves rows on both sides of ${data.length}, got ${share}`,
    );
  return [data.take(first), data.skip(first)];
}

/** Restores states, step and learning rate at the start of a training. */
function restore(trainer: Trainer, { step, learningRate, states, resumed }: Start): void {
  trainer.step = step;
  trainer.fixedRate = learningRate;
  if (!states) return;
  if (resumed) checkStates(trainer, states);
  // the graph has the current weights of its owner; moments and states of hooks are restored
  const kept = new Set(resumed ? [] : trainer.weights());
  for (const name of trainer.states()) {
    if (kept.has(name)) continue;
    const values = states.get(name);
    if (values?.length === trainer.read(name).length) trainer.write(name, values);
  }
}

/** Throws a RangeError if a checkpoint is from another network, or another optimizer. */
function checkStates(trainer: Trainer, states: ReadonlyMap<string, TypedArray>): void {
  const own = trainer.states();
  const wrong =
    own.find(name => states.get(name)?.length !== trainer.read(name).length) ??
    [...states.keys()].find(name => !own.includes(name));
  if (wrong === undefined) return;
  const expected = own.includes(wrong) ? `${trainer.read(wrong).length} numbers` : "nothing";
  const got = states.get(wrong)?.length ?? "none";
  throw new RangeError(
    `"resume" expected a checkpoint of this network and optimizer: for "${printable(wrong)}" ${expected}, got ${got}`,
  );
}

class Training implements TrainingContext {
  readonly #trainer: Trainer;
  readonly #feed: Feed;
  readonly #validation: Feed | undefined;
  readonly #batch: number;
  /** The requested size: there may be fewer rows. */
  readonly #batchSize: number;
  readonly #options: FitOptions;
  readonly #optimizer: Optimizer;
  readonly #start: Start;
  readonly #memory: Memory | undefined;
  readonly #seed: number;
  readonly #pace: Pace;
  readonly #evaluatePace: Pace;
  readonly #streams: RowStreams;
  readonly #callbacks: readonly Callback[];
  /** Every hook with the next step before which it acts. */
  readonly #hooks: { hook: StepHook; due: number | undefined }[];
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  epoch: number;
  /** Steps done of this epoch. */
  #done: number;
  #stopped = false;
  /** The scores of the last validation, while the weights are the same. */
  #validated: Fitted["validated"];
  /** Time and step at which this epoch began. */
  #began = { at: 0, step: 0 };

  private constructor(
    trainer: Trainer,
    parts: { feed: Feed; validation: Feed | undefined; batchSize: number; batch: number; slice: number },
    start: Start,
    optimizer: Optimizer,
    options: FitOptions,
    memory: Memory | undefined,
  ) {
    this.#trainer = trainer;
    this.#feed = parts.feed;
    this.#validation = parts.validation;
    this.#batch = parts.batch;
    this.#batchSize = parts.batchSize;
    this.#options = options;
    this.#optimizer = optimizer;
    this.#start = start;
    this.#memory = memory;
    this.#callbacks = [...(options.callbacks ?? []), ...(options.verbose ? [progressBar()] : [])];
    this.#seed = start.seed;
    this.epochs = start.epochs;
    this.epoch = start.epoch;
    this.stepsPerEpoch = Math.ceil(this.#feed.length / this.#batch);
    this.#done = start.done;
    const steps = this.step + (this.epochs - this.epoch) * this.stepsPerEpoch - this.#done;
    trainer.totalSteps = Math.max(this.step, steps);
    this.#hooks = (options.hooks ?? []).map(hook => {
      hook.begin?.(this.step, Math.max(this.step, steps), this);
      return { hook, due: hook.next?.(this.step) };
    });
    const perBatch = this.#callbacks.some(c => c.onBatchBegin || c.onBatchEnd);
    this.#pace = new Pace(perBatch ? 1 : trainer.steps, parts.slice);
    this.#evaluatePace = new Pace(trainer.steps, parts.slice);
    this.#streams = trainer.rows("train");
  }

  static async create(
    graph: Graph,
    dataset: Dataset,
    options: FitOptions,
    memory: Memory | undefined,
  ): Promise<Training> {
    demandFloat(graph, "train");
    const { validationSplit } = options;
    const optimizer = optimizerOf(options.optimizer ?? adam());
    const resume = options.resume === undefined ? undefined : await resumedFrom(options.resume);
    const start = startOf(options, optimizer, resume, memory?.before);
    const { seed } = start;
    const batchSize = integer("batchSize", options.batchSize ?? 32, 1);
    const before = resume?.batchSize;
    if (before !== undefined && before !== batchSize)
      throw wrongValue("batchSize", `${before}, that of the training which is resumed`, batchSize);
    const slice = number("slice", options.slice ?? 50, { min: 0 });
    if (options.validation && validationSplit !== undefined)
      throw wrongType("validationSplit", "nothing beside validation", validationSplit);
    const { input, output, classes } = signatureOf(graph);
    const given = options.validation && validationOf(options.validation, dataset, input);
    const [data, held] = validationSplit === undefined ? [dataset, given] : splitOff(dataset, validationSplit);
    notEmpty("dataset", data);
    if (held) notEmpty("validation", held);
    const { regularizers } = options;
    const metrics = metricsFor(data, options.metrics);
    const distillation = distillationOf(options);
    const teacher = options.teacher && (await TeacherRows.create(options.teacher, data, graph));
    const unlabelled = !data.classes && !size(data.targetShape);
    if (distillation?.alpha === 0 && unlabelled && held)
      throw wrongType("validation", "nothing beside a dataset without labels", held);
    const hard = lossFor(graph, data, options.loss);
    const loss = distillation?.alpha === 0 && unlabelled ? { ...hard, target: () => undefined } : hard;
    const target = targetFor(loss, output, data);
    const feed = new Feed(data, input, target, classes, { classWeight: options.classWeight, teacher });
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
      ...(distillation && { distillation }),
      ...(options.hooks && { hooks: options.hooks }),
      optimizer,
      train,
      ...(evaluate && { evaluate }),
      seed,
      steps,
      fast: options.fast ?? false,
    });
    restore(trainer, start);
    const parts = { feed, validation, batchSize, batch, slice };
    return new Training(trainer, parts, start, optimizer, options, memory);
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
    this.#validated = undefined;
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
    } catch (error) {
      for (const callback of this.#callbacks) callback.onTrainError?.(error, this);
      throw error;
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
      this.#keep();
      history.add(this.epoch, logs);
      this.#report(logs);
      for (const callback of this.#callbacks) await callback.onEpochEnd?.(this.epoch, logs, this);
      this.epoch++;
      this.#done = 0;
    }
    this.#beginSums();
    this.#act();
    for (const callback of this.#callbacks) await callback.onTrainEnd?.(this);
    return { history, checkpoint: this.#keep(), validated: this.#validated };
  }

  /** Copies the current weights to the graph. */
  #keep(): Checkpoint {
    this.#trainer.copyBack();
    const checkpoint = this.checkpoint();
    const { name, learningRate } = this.#optimizer;
    this.#memory?.keep({ checkpoint, optimizer: { name, learningRate } });
    return checkpoint;
  }

  /** Zero, unless a checkpoint was made within an epoch. */
  #beginSums(): void {
    const sums = this.#done ? this.#start.sums : undefined;
    for (const measure of this.#trainer.measures) this.#trainer.setSum(measure, sums?.[measure] ?? 0);
  }

  /** Trains the rest of this epoch; returns the learning rate of its last step. */
  async #trainEpoch(): Promise<number> {
    this.#validated = undefined;
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

  /**
   * Up to `most` steps of the same batch size: until the end of the whole batches, or the next step before which a hook
   * acts.
   */
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
      if (this.#options.signal?.aborted) this.#keep();
      throw error;
    }
    this.#trainer.measures.forEach((measure, i) => {
      this.#trainer.setSum(measure, sums[i]);
    });
    this.#validated = { scores, samples: this.#validation.length };
    return Object.fromEntries(Object.entries(scores).map(([name, value]) => [validationName(name), value]));
  }

  #report(logs: Logs): void {
    const { onProgress } = this.#options;
    if (!onProgress && !this.#callbacks.some(c => c.onProgress)) return;
    const { at, step } = this.#began;
    const images = Math.min(this.#done * this.#batch, this.#feed.length) - step * this.#batch;
    const imagesPerSecond = (1000 * images) / Math.max(performance.now() - at, 1e-3);
    const left = (this.epochs - this.epoch) * this.#feed.length - this.#done * this.#batch;
    const progress: Progress = {
      epoch: this.epoch,
      epochs: this.epochs,
      step: this.#done,
      steps: this.stepsPerEpoch,
      loss: logs.loss!,
      ...(logs.accuracy !== undefined && { accuracy: logs.accuracy }),
      logs,
      imagesPerSecond,
      secondsLeft: Math.max(0, left) / imagesPerSecond,
    };
    onProgress?.(progress);
    for (const callback of this.#callbacks) callback.onProgress?.(progress, this);
  }

  /** Keras continues with NaN; here the weights of the last whole epoch are kept. */
  #checkLoss(loss: number): void {
    if (Number.isFinite(loss)) return;
    const kept = this.epoch ? `of the end of epoch ${this.epoch}` : "it began with";
    const advice = `try a lower learning rate or clipping; the network keeps the weights ${kept}`;
    throw new PenjingError("diverged", `the loss became ${loss} in epoch ${this.epoch + 1}: ${advice}`);
  }

  #checkSignal(): void {
    if (!this.#options.signal?.aborted) return;
    this.#keep();
    this.#options.signal.throwIfAborted();
  }
}
