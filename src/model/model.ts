/**
 * A network with its weights: what `sequential` and `model` build, what training changes, what is saved and loaded. All it knows is in its
 * graph: layers are the nodes of one name, weights the states they read. So a loaded or a pruned model is a model like any other.
 */
import { BUDGET_OPTIONS, type BudgetOptions } from "../base/budget.ts";
import { knownOptions, PenjingError, wrongType } from "../base/errors.ts";
import { compatibleShapes, type Shape, showShape, size, type TypedArray } from "../base/shape.ts";
import type { Source } from "../base/source.ts";
import { type Extras, read, readFrom, saveFile, type WriteOptions, write } from "../container/index.ts";
import { Dataset, preprocessingBehind } from "../data/dataset.ts";
import { rescale } from "../data/scaling.ts";
import { type Graph, isLearned, type Node, type Value } from "../graph/graph.ts";
import { bake } from "../passes/bake.ts";
import { checkPreprocessing, isBytes } from "../run/inputs.ts";
import { type Inputs, Net, type NetOptions, type Reals } from "../run/net.ts";
import { ruleOf, USUAL } from "../run/pixels.ts";
import type { StepHook } from "../train/callbacks.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import { type EvaluateOptions, evaluate } from "../train/evaluate.ts";
import { fit as train } from "../train/fit.ts";
import { FIT_OPTIONS, type FitOptions } from "../train/fit-options.ts";
import type { History } from "../train/history.ts";
import { expectScaling, learned, scalingOf } from "../train/scaling.ts";
import type { Scores } from "../train/trainer.ts";
import { type GivenWeights, givenContents } from "./given-weights.ts";
import type { Regularizer } from "./regularizers.ts";
import { type StepOptions, Steps } from "./steps.ts";
import { layersOf, summaryOf } from "./summary.ts";
import { kerasShape, toKeras, weightsOf } from "./weights.ts";

/** One weight in Keras' layout: kernels `[kh][kw][in][out]`, dense `[in][out]`, depthwise `[kh][kw][in][multiplier]`. */
export interface Weight {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Weights by name, in the order of the layers: `{ "conv2d/kernel": { shape, data }, ... }`. */
export type Weights = Record<string, Weight>;

export interface ModelParts extends Extras {
  /** Penalties by the name of the weight: they are part of the loss of `fit` and `evaluate`. */
  regularizers?: ReadonlyMap<string, Regularizer>;
  /** What takes part in every `fit` of this model, before the hooks of its options: pruning. */
  hooks?: readonly StepHook[];
}

/** One layer of a model. */
export interface ModelLayer {
  readonly name: string;
  /** What it is made of, in order: the names of its ops. */
  readonly ops: readonly string[];
  /** Of one image. */
  readonly outputShape: Shape;
  /** Numbers in its weights, moving statistics among them. */
  readonly parameters: number;
  /** Of those, how many an optimizer may change. */
  readonly trainableParameters: number;
  /** May an optimizer change its weights? False freezes them; a frozen batch normalization also keeps its statistics. */
  trainable: boolean;
  /** Names of its weights. */
  readonly weights: readonly string[];
  /** The layers, or inputs, it reads. */
  readonly connectedTo: readonly string[];
}

/** What training measured, and from where it can go on: `fit(..., { resume: checkpoint })`. */
export type TrainingHistory = History & { readonly checkpoint: Checkpoint };

/** Made by `sequential`, `model`, `lenet5` and `loadModel`. `clone`, `bake` and pruning give models of their own; `fit`, `trainStep` and `setWeights` change this one. */
export class Model {
  readonly name: string;
  /** What it computes. The states hold the weights as they are now. */
  readonly graph: Graph;
  readonly regularizers: ReadonlyMap<string, Regularizer>;
  /** What takes part in every `fit`. */
  readonly hooks: readonly StepHook[];
  readonly metadata: Extras["metadata"];
  #labels: Extras["labels"];
  #preprocessing: Extras["preprocessing"];
  #net: Promise<Net> | undefined;
  #steps: Steps | undefined;
  /** What changes the weights at the moment. */
  #training: string | undefined;
  /** The contents each state of the network that runs was last given. */
  readonly #written = new Map<string, TypedArray>();

  /** A model over a graph with one output; the graph is the model's from then on. */
  constructor(graph: Graph, parts: ModelParts = {}) {
    knownOptions("Model", parts, ["name", "regularizers", "hooks", "labels", "preprocessing", "metadata"]);
    this.graph = graph;
    this.name = parts.name ?? NAMELESS;
    this.regularizers = parts.regularizers ?? new Map();
    this.hooks = parts.hooks ?? [];
    this.#labels = parts.labels;
    this.#preprocessing = parts.preprocessing;
    this.metadata = parts.metadata;
  }

  /** Names of the classes, saved with it: those of the data set it was last trained on by `fit`, where that has names, or those it is given. */
  get labels(): readonly string[] | undefined {
    return this.#labels;
  }

  set labels(labels: readonly string[] | undefined) {
    if (labels !== undefined) this.#checkLabels(labels);
    this.#labels = labels;
    this.#net = undefined;
  }

  /**
   * How bytes and pictures become inputs, saved with it; undefined: byte / 255. It is that of the bytes the model was last trained on, and can be
   * set where the weights come from elsewhere.
   */
  get preprocessing(): Extras["preprocessing"] {
    return this.#preprocessing;
  }

  set preprocessing(preprocessing: Extras["preprocessing"]) {
    if (preprocessing !== undefined) checkPreprocessing(preprocessing, this.graph);
    this.#preprocessing = preprocessing;
    this.#net = undefined;
  }

  /** Of one image; of the first input where there are several. */
  get inputShape(): Shape {
    return this.graph.leaves.find(v => v.leaf === "input")!.type.shape;
  }

  /** Of one image; of the first output where there are several. */
  get outputShape(): Shape {
    return this.graph.results[0]!.type.shape;
  }

  /** Numbers in all weights, moving statistics among them. */
  get parameters(): number {
    return weightsOf(this.graph).reduce((sum, v) => sum + size(v.type.shape), 0);
  }

  // ---------------------------------------------------------------- layers

  /** All layers in order. */
  get layers(): ModelLayer[] {
    return layersOf(this.graph).map(({ name, nodes }) => this.#layer(name, nodes));
  }

  /** The layer of that name, or a RangeError that lists them. */
  layer(name: string): ModelLayer {
    const layers = layersOf(this.graph);
    const found = layers.find(l => l.name === name);
    if (!found) {
      const names = layers.map(l => l.name).join(", ");
      throw new RangeError(`"layer" expected one of ${names}, got ${JSON.stringify(name)}`);
    }
    return this.#layer(found.name, found.nodes);
  }

  #layer(name: string, nodes: readonly Node[]): ModelLayer {
    const { graph } = this;
    const own = new Set(nodes.flatMap(n => n.inputs));
    const weights = weightsOf(graph).filter(v => own.has(v) || v.name.startsWith(`${name}/`));
    const count = (some: readonly Value[]) => some.reduce((sum, v) => sum + size(v.type.shape), 0);
    const output = nodes.at(-1)!.outputs[0]!;
    const inputs = nodes.flatMap(n => n.inputs).filter(v => v.leaf === "input" || (v.node && !nodes.includes(v.node)));
    return {
      name,
      ops: nodes.map(n => n.op.name),
      outputShape: output.type.shape,
      parameters: count(weights),
      get trainableParameters() {
        return count(weights.filter(v => !v.frozen));
      },
      weights: weights.map(v => v.name),
      connectedTo: [...new Set(inputs.map(v => v.node?.name ?? v.name))],
      get trainable() {
        const parameters = weights.filter(v => isLearned(v.role));
        return parameters.length === 0 || parameters.some(v => !v.frozen);
      },
      set trainable(trainable: boolean) {
        if (typeof trainable !== "boolean") throw wrongType("trainable", "a boolean", trainable);
        for (const v of weights) if (isLearned(v.role)) v.frozen = !trainable;
      },
    };
  }

  /** A table like Keras': layers with output shape, parameters and what they read, then the totals. */
  summary(): string {
    return summaryOf(this);
  }

  // ---------------------------------------------------------------- weights

  /** Copies of all weights, in Keras' layout and order. `Object.values` gives them by index, as Keras' get_weights does. */
  getWeights(): Weights {
    const weights: Weights = {};
    for (const leaf of weightsOf(this.graph))
      weights[leaf.name] = { shape: kerasShape(this.graph, leaf), data: toKeras(this.graph, leaf) };
    return weights;
  }

  /**
   * Sets weights from Keras' layout: some or all by name, or all in the order of `getWeights`, as Keras' set_weights does. Each is an array of its
   * numbers, flat or nested, or `{ shape, data }`.
   * A RangeError, before anything is changed, for a name or a shape that does not fit; NaN and infinity are refused too.
   */
  setWeights(weights: GivenWeights): void {
    this.#expectIdle("setWeights");
    const changed = givenContents(this.graph, weights);
    // new arrays: copies of the graph made before keep theirs
    for (const [leaf, data] of changed) leaf.data = data;
  }

  // ---------------------------------------------------------------- training

  /**
   * Trains on a data set; the model's weights are as they were after the last epoch. By default one epoch of Adam 1e-3 in batches of 32, with
   * cross-entropy for labels. Gives loss and metrics of every epoch. Penalties of layers are part of the loss.
   * `preprocessing` becomes that of the data set, or of its validation, where one of them is made of bytes; `labels` its class names.
   * Errors: RangeError for data that do not fit, or a validation that is not scaled as the data; PenjingError `diverged` where the loss becomes
   * NaN or infinite, `busy` where the model is being trained already; AbortError by `signal`.
   */
  async fit(dataset: Dataset, options: Omit<FitOptions, "regularizers"> = {}): Promise<TrainingHistory> {
    checkDataset("dataset", dataset);
    knownOptions("fit", options, FIT_OPTIONS);
    const { validation } = options;
    if (validation !== undefined) checkDataset("validation", validation);
    const scaling = scalingOf(dataset, validation);
    return this.#alone("fit", async () => {
      const before = statesOf(this.graph).map(leaf => leaf.data);
      try {
        const hooks = [...this.hooks, ...(options.hooks ?? [])];
        const { history, checkpoint } = await train(this.graph, dataset, { ...options, hooks, ...this.#penalties() });
        return Object.assign(history, { checkpoint });
      } finally {
        // also after an abort: the weights are those of this data set then
        if (statesOf(this.graph).some((leaf, i) => leaf.data !== before[i])) {
          this.#learnScaling(scaling);
          this.#learnLabels(dataset);
        }
      }
    });
  }

  /**
   * The mean loss over a data set, penalties of layers included, and the mean of every metric. A RangeError where the data set makes other
   * numbers of bytes than `preprocessing` says.
   */
  async evaluate(dataset: Dataset, options: Omit<EvaluateOptions, "regularizers"> = {}): Promise<Scores> {
    checkDataset("dataset", dataset);
    expectScaling("dataset", dataset, this.preprocessing);
    return evaluate(this.graph, dataset, { ...options, ...this.#penalties() });
  }

  /**
   * One step on one batch, for loops of one's own: images one after another, and their class numbers (an array of integers) or targets
   * (Float32Array). Gives loss and metrics before it. The optimizer's moments live on while `optimizer`, `loss` and `metrics` are the same.
   * Images are real numbers, or bytes (Uint8Array), which `preprocessing` makes real; from those of a data set's `batch` it learns that.
   * A model that is pruned by a schedule needs to know how many `steps` there will be. A loop that need not look at the weights in between
   * is faster over a `Trainer`.
   */
  async trainStep(x: ArrayLike<number>, y: ArrayLike<number>, options: StepOptions = {}): Promise<Scores> {
    return this.#alone("trainStep", async () => {
      if (!this.#steps?.serves(options))
        this.#steps = new Steps(this.graph, options, { hooks: this.hooks, ...this.#penalties() });
      const scaling = typeof x === "object" && x ? preprocessingBehind(x) : undefined;
      const scores = await this.#steps.train(isBytes(x) ? this.#reals(x) : x, y, scaling);
      this.#learnScaling(scaling);
      return scores;
    });
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

  #reals(bytes: Uint8Array | Uint8ClampedArray): Float32Array {
    const rule = ruleOf(this.preprocessing ?? USUAL, this.inputShape.at(-1) ?? 1);
    const reals = new Float32Array(bytes.length);
    rescale(bytes, 0, reals, rule);
    return reals;
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
   * The outputs for all rows of a data set, or for what `net.predict` takes: `outputShape` numbers for each image, in a list where there are
   * several outputs. Plans the network at its first call. RangeErrors name shapes that do not fit.
   */
  async predict<R extends Reals = Float32Array>(x: Dataset | Inputs): Promise<NoInfer<R>> {
    const net = await this.net();
    if (!(x instanceof Dataset)) return net.predict<R>(x);
    expectScaling("x", x, this.preprocessing);
    if (!compatibleShapes(x.shape, this.inputShape))
      throw new RangeError(`"x" expected images of ${showShape(this.inputShape)}, got ${showShape(x.shape)}`);
    const widths = net.outputs.map(({ shape }) => size(shape));
    const results = widths.map(width => new Float32Array(x.length * width));
    let row = 0;
    for (const batch of x.batch(PREDICT)) {
      const into = results.map((y, i) => y.subarray(row * widths[i]!, (row + batch.length) * widths[i]!));
      net.predict<Reals>(batch.x, { into: into.length === 1 ? into[0]! : into });
      row += batch.length;
    }
    return (results.length === 1 ? results[0] : results) as R;
  }

  /**
   * The network that runs, with the weights as they are now: for `predict` without waiting. It does not follow later changes by itself.
   * With options (`capacity`, `variant`, `warmUp`, ...) a network of its own at every call, without them the same one.
   */
  async net(options?: NetOptions): Promise<Net> {
    const { name, preprocessing, labels, metadata } = this;
    const carried = {
      name,
      ...(preprocessing && { preprocessing }),
      ...(labels && { labels }),
      ...(metadata && { metadata }),
    };
    if (options) return Net.create(this.graph, { ...carried, ...options });
    if (!this.#net) {
      for (const leaf of statesOf(this.graph)) this.#written.set(leaf.name, leaf.data!);
      const made = Net.create(this.graph, carried);
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
   * A model of its own without the ops on its weights' edges: a masked weight becomes a weight with zeros. It computes the same, to the bit;
   * only baked models can be saved and quantized.
   */
  bake(): Model {
    const { graph } = this.graph.copy();
    bake(graph);
    return new Model(graph, { ...this.parts(), hooks: [] });
  }

  /** All a model is beside its graph, for a model made from this one. */
  parts(): ModelParts {
    const { name, regularizers, labels, preprocessing, metadata } = this;
    return {
      name,
      regularizers: new Map(regularizers),
      hooks: this.hooks.map(hook => hook.clone?.() ?? hook),
      ...(labels && { labels }),
      ...(preprocessing && { preprocessing }),
      ...(metadata && { metadata }),
    };
  }

  /**
   * The bytes of a `.penjing` file. Names of layers are kept where a reader would not give the same ones to the weights, or where some
   * were chosen; `names` decides it otherwise. Regularizers are of training and not kept.
   */
  toBytes(options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
    knownOptions("save", options, ["names", "name", "labels", "preprocessing", "metadata"]);
    const { name, labels, preprocessing, metadata } = this;
    const extras = {
      ...(name !== NAMELESS && { name }),
      ...(labels && { labels }),
      ...(preprocessing && { preprocessing }),
      ...(metadata && { metadata }),
      ...options,
    };
    if (extras.preprocessing) checkPreprocessing(extras.preprocessing, this.graph);
    if (extras.labels) this.#checkLabels(extras.labels);
    return write(this.graph, { ...extras, names: options.names ?? !this.#namesFollow() });
  }

  /** One for each output; two where a single output tells one from the other. */
  #checkLabels(labels: readonly string[]): void {
    if (Array.isArray(labels) && labels.length !== this.#classes)
      throw new RangeError(`"labels" expected ${this.#classes} names, got ${labels.length}`);
  }

  get #classes(): number {
    const outputs = size(this.outputShape);
    return outputs === 1 ? 2 : outputs;
  }

  /** Would a reader name every state as here, and did nobody choose a layer's name? */
  #namesFollow(): boolean {
    if (!layersOf(this.graph).every(({ name }) => AUTOMATIC.test(name))) return false;
    const given = statesOf(read(write(this.graph, { names: false })).graph);
    return statesOf(this.graph).every((leaf, i) => leaf.name === given[i]?.name);
  }

  /** Writes the file whole or not at all (Node). Errors: `unwritable` with the path. */
  async save(path: string, options: WriteOptions & { signal?: AbortSignal } = {}): Promise<void> {
    const { signal, ...rest } = options;
    await saveFile(path, this.toBytes(rest), signal);
  }
}

const statesOf = (graph: Graph): Value[] => graph.leaves.filter(v => v.leaf === "state" && v.data);

/** The name of a model that was given none: it is not written to files. */
const NAMELESS = "model";

function checkDataset(what: string, data: unknown): asserts data is Dataset {
  if (!(data instanceof Dataset)) throw wrongType(what, "a Dataset: new Dataset({ images, shape, labels })", data);
}

/** Images of a data set that are made ready at a time. */
const PREDICT = 256;

/** Names that layers get by themselves. */
const AUTOMATIC = /^[a-z][A-Za-z0-9]*(_\d+)?$/;

export interface LoadModelOptions extends BudgetOptions {
  /** Stops the download. */
  signal?: AbortSignal;
}

/**
 * A model from a file: a path, URL, File, Blob or bytes. A float model can be trained on; a quantized one runs.
 * Errors: PenjingError with `code`, `path` and `offset` for what is wrong with the file; `budget` where its tensors and layers take more memory
 * than `maxBytes`, or an image more work than `maxMacs`.
 */
export async function loadModel(source: Source, options: LoadModelOptions = {}): Promise<Model> {
  knownOptions("loadModel", options, ["signal", ...BUDGET_OPTIONS]);
  const { graph, name, labels, preprocessing, metadata } = await readFrom(source, options);
  return new Model(graph, {
    ...(name && { name }),
    ...(labels && { labels }),
    ...(preprocessing && { preprocessing }),
    ...(metadata && { metadata }),
  });
}
