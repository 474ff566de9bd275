/**
 * A network with its weights: what `sequential` and `model` build, what training changes, what is saved and loaded. All
 * it knows is in its graph: layers are the nodes of one name, weights the states they read. So a loaded or a pruned
 * model is a model like any other.
 */
import { knownOptions, naming, PenjingError, wrongType } from "../base/errors.ts";
import { type Shape, size, type TypedArray } from "../base/shape.ts";
import { type Extras, saveFile, type WriteOptions } from "../container/index.ts";
import { Dataset, preprocessingBehind } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import { COST, type OpName } from "../ops/index.ts";
import { demandFloat, holdsInt8 } from "../ops/quantized/int8-types.ts";
import { bake } from "../passes/bake.ts";
import { printProgram } from "../plan/print.ts";
import { checkPreprocessing } from "../run/inputs.ts";
import { type Inputs, Net, type NetOptions, type Numbers, type Reals } from "../run/net.ts";
import { type Profile, type ProfileOptions, profile } from "../run/profile.ts";
import type { StepHook } from "../train/callbacks.ts";
import { type Checkpoint, writeCheckpoint } from "../train/checkpoint.ts";
import { EVALUATE_OPTIONS, type EvaluateOptions, evaluate } from "../train/evaluate.ts";
import { type Fitted, type Place, fit as train } from "../train/fit.ts";
import { FIT_OPTIONS, type FitOptions } from "../train/fit-options.ts";
import type { History } from "../train/history.ts";
import { expectScaling, learned, scalingOf } from "../train/scaling.ts";
import type { Scores } from "../train/trainer.ts";
import { validationOf } from "../train/validation.ts";
import { answers, scoreAnswers } from "./answers.ts";
import { bytesOf, statesOf } from "./file.ts";
import { type GivenWeights, givenContents } from "./given-weights.ts";
import type { Regularizer } from "./regularizers.ts";
import { Report, type ReportParts } from "./report.ts";
import { type StepOptions, Steps } from "./steps.ts";
import { layerOf, layersOf, type ModelLayer, parametersOf, summaryOf } from "./summary.ts";
import { kerasShape, toKeras, type Weights, weightsOf } from "./weights.ts";

export interface ModelParts extends Extras {
  /** Penalties by the name of the weight: they are part of the loss of `fit` and `evaluate`. */
  regularizers?: ReadonlyMap<string, Regularizer>;
  /** What takes part in every `fit` of this model, before the hooks of its options: pruning. */
  hooks?: readonly StepHook[];
  /** Of a network of integers: the float one it was made of. */
  float?: Graph;
  /** What its report begins with. Default: one row, for the model as it is built or loaded. */
  report?: ReportParts;
}

/** What training measured, and from where it can go on: `fit(..., { resume: checkpoint })`. */
export type TrainingHistory = History & { readonly checkpoint: Checkpoint };

/**
 * Made by `sequential`, `model`, `lenet5`, `loadModel`, `quantizeStatic` and `quantizeDynamic`. `clone`, `bake`,
 * pruning and quantization give models of their own; `fit`, `trainStep` and `setWeights` change this one.
 */
export class Model {
  readonly name: string;
  /** What it computes. The states hold the weights as they are now. */
  readonly graph: Graph;
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  /** What takes part in every `fit`. */
  readonly hooks: readonly StepHook[];
  readonly metadata: Extras["metadata"];
  /**
   * "integer": quantized, statically or dynamically. It does all that a float one does, but is not trained, pruned or
   * quantized again: that is a PenjingError `quantized`.
   */
  readonly kind: "float" | "integer";
  /**
   * Of a network that was quantized here: the float one it was made of, baked and folded, for comparison. A file does
   * not keep it.
   */
  readonly float: Graph | undefined;
  /** Bytes, parameters, multiply-accumulates, time and accuracy, beside those before each step that made it. */
  readonly report: Report;
  #labels: Extras["labels"];
  #preprocessing: Extras["preprocessing"];
  #net: Promise<Net> | undefined;
  #steps: Steps | undefined;
  /** What changes the weights at the moment. */
  #training: string | undefined;
  /** Where the last `fit` ended. */
  #place: Place | undefined;
  /** The contents each state of the network that runs was last given. */
  readonly #written = new Map<string, TypedArray>();

  /** A model over a graph with one output; the graph is the model's from then on. */
  constructor(graph: Graph, parts: ModelParts = {}) {
    knownOptions("Model", parts, PARTS);
    this.graph = graph;
    this.kind = holdsInt8(graph) ? "integer" : "float";
    this.float = parts.float;
    this.name = parts.name ?? NAMELESS;
    this.regularizers = parts.regularizers ?? new Map();
    this.hooks = parts.hooks ?? [];
    this.#labels = parts.labels;
    this.#preprocessing = parts.preprocessing;
    this.metadata = parts.metadata;
    this.report = new Report(this, parts.report);
  }

  /**
   * Names of the classes, saved with it: those of the data set it was last trained on by `fit`, where that has names,
   * or those it is given.
   */
  get labels(): readonly string[] | undefined {
    return this.#labels;
  }

  set labels(labels: readonly string[] | undefined) {
    if (labels !== undefined) this.#checkLabels(labels);
    this.#labels = labels;
    this.#net = undefined;
  }

  /**
   * How bytes and pictures become inputs, saved with it; undefined: byte / 255. It is that of the bytes the model was
   * last trained on, and can be set where the weights come from elsewhere.
   */
  get preprocessing(): Extras["preprocessing"] {
    return this.#preprocessing;
  }

  set preprocessing(preprocessing: Extras["preprocessing"]) {
    if (preprocessing !== undefined) checkPreprocessing(preprocessing, this.graph);
    this.#preprocessing = preprocessing;
    this.#net = undefined;
  }

  /** Of one sample; of the first input where there are several. */
  get inputShape(): Shape {
    return this.graph.leaves.find(v => v.leaf === "input")!.type.shape;
  }

  /** Of one sample; of the first output where there are several. */
  get outputShape(): Shape {
    return this.graph.results[0]!.type.shape;
  }

  /** Numbers in all weights, moving statistics among them. */
  get parameters(): number {
    return parametersOf(this.graph);
  }

  /** Multiply-accumulates of one sample. */
  get macs(): number {
    return this.graph.nodes.reduce((sum, node) => sum + COST[node.op.name as OpName](node).macs, 0);
  }

  // ---------------------------------------------------------------- layers

  /** All layers in order. */
  get layers(): ModelLayer[] {
    return layersOf(this.graph).map(({ name, nodes }) => layerOf(this.graph, name, nodes));
  }

  /** The layer of that name, or a RangeError that lists them. */
  layer(name: string): ModelLayer {
    const layers = layersOf(this.graph);
    const found = layers.find(l => l.name === name);
    if (!found) {
      const names = layers.map(l => l.name).join(", ");
      throw new RangeError(`"layer" expected one of ${names}, got ${JSON.stringify(name)}`);
    }
    return layerOf(this.graph, found.name, found.nodes);
  }

  /** A table like Keras': layers with output shape, parameters and what they read, then the totals. */
  summary(): string {
    return summaryOf(this);
  }

  /** The summary. */
  toString(): string {
    return this.summary();
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.summary();
  }

  // ---------------------------------------------------------------- weights

  /**
   * Copies of all weights, those of integers in real numbers, in Keras' layout and order. `Object.values` gives them by
   * index, as Keras' get_weights does.
   */
  getWeights(): Weights {
    const weights: Weights = {};
    for (const leaf of weightsOf(this.graph))
      weights[leaf.name] = { shape: kerasShape(this.graph, leaf), data: toKeras(this.graph, leaf) };
    return weights;
  }

  /**
   * Sets weights from Keras' layout: some or all by name, or all in the order of `getWeights`, as Keras' set_weights
   * does. Each is an array of its numbers, flat or nested, or `{ shape, data }`. A RangeError, before anything is
   * changed, for a name or a shape that does not fit; NaN and infinity are refused too.
   */
  setWeights(weights: GivenWeights): void {
    this.#expectIdle("setWeights");
    demandFloat(this.graph, "set the weights of");
    const changed = naming("setWeights", () => givenContents(this.graph, weights));
    // new arrays: copies of the graph made before keep theirs
    for (const [leaf, data] of changed) leaf.data = data;
  }

  // ---------------------------------------------------------------- training

  /**
   * Trains on a data set; the model's weights are as they were after the last epoch. By default one epoch of Adam 1e-3
   * in batches of 32, with cross-entropy for labels. Gives loss and metrics of every epoch. Penalties of layers are
   * part of the loss.
   *
   *     await model.fit(train, { epochs: 5, optimizer: "adam", metrics: ["accuracy"], validation: test, verbose: 1 });
   *
   * A second `fit` goes on where the first one ended, to the byte as one of all epochs: the optimizer's moments, its
   * schedule and the order of rows go on, and epochs are counted on. Another optimizer starts its own moments and
   * schedule; `restart: true` starts all anew.
   *
   * `preprocessing` becomes that of the data set, or of its validation, where one of them is made of bytes; `labels`
   * its class names. Errors: RangeError for data that do not fit, or a validation that is not scaled as the data;
   * PenjingError `diverged` where the loss becomes NaN or infinite, `busy` where the model is being trained already,
   * `quantized` of a network of integers; AbortError by `signal`, after which `checkpoint` and `saveCheckpoint` have
   * the place where it ended.
   */
  async fit(dataset: Dataset, options: Omit<FitOptions, "regularizers"> = {}, ...more: []): Promise<TrainingHistory> {
    return naming("fit", async () => {
      demandFloat(this.graph, "train");
      checkDataset("dataset", dataset);
      if (Array.isArray(options) || ArrayBuffer.isView(options) || more.length)
        throw wrongType("fit", `options behind a Dataset, which holds labels or targets too: ${DATASET}`, options);
      knownOptions("fit", options, OWN_FIT_OPTIONS);
      const { restart = false, ...others } = options;
      if (typeof restart !== "boolean") throw wrongType("restart", "a boolean", restart);
      const validation = options.validation && validationOf(options.validation, dataset, this.inputShape);
      const scaling = scalingOf(dataset, validation);
      return this.#alone("fit", async () => {
        const before = statesOf(this.graph).map(leaf => leaf.data);
        let fitted: Fitted | undefined;
        try {
          const hooks = [...this.hooks, ...(options.hooks ?? [])];
          const settings = { ...others, ...(validation && { validation }), hooks, ...this.#penalties() };
          const memory = {
            before: restart ? undefined : this.#place,
            keep: (place: Place) => {
              this.#place = place;
            },
          };
          fitted = await train(this.graph, dataset, settings, memory);
          return withCheckpoint(fitted);
        } finally {
          // also after an abort: the weights are those of this data set then
          if (statesOf(this.graph).some((leaf, i) => leaf.data !== before[i])) {
            this.#learnScaling(scaling);
            this.#learnLabels(dataset);
          }
          if (fitted?.validated) this.report.learnScores(this.report.weights(), fitted.validated);
        }
      });
    });
  }

  /**
   * Where the last `fit` ended, aborted ones too: weights, masks, the optimizer's moments, its place in the schedule,
   * epoch and seed, for `resume`. Undefined before the first one. Weights that were set since are not in it.
   */
  get checkpoint(): Checkpoint | undefined {
    return this.#place?.checkpoint;
  }

  /** Writes `checkpoint` to a file, whole or not at all (Node): `fit(..., { resume: path })` goes on from there. */
  async saveCheckpoint(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    knownOptions("saveCheckpoint", options, ["signal"]);
    const { checkpoint } = this;
    if (!checkpoint)
      throw new TypeError('"saveCheckpoint" expected a model that was trained by fit, got one that was not');
    await saveFile(path, writeCheckpoint(checkpoint), options.signal);
  }

  /**
   * The mean loss over a data set, penalties of layers and of the model's hooks included, and the mean of every metric. A RangeError where the
   * data set makes other numbers of bytes than `preprocessing` says. A network of integers is run, and what it answers
   * is scored.
   */
  async evaluate(dataset: Dataset, options: Omit<EvaluateOptions, "regularizers" | "hooks"> = {}): Promise<Scores> {
    return naming("evaluate", async () => {
      checkDataset("dataset", dataset);
      knownOptions("evaluate", options, OWN_EVALUATE_OPTIONS);
      expectScaling("dataset", dataset, this.preprocessing);
      const weights = this.report.weights();
      const scores =
        this.kind === "float"
          ? await evaluate(this.graph, dataset, { ...options, ...this.#penalties(), hooks: this.hooks })
          : await scoreAnswers(await this.net(), this.graph, dataset, options);
      this.report.learnScores(weights, { scores, samples: dataset.length });
      return scores;
    });
  }

  /**
   * One step on one batch, for loops of one's own: samples one after another, and their class numbers (an array of
   * integers) or targets (Float32Array). Gives loss and metrics before it. The optimizer's moments live on while
   * `optimizer`, `loss` and `metrics` are the same. Samples are real numbers, or bytes (Uint8Array), which
   * `preprocessing` makes real; from those of a data set's `batch` it learns that. A model that is pruned by a schedule
   * needs to know how many `steps` there will be. A loop that need not look at the weights in between is faster over a
   * `Trainer`.
   */
  async trainStep(x: ArrayLike<number>, y: ArrayLike<number>, options: StepOptions = {}): Promise<Scores> {
    return naming("trainStep", () =>
      this.#alone("trainStep", async () => {
        demandFloat(this.graph, "train");
        for (const [what, given] of Object.entries({ x, y }))
          if (typeof given !== "object" || typeof given?.length !== "number")
            throw wrongType(what, "an array of numbers", given);
        if (!this.#steps?.serves(options))
          this.#steps = new Steps(this.graph, options, { hooks: this.hooks, ...this.#penalties() });
        const scaling = typeof x === "object" && x ? preprocessingBehind(x) : undefined;
        const scores = await this.#steps.train(x, y, { scaling, preprocessing: this.preprocessing });
        this.#learnScaling(scaling);
        return scores;
      }),
    );
  }

  /** Runs what changes the weights. Of two at once, the one that ends last would undo the other. */
  async #alone<T>(what: string, run: () => Promise<T>): Promise<T> {
    this.#expectIdle(what);
    this.#training = what;
    try {
      return await run();
    } finally {
      this.#training = undefined;
    }
  }

  #expectIdle(what: string): void {
    if (this.#training)
      throw new PenjingError(
        "busy",
        `${what}: model "${this.name}" is being trained by ${this.#training}: await that first`,
      );
  }

  #penalties(): Pick<FitOptions, "regularizers"> {
    return this.regularizers.size ? { regularizers: this.regularizers } : {};
  }

  #learnScaling(scaling: Extras["preprocessing"]): void {
    if (!scaling) return;
    const preprocessing = learned(this.preprocessing, scaling, this.inputShape.at(-1) ?? 1);
    if (preprocessing !== this.preprocessing) this.preprocessing = preprocessing;
  }

  /** Names that are the numbers of the classes are those that classes have without labels. */
  #learnLabels({ classNames }: Dataset): void {
    if (classNames?.length !== this.#classes) return;
    this.labels = classNames.every((name, i) => name === String(i)) ? undefined : [...classNames];
  }

  // ---------------------------------------------------------------- running

  /**
   * The outputs for all rows of a data set, or for what `net.predict` takes: `outputShape` numbers for each sample, in
   * a list where there are several outputs. Plans the network at its first call. RangeErrors name shapes that do not
   * fit.
   */
  async predict<R extends Reals = Float32Array>(x: Dataset | Inputs): Promise<NoInfer<R>> {
    return naming("predict", async () => {
      if (!(x instanceof Dataset)) return (await this.net()).predict<R>(x);
      expectScaling("x", x, this.preprocessing);
      return (await answers(await this.net(), "x", x)) as R;
    });
  }

  /** The network's own types in and out, as by `net.run`. */
  async run<R extends Numbers = Int8Array | Float32Array>(x: Inputs): Promise<NoInfer<R>> {
    return naming("run", async () => (await this.net()).run<R>(x));
  }

  /** Where the time of one sample goes, layer by layer: see `ProfileOptions`. */
  profile(options: ProfileOptions = {}): Promise<Profile> {
    return profile(this.graph, options);
  }

  /** The kernel calls of one sample, as text. */
  async program(): Promise<string> {
    return printProgram((await this.net()).machine.program("x1"));
  }

  /**
   * The network that runs, with the weights as they are now: for `predict` without waiting. It does not follow later
   * changes by itself. With options (`capacity`, `variant`, `warmUp`, ...) a network of its own at every call, without
   * them the same one.
   */
  async net(options?: NetOptions): Promise<Net> {
    if (options) return Net.create(this.graph, { ...this.#extras, ...options });
    if (!this.#net) {
      for (const leaf of statesOf(this.graph)) this.#written.set(leaf.name, leaf.data!);
      const made = Net.create(this.graph, this.#extras);
      this.#net = made;
      // a failure is not for ever
      made.catch(() => (this.#net = undefined));
    }
    const net = await this.#net;
    for (const leaf of statesOf(this.graph)) {
      if (this.#written.get(leaf.name) === leaf.data) continue;
      if (net.machine.plan.leaves.has(leaf.name)) net.machine.write(leaf.name, leaf.data!);
      this.#written.set(leaf.name, leaf.data!);
    }
    return net;
  }

  // ---------------------------------------------------------------- copies and files

  /** A model of its own with the same weights. */
  clone(): Model {
    return new Model(this.graph.copy().graph, this.parts());
  }

  /**
   * A model of its own without masks: a masked weight becomes a weight with zeros. It computes the same, to the bit.
   * Saving and quantizing do it by themselves.
   */
  bake(): Model {
    const { graph } = this.graph.copy();
    bake(graph);
    const baked = new Model(graph, { ...this.parts(), hooks: [] });
    baked.report.learnFrom(this.report);
    return baked;
  }

  /** All a model is beside its graph, for a model made from this one. */
  parts(): ModelParts {
    const { regularizers, float } = this;
    return {
      ...this.#extras,
      regularizers: new Map(regularizers),
      hooks: this.hooks.map(hook => hook.clone?.() ?? hook),
      ...(float && { float }),
      report: this.report.parts(),
    };
  }

  get #extras(): Extras & { name: string } {
    const { name, labels, preprocessing, metadata } = this;
    return {
      name,
      ...(labels && { labels }),
      ...(preprocessing && { preprocessing }),
      ...(metadata && { metadata }),
    };
  }

  /**
   * The bytes of a `.penjing` file. Names of layers are kept where a reader would not give the same ones to the
   * weights, or where some were chosen; `names` decides it otherwise. It holds what runs: zeros in place of masks, and
   * nothing of training.
   */
  toBytes(options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
    knownOptions("save", options, ["names", "name", "labels", "preprocessing", "metadata"]);
    const { name, ...kept } = this.#extras;
    const extras = { ...(name !== NAMELESS && { name }), ...kept, ...options };
    if (extras.preprocessing) checkPreprocessing(extras.preprocessing, this.graph);
    if (extras.labels) this.#checkLabels(extras.labels);
    return bytesOf(this.graph, extras);
  }

  /** One for each output; two where a single output tells one from the other. */
  #checkLabels(labels: readonly string[]): void {
    if (Array.isArray(labels) && labels.length !== this.#classes)
      throw new RangeError(`"labels" expected ${this.#classes} names, got ${labels.length}`);
  }

  get #classes(): number {
    return Math.max(2, size(this.outputShape));
  }

  /** Writes the file whole or not at all (Node). Errors: `unwritable` with the path. */
  async save(path: string, options: WriteOptions & { signal?: AbortSignal } = {}): Promise<void> {
    const { signal, ...rest } = options;
    await saveFile(path, this.toBytes(rest), signal);
  }
}

/** The checkpoint is large, and no part of what a history prints. */
const withCheckpoint = ({ history, checkpoint }: Fitted): TrainingHistory =>
  Object.defineProperty(history, "checkpoint", { value: checkpoint }) as TrainingHistory;

const PARTS = ["name", "regularizers", "hooks", "float", "report", "labels", "preprocessing", "metadata"];

/** The name of a model that was given none: it is not written to files. */
const NAMELESS = "model";

const DATASET = "new Dataset({ x, shape, labels or targets })";

const OWN_FIT_OPTIONS = FIT_OPTIONS.filter(name => name !== "regularizers");
const OWN_EVALUATE_OPTIONS = EVALUATE_OPTIONS.filter(name => name !== "regularizers" && name !== "hooks");

function checkDataset(what: string, data: unknown): asserts data is Dataset {
  if (!(data instanceof Dataset)) throw wrongType(what, `a Dataset: ${DATASET}`, data);
}
