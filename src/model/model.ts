/**
 * A network with its weights, which can be trained, saved and run. Its only state is its graph: layers are the nodes of
 * one name, weights the states they read. So a loaded or a pruned model is a model like any other.
 */
import { knownOptions, naming, PenjingError, wrongType } from "../base/errors.ts";
import { type Shape, size } from "../base/shape.ts";
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
import { CurrentNet } from "./current-net.ts";
import { bytesOf, statesOf } from "./file.ts";
import { type GivenWeights, givenContents } from "./given-weights.ts";
import type { Regularizer } from "./regularizers.ts";
import { Report, type ReportParts } from "./report.ts";
import { type StepOptions, Steps } from "./steps.ts";
import { layerNamed, layerOf, layersOf, type ModelLayer, parametersOf, summaryOf } from "./summary.ts";
import { kerasWeights, type Weights } from "./weights.ts";

export interface ModelParts extends Extras {
  /** Penalties by the name of the weight; part of the loss of `fit` and `evaluate`. */
  regularizers?: ReadonlyMap<string, Regularizer>;
  /** Hooks of every `fit` of this model, before those of its options: pruning. */
  hooks?: readonly StepHook[];
  /** For an integer network: the float one it was made from. */
  float?: Graph;
  /** The first rows of its report. Default: one row, for the model as built or loaded. */
  report?: ReportParts;
}

/** The history of a training, with the checkpoint to continue from: `fit(..., { resume: checkpoint })`. */
export type TrainingHistory = History & { readonly checkpoint: Checkpoint };

/**
 * A model, made by `sequential`, `model`, `lenet5`, `loadModel`, `quantizeStatic` or `quantizeDynamic`. `clone`,
 * `bake`, pruning and quantization return new models; `fit`, `trainStep` and `setWeights` change this one.
 */
export class Model {
  readonly name: string;
  /** The computation. Its states hold the current weights. */
  readonly graph: Graph;
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  /** Hooks of every `fit`. */
  readonly hooks: readonly StepHook[];
  readonly metadata: Extras["metadata"];
  /**
   * "integer": quantized, statically or dynamically. Such a model supports everything but training, pruning and
   * quantization, which throw a PenjingError `quantized`.
   */
  readonly kind: "float" | "integer";
  /**
   * For a network that was quantized here: the float one it was made from, baked and folded, for comparison. Files do
   * not keep it.
   */
  readonly float: Graph | undefined;
  /** Bytes, parameters, multiply-accumulates, time and accuracy, beside those before each step that made it. */
  readonly report: Report;
  #labels: Extras["labels"];
  #preprocessing: Extras["preprocessing"];
  readonly #net: CurrentNet;
  #steps: Steps | undefined;
  /** The operation that is changing the weights. */
  #training: string | undefined;
  /** The end of the last `fit`. */
  #place: Place | undefined;

  /** Makes a model that owns `graph`. */
  constructor(graph: Graph, parts: ModelParts = {}) {
    knownOptions("Model", parts, PARTS);
    this.graph = graph;
    this.#net = new CurrentNet(graph);
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
   * Names of the classes, saved with it: those of the data set of the last `fit`, if it has names, or those assigned.
   */
  get labels(): readonly string[] | undefined {
    return this.#labels;
  }

  set labels(labels: readonly string[] | undefined) {
    if (labels !== undefined) this.#checkLabels(labels);
    this.#labels = labels;
    this.#net.discard();
  }

  /**
   * The conversion of bytes and pictures to inputs, saved with it; undefined: byte / 255. Training on bytes sets it;
   * assign it for weights from elsewhere.
   */
  get preprocessing(): Extras["preprocessing"] {
    return this.#preprocessing;
  }

  set preprocessing(preprocessing: Extras["preprocessing"]) {
    if (preprocessing !== undefined) checkPreprocessing(preprocessing, this.graph);
    this.#preprocessing = preprocessing;
    this.#net.discard();
  }

  /** Shape of one sample; of the first input if there are several. */
  get inputShape(): Shape {
    return this.graph.leaves.find(v => v.leaf === "input")!.type.shape;
  }

  /** Shape of one sample; of the first output if there are several. */
  get outputShape(): Shape {
    return this.graph.results[0]!.type.shape;
  }

  /** Number of elements of all weights, including moving statistics. */
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

  /** Returns the layer of that name; throws a RangeError that lists them if there is none. */
  layer(name: string): ModelLayer {
    return layerNamed(this.graph, name);
  }

  /** Makes a table like Keras': layers with output shape, parameters and inputs, then the totals. */
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
   * Copies all weights in Keras' layout and order; integer ones are dequantized. `Object.values` lists them by index,
   * as Keras' get_weights does.
   */
  getWeights(): Weights {
    return kerasWeights(this.graph);
  }

  /**
   * Sets weights in Keras' layout: some or all by name, or all in the order of `getWeights`, as Keras' set_weights
   * does. Each is an array of its numbers, flat or nested, or `{ shape, data }`. Throws a RangeError, before anything
   * is changed, for a name or a shape that does not fit, and for NaN and infinity.
   */
  setWeights(weights: GivenWeights): void {
    this.#expectIdle("setWeights");
    demandFloat(this.graph, "set the weights of");
    const changed = naming("setWeights", () => givenContents(this.graph, weights));
    // new arrays: earlier copies of the graph keep theirs
    for (const [leaf, data] of changed) leaf.data = data;
  }

  // ---------------------------------------------------------------- training

  /**
   * Trains on a data set. By default one epoch of Adam 1e-3 in batches of 32, with cross-entropy for labels. Returns
   * loss and metrics of every epoch. Penalties of layers are part of the loss. The model has the weights after the last
   * epoch.
   *
   *     await model.fit(train, { epochs: 5, optimizer: "adam", metrics: ["accuracy"], validation: test, verbose: 1 });
   *
   * A second `fit` continues the first one, with the same bytes as a single `fit` of all epochs: the optimizer's
   * moments, its schedule, the order of rows and the numbers of epochs continue. Another optimizer starts with its own
   * moments and schedule; `restart: true` starts everything anew.
   *
   * `preprocessing` becomes that of the data set, or of its validation data, if one of them consists of bytes; `labels`
   * its class names. Errors: RangeError for data that do not fit, or validation data of another scaling; PenjingError
   * `diverged` if the loss becomes NaN or infinite, `busy` if the model is being trained already, `quantized` for an
   * integer network; AbortError by `signal`, after which `checkpoint` and `saveCheckpoint` have the state at that time.
   */
  async fit(dataset: Dataset, options: Omit<FitOptions, "regularizers"> = {}, ...more: []): Promise<TrainingHistory> {
    return naming("fit", async () => {
      demandFloat(this.graph, "train");
      checkDataset("dataset", dataset);
      if (Array.isArray(options) || ArrayBuffer.isView(options) || more.length)
        throw wrongType("fit", `options behind a Dataset, which holds labels or targets too: ${DATASET}`, options);
      for (const name of ["sampleWeights", "sampleWeight"])
        if (name in options) throw new TypeError(`"fit" has no option "${name}": ${WEIGHTS_OF_ROWS}`);
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
          // also after an abort: the weights are from this data set then
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
   * The state at the end of the last `fit`, also of an aborted one: weights, masks, the optimizer's moments, its
   * position in the schedule, epoch and seed, for `resume`. Undefined before the first one. It does not contain weights
   * that were set later.
   */
  get checkpoint(): Checkpoint | undefined {
    return this.#place?.checkpoint;
  }

  /** Writes `checkpoint` to a file atomically (Node): `fit(..., { resume: path })` continues from it. */
  async saveCheckpoint(path: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    knownOptions("saveCheckpoint", options, ["signal"]);
    const { checkpoint } = this;
    if (!checkpoint)
      throw new TypeError('"saveCheckpoint" expected a model that was trained by fit, got one that was not');
    await saveFile(path, writeCheckpoint(checkpoint), options.signal);
  }

  /**
   * Computes the mean loss over a data set, including penalties of layers and of the model's hooks, and the mean of
   * every metric. Throws a RangeError if the data set converts bytes in another way than `preprocessing`. An integer
   * network is run, and its outputs are scored.
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
   * Runs one step on one batch, for custom loops: samples one after another, and their class numbers (an array of
   * integers) or targets (Float32Array). Returns loss and metrics before the step. The optimizer's moments persist
   * while `optimizer`, `loss` and `metrics` are the same. Samples are real numbers, or bytes (Uint8Array), which
   * `preprocessing` converts; samples of a data set's `batch` set it. A model that is pruned by a schedule needs the
   * total number of `steps`. A `Trainer` is faster for a loop that does not read the weights in between.
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

  /** Runs an operation that changes the weights, and excludes a second one: the later end would overwrite the other. */
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

  /** Names that equal the class numbers are not stored: they are the default. */
  #learnLabels({ classNames }: Dataset): void {
    if (classNames?.length !== this.#classes) return;
    this.labels = classNames.every((name, i) => name === String(i)) ? undefined : [...classNames];
  }

  // ---------------------------------------------------------------- running

  /**
   * Computes the outputs for all rows of a data set, or for an input of `net.predict`: `outputShape` numbers per
   * sample, in a list if there are several outputs. Plans the network at its first call. RangeErrors name shapes that
   * do not fit.
   */
  async predict<R extends Reals = Float32Array>(x: Dataset | Inputs): Promise<NoInfer<R>> {
    return naming("predict", async () => {
      if (!(x instanceof Dataset)) return (await this.net()).predict<R>(x);
      expectScaling("x", x, this.preprocessing);
      return (await answers(await this.net(), "x", x)) as R;
    });
  }

  /** Runs the network with its own types in and out, as `net.run`. */
  async run<R extends Numbers = Int8Array | Float32Array>(x: Inputs): Promise<NoInfer<R>> {
    return naming("run", async () => (await this.net()).run<R>(x));
  }

  /** Measures the time of one sample, layer by layer: see `ProfileOptions`. */
  profile(options: ProfileOptions = {}): Promise<Profile> {
    return profile(this.graph, options);
  }

  /** Prints the kernel calls of one sample. */
  async program(): Promise<string> {
    return printProgram((await this.net()).machine.program("x1"));
  }

  /**
   * The network that runs, with the current weights: for synchronous `predict`. It does not follow later changes. With
   * options (`capacity`, `variant`, `warmUp`, ...) every call makes a new network, without them it is always the same
   * one.
   */
  async net(options?: NetOptions): Promise<Net> {
    return options ? Net.create(this.graph, { ...this.#extras, ...options }) : this.#net.get(this.#extras);
  }

  // ---------------------------------------------------------------- copies and files

  /** Copies the model. */
  clone(): Model {
    return new Model(this.graph.copy().graph, this.parts());
  }

  /**
   * Copies the model without masks and gates: a masked weight becomes a weight with zeros. It computes the same, to the
   * bit. Saving and quantizing do this implicitly.
   */
  bake(): Model {
    const { graph } = this.graph.copy();
    bake(graph);
    // penalties of gates end with them
    const regularizers = new Map([...this.regularizers].filter(([name]) => graph.leafOf(name)));
    const baked = new Model(graph, { ...this.parts(), hooks: [], regularizers });
    baked.report.learnFrom(this.report);
    return baked;
  }

  /** All parts of a model besides its graph, for a model made from this one. */
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
   * Writes the bytes of a `.penjing` file. Names of layers are kept unless all are automatic; `names` overrides this.
   * It holds the network that runs: zeros instead of masks, and no state of training.
   */
  toBytes(options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
    knownOptions("save", options, ["names", "name", "labels", "preprocessing", "metadata"]);
    const { name, ...kept } = this.#extras;
    const extras = { ...(name !== NAMELESS && { name }), ...kept, ...options };
    if (extras.preprocessing) checkPreprocessing(extras.preprocessing, this.graph);
    if (extras.labels) this.#checkLabels(extras.labels);
    return bytesOf(this.graph, extras);
  }

  /** One label per output; two for a single output. */
  #checkLabels(labels: readonly string[]): void {
    if (Array.isArray(labels) && labels.length !== this.#classes)
      throw new RangeError(`"labels" expected ${this.#classes} names, got ${labels.length}`);
  }

  get #classes(): number {
    return Math.max(2, size(this.outputShape));
  }

  /** Writes the file atomically (Node). Errors: `unwritable` with the path. */
  async save(path: string, options: WriteOptions & { signal?: AbortSignal } = {}): Promise<void> {
    const { signal, ...rest } = options;
    await saveFile(path, this.toBytes(rest), signal);
  }
}

/** The checkpoint is large, so it is not enumerable and histories do not print it. */
const withCheckpoint = ({ history, checkpoint }: Fitted): TrainingHistory =>
  Object.defineProperty(history, "checkpoint", { value: checkpoint }) as TrainingHistory;

const PARTS = ["name", "regularizers", "hooks", "float", "report", "labels", "preprocessing", "metadata"];

/** The default name, which is not written to files. */
const NAMELESS = "model";

const DATASET = "new Dataset({ x, shape, labels or targets })";

const WEIGHTS_OF_ROWS = "weights of rows belong to the data set, new Dataset({ x, labels, sampleWeights })";
const OWN_FIT_OPTIONS = FIT_OPTIONS.filter(name => name !== "regularizers");
const OWN_EVALUATE_OPTIONS = EVALUATE_OPTIONS.filter(name => name !== "regularizers" && name !== "hooks");

function checkDataset(what: string, data: unknown): asserts data is Dataset {
  if (!(data instanceof Dataset)) throw wrongType(what, `a Dataset: ${DATASET}`, data);
}
