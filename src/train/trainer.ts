/**
 * All programs of one training of a graph in one memory: the step at every batch size, with and without the optimizer.
 * Weights come from the leaves' `data` and stay in the memory until `copyBack`. `fit` uses it, and custom loops can.
 */
import { integer, knownOptions, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import { type Shape, showSamples, size, type TypedArray } from "../base/shape.ts";
import { checkFinite, checkLabels } from "../data/dataset.ts";
import type { Graph, Role, Type } from "../graph/graph.ts";
import { supported } from "../kernels/load.ts";
import { TRAIN } from "../kernels/load-train.ts";
import { TRAIN_LOWER, TRAIN_PREFERS } from "../ops/index.ts";
import { demandFloat } from "../ops/quantized/int8-types.ts";
import { DROPOUT_STREAM } from "../passes/training.ts";
import type { Lowerings } from "../plan/lower.ts";
import type { Wanted } from "../plan/plan.ts";
import { readState, resultOf } from "../run/contents.ts";
import { type After, after, type Done, type Executor } from "../run/executor.ts";
import { Machine } from "../run/machine.ts";
import { checkHooks, type StepHook } from "./callbacks.ts";
import { metricsOf, targetFor } from "./defaults.ts";
import { type Distillation, distilled, TEACHER_STREAM } from "./distillation.ts";
import type { RowStreams, Stream } from "./feed.ts";
import type { Loss } from "./losses.ts";
import type { Metric } from "./metrics.ts";
import type { Optimizer } from "./optimizers.ts";
import { rateAt } from "./schedules.ts";
import {
  buildStep,
  type ImageFormat,
  type Regularizers,
  STREAM,
  type Step,
  type StepOptions,
  tallyOf,
} from "./step.ts";

/** Rows of one data set: their format, and their batch sizes. */
export interface Batches {
  readonly images: ImageFormat;
  readonly weighted: boolean;
  readonly sizes: readonly number[];
}

/** `D` is void, or a promise where the executor returns promises. */
export interface TrainerOptions<D extends Done = void> {
  readonly loss: Loss;
  readonly metrics?: readonly Metric[];
  readonly regularizers?: Regularizers;
  /** Trains on a stream of a teacher's logits beside the targets. The caller fills it (`rows`). */
  readonly distillation?: Distillation;
  /** They add to the steps; the caller calls their other functions. */
  readonly hooks?: readonly StepHook[];
  /** Required for training. */
  readonly optimizer?: Optimizer;
  readonly train?: Batches;
  readonly evaluate?: Batches;
  /** Batches of which only gradients are computed. */
  readonly gradients?: Batches;
  /** The type of the targets. Default: that of the loss. */
  readonly target?: Type;
  /** For dropout. Default 0. */
  readonly seed?: number;
  /** Steps that the streams have room for: the maximum of one `run`. Default 1. */
  readonly steps?: number;
  /** Lets the engine round a product and a sum once (relaxed SIMD): other bytes on other engines. Default false. */
  readonly fast?: boolean;
  /** Makes the executor that runs the programs. Default: the machine itself, in this thread. */
  readonly executor?: (machine: Machine) => Executor<D>;
}

const TRAINER_OPTIONS = [
  "loss",
  "metrics",
  "regularizers",
  "distillation",
  "hooks",
  "optimizer",
  "train",
  "evaluate",
  "gradients",
  "target",
  "seed",
  "steps",
  "fast",
  "executor",
] as const satisfies readonly (keyof TrainerOptions)[];

export type Kind = "train" | "evaluate" | "gradients";
const KINDS = ["train", "evaluate", "gradients"] as const;

/** Images of f32 with weight 1: for batches from arrays. */
export const arrays = (...sizes: number[]): Batches => ({
  images: { dtype: "f32", scale: 1, offset: 0 },
  weighted: false,
  sizes,
});

/** The mean loss, and the mean of every metric by name. */
export type Scores = { loss: number } & Record<string, number>;

/** Result of `Trainer.gradients`. */
export interface Gradients {
  readonly scores: Scores;
  /** By the names of weights. */
  readonly gradients: Map<string, Float32Array>;
}

const OPS: Lowerings = { lower: TRAIN_LOWER, prefers: TRAIN_PREFERS as Lowerings["prefers"] };

/**
 * Trains on batches from arrays by `trainStep`, `evaluateStep` and `gradients`; made by `Trainer.create`. They return
 * promises if the executor does: await one before the next call.
 */
export class Trainer<D extends Done = void> {
  readonly machine: Machine;
  readonly #executor: Executor<D>;
  /** Maximum steps of one `run`. */
  readonly steps: number;
  /** "loss", then the metrics. */
  readonly measures: readonly string[];
  /** Steps the optimizer has made. */
  step = 0;
  /** Total steps of the optimizer at the end, for schedules with fractions; undefined if unknown. */
  totalSteps: number | undefined;
  /** Set by a callback, it overrides the optimizer's schedule. */
  fixedRate: number | undefined;
  readonly #graph: Graph;
  readonly #options: TrainerOptions<D>;
  readonly #signature: Signature;
  readonly #target: Type;
  readonly #seeds: Random;
  /** Names of the weights whose gradients "gradients" gives, in the order of its results. */
  readonly parameters: readonly string[];

  private constructor(machine: Machine, graph: Graph, options: TrainerOptions<D>, target: Type, parameters: string[]) {
    this.machine = machine;
    // D is void unless another executor is given
    this.#executor = options.executor?.(machine) ?? (machine as Executor<Done> as Executor<D>);
    this.#graph = graph;
    this.#options = options;
    this.#signature = signatureOf(graph);
    this.#target = target;
    this.parameters = parameters;
    this.#seeds = new Random(integer("seed", options.seed ?? 0, 0)).fork("dropout");
    this.steps = options.steps ?? 1;
    this.measures = ["loss", ...(options.metrics ?? []).map(m => m.name)];
  }

  /** Plans for every batch size of `options`. `loss` is used unchanged: see `lossFor`. */
  static async create<D extends Done = void>(graph: Graph, options: TrainerOptions<D>): Promise<Trainer<D>> {
    knownOptions("Trainer", options, TRAINER_OPTIONS);
    demandFloat(graph, "give a Trainer");
    const { loss, optimizer, regularizers, distillation, hooks, steps = 1 } = options;
    if (typeof loss?.build !== "function") throw wrongType("loss", "a loss such as meanSquaredError()", loss);
    if (optimizer !== undefined && typeof optimizer?.build !== "function")
      throw wrongType("optimizer", "an optimizer such as adam()", optimizer);
    for (const kind of KINDS) knownOptions(kind, options[kind], ["images", "weighted", "sizes"]);
    if (hooks !== undefined) checkHooks(hooks);
    if (options.executor !== undefined && typeof options.executor !== "function")
      throw wrongType("executor", "a function that gives one for a machine", options.executor);
    const metrics = metricsOf(graph, loss, options.metrics ?? []);
    const { output } = signatureOf(graph);
    const target = options.target ?? targetFor(loss, output, { classes: 1, targetShape: [] });
    if (options.train && !optimizer)
      throw wrongType("optimizer", "an optimizer, as there are batches to train", optimizer);
    const wanted: Wanted[] = [];
    const goals: Record<Kind, StepOptions["goal"]> = {
      train: optimizer ? { optimizer } : "measures",
      evaluate: "measures",
      gradients: "gradients",
    };
    let asked: Step | undefined;
    for (const kind of KINDS) {
      const batches = options[kind];
      if (!batches) continue;
      const { images, weighted } = batches;
      const own = distillation && kind === "train" ? distilled(loss, distillation) : loss;
      const common = { images, weighted, target, loss: own, metrics, goal: goals[kind] };
      const step = buildStep(graph, { ...common, ...(regularizers && { regularizers }), ...(hooks && { hooks }) });
      if (kind === "gradients") asked = step;
      for (const batch of batches.sizes) {
        integer("batch size", batch, 1);
        wanted.push({ name: `${kind} ${batch}`, graph: step.graph, batch, steps });
      }
    }
    // the first program with a stream determines its size: the greatest batch must come first
    wanted.sort((a, b) => b.batch - a.batch);
    const parameters = (asked?.parameters ?? []).map(v => v.name);
    const variant = options.fast && supported().relaxed ? "relaxed" : "simd";
    return new Trainer(await Machine.create(TRAIN, wanted, OPS, variant), graph, options, target, parameters);
  }

  /** Runs the first `count` rows of the streams as steps of `batch` images. */
  run(kind: Kind, batch: number, count = 1): After<D, void> {
    return after(this.#executor.run(this.machine.program(`${kind} ${batch}`), 0, count), () => {
      if (kind === "train") this.step += count;
    });
  }

  // ---------------------------------------------------------------- streams

  #stream(name: string): Stream | undefined {
    if (!this.machine.plan.leaves.has(name)) return undefined;
    const { image, step } = this.machine.leaf(name);
    const data = this.machine.stored(name);
    return { data, perStep: step / data.BYTES_PER_ELEMENT, perImage: image / data.BYTES_PER_ELEMENT };
  }

  /** The destination of `kind`'s rows; a stream that nothing reads is undefined. */
  rows(kind: Kind): RowStreams {
    const { images, weighted } = this.#options[kind]!;
    return {
      images: this.#stream(STREAM.images(images)),
      target: this.#stream(STREAM.target),
      weight: weighted ? this.#stream(STREAM.weight) : undefined,
      teacher: kind === "train" ? this.#stream(TEACHER_STREAM) : undefined,
      number: kind === "evaluate" ? undefined : this.#stream(DROPOUT_STREAM.image),
    };
  }

  /** The learning rate of step number `step`. */
  rateOf(step: number): number {
    return this.fixedRate ?? rateAt(this.#options.optimizer!.learningRate, step, this.totalSteps);
  }

  /**
   * Writes the inputs besides rows of the step after `ahead` others, into row `ahead` of the streams: rates and the
   * seed. Returns the learning rate.
   */
  schedule(ahead = 0): number {
    const step = this.step + ahead;
    const rate = this.rateOf(step);
    for (const [name, value] of Object.entries(this.#options.optimizer!.rates(step, rate)))
      this.#set(name, ahead, value);
    this.#seed(step, ahead);
    return rate;
  }

  #seed(step: number, ahead: number): void {
    if (this.machine.plan.leaves.has(DROPOUT_STREAM.seed))
      this.#set(DROPOUT_STREAM.seed, ahead, this.#seeds.fork(step).next());
  }

  #set(name: string, row: number, value: number): void {
    const stream = this.#stream(name);
    if (stream) stream.data[row * stream.perStep] = value;
  }

  // ---------------------------------------------------------------- sums

  /** The f64 sum of loss or a metric over the images of all runs since it was set. */
  sum(measure: string): number {
    return this.#tally(measure)[0]!;
  }

  /** Sets a sum: 0, or the value of an earlier run. */
  setSum(measure: string, value = 0): void {
    this.#tally(measure).set([value, 0]);
  }

  #tally(measure: string): Float64Array {
    return new Float64Array(this.machine.memory.buffer, this.machine.leaf(tallyOf(measure)).at, 2);
  }

  clearSums(): void {
    for (const measure of this.measures) this.setSum(measure);
  }

  /** The means of all measures over `images` images. */
  means(images: number): Scores {
    const scores: Scores = { loss: NaN };
    for (const measure of this.measures) scores[measure] = this.sum(measure) / images;
    return scores;
  }

  // ---------------------------------------------------------------- states

  /** Names of all states, or of those with a role: weights, moving averages, masks, the optimizer's moments. */
  states(role?: Role): string[] {
    return [...this.machine.plan.leaves.values()]
      .filter(b => b.kind === "state" && (role === undefined || b.value!.role === role))
      .map(b => b.name);
  }

  /** Names of the states of the graph: all but the optimizer's. */
  weights(): string[] {
    return this.states().filter(name => this.#graph.leafOf(name));
  }

  /** A copy, in logical order. */
  read(name: string): TypedArray {
    return readState(this.machine, this.#state(name));
  }

  write(name: string, values: ArrayLike<number>): void {
    this.machine.write(this.#state(name), values);
  }

  #state(name: string): string {
    const leaf = this.machine.plan.leaves.get(name);
    if (leaf?.kind !== "state")
      throw new PenjingError("leaf", `no state "${name}" here; there are ${this.states().join(", ")}`);
    return name;
  }

  /** Copies the states to the graph's leaves, as new arrays: earlier copies of the graph keep theirs. */
  copyBack(): void {
    for (const leaf of this.#graph.leaves)
      if (leaf.leaf === "state" && this.machine.plan.leaves.has(leaf.name)) leaf.data = this.read(leaf.name);
  }

  // ---------------------------------------------------------------- one batch from arrays

  /**
   * Runs one step on these images, one after another, and their class numbers or rows of targets; returns the means of
   * loss and metrics before it. For a batch size in `options.train.sizes`.
   */
  trainStep(x: ArrayLike<number>, y: ArrayLike<number>): After<D, Scores> {
    const images = this.#write("train", x, y);
    this.schedule();
    return this.#measured("train", images);
  }

  /** Computes loss and metrics of these images, without a step. */
  evaluateStep(x: ArrayLike<number>, y: ArrayLike<number>): After<D, Scores> {
    return this.#measured("evaluate", this.#write("evaluate", x, y));
  }

  /** Runs one step of these images, and computes its means. */
  #measured(kind: Kind, images: number): After<D, Scores> {
    this.clearSums();
    return after(this.run(kind, images) as D, () => this.means(images));
  }

  /** Computes d loss / d weight by the weights' names, and the means; changes only moving averages. */
  gradients(x: ArrayLike<number>, y: ArrayLike<number>): After<D, Gradients> {
    const images = this.#write("gradients", x, y);
    this.#seed(this.step, 0);
    this.clearSums();
    return after(this.run("gradients", images) as D, () => {
      const { results } = this.machine.program(`gradients ${images}`);
      const gradients = new Map<string, Float32Array>();
      this.parameters.forEach((name, i) => {
        const { data } = resultOf(this.machine, results[i]!, "f32");
        gradients.set(name, (data as Float32Array).slice(0, size(this.machine.leaf(name).value!.type.shape)));
      });
      return { scores: this.means(images), gradients };
    });
  }

  /** Checks and writes one batch; returns its number of images. */
  #write(kind: Kind, x: ArrayLike<number>, y: ArrayLike<number>): number {
    const { input, classes } = this.#signature;
    const each = size(input);
    const images = x.length / each;
    const { sizes = [], images: format } = this.#options[kind] ?? {};
    if (!sizes.includes(images))
      throw wrongValue("x", `${sizes.join(" or ") || "no"} ${showSamples(input)} to ${kind}`, x);
    if (format!.dtype === "f32") checkFinite("x", x, input);
    const perTarget = size(this.#target.shape);
    if (y.length !== images * perTarget) throw wrongValue("y", `${images * perTarget} numbers`, y);
    if (this.#target.shape.length) checkFinite("y", y, this.#target.shape);
    else checkLabels(y, classes);
    const rows = this.rows(kind);
    for (let i = 0; i < images; i++) {
      copy(rows.images, i, x, each);
      copy(rows.target, i, y, perTarget);
      if (rows.weight) rows.weight.data[i * rows.weight.perImage] = 1;
      if (rows.number) rows.number.data[i * rows.number.perImage] = i;
    }
    return images;
  }
}

/** Copies row `image` of `from` into the first step of a stream. */
function copy(to: Stream | undefined, image: number, from: ArrayLike<number>, each: number): void {
  if (to) for (let j = 0; j < each; j++) to.data[image * to.perImage + j] = from[image * each + j]!;
}

export interface Signature {
  input: Shape;
  output: Type;
  /** Size of the output's last axis. */
  classes: number;
}

/** The type of images that a graph takes, and its output for one. */
export function signatureOf(graph: Graph): Signature {
  const inputs = graph.leaves.filter(v => v.leaf === "input");
  if (inputs.length !== 1 || graph.results.length !== 1) {
    const got = `${inputs.length} and ${graph.results.length}`;
    throw new TypeError(`"model" expected one input and one output to train and evaluate, got ${got}`);
  }
  const output = graph.results[0]!.type;
  return { input: inputs[0]!.type.shape, output, classes: output.shape.at(-1) ?? 1 };
}
