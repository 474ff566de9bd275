/** Quantization of trained models to int8, in TensorFlow Lite's scheme (docs/quantization.md): static, with calibration data, and dynamic. */
import { knownOptions, oneOf, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import type { Extras, WriteOptions } from "../container/index.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph, Node } from "../graph/graph.ts";
import { printGraph } from "../graph/print.ts";
import { Model } from "../model/model.ts";
import { dropout } from "../ops/normalization/dropout.ts";
import { hasKernel } from "../ops/traits.ts";
import { bake } from "../passes/bake.ts";
import { foldBatchNormalization } from "../passes/fold-batch-normalization.ts";
import { quantizeDynamic as dynamicForm } from "../passes/quantize/dynamic.ts";
import { observed, quantizeStatic as staticForm } from "../passes/quantize/static.ts";
import { printProgram } from "../plan/print.ts";
import type { Net, NetOptions } from "../run/net.ts";
import { expectScaling } from "../train/scaling.ts";
import { type ScoreOptions, score } from "../train/score.ts";
import type { Scores } from "../train/trainer.ts";
import { type CalibrateOptions, calibrate } from "./calibrate.ts";
import { checkFloatModel } from "./float-model.ts";

/** Names of layers that stay float, or a function that tells them. */
export type Exclusion = readonly string[] | ((layer: { name: string; op: string }) => boolean);

export interface QuantizeStaticOptions extends CalibrateOptions {
  /** Images like those the network will see, a few hundred: every activation gets the range it has over them. */
  calibration: Dataset;
  /** "i8": images enter and results leave as int8, by `net.run`. Default "f32": they are quantized and dequantized inside. */
  inputType?: "f32" | "i8";
  /** Default: none. */
  exclude?: Exclusion;
}

/**
 * Weights and activations in int8, integer kernels throughout. Masks are baked and batch normalization is folded first.
 * Errors: RangeError for data that do not fit; PenjingError "calibration" where an activation has no finite range, "quantized" for a network of
 * integers, "quantize" or "refused" for a layer whose sums fit into 32 bits at no scale.
 */
export async function quantizeStatic(model: Model, options: QuantizeStaticOptions): Promise<QuantizedModel> {
  checkFloatModel(model, "quantize");
  const known = ["calibration", "inputType", "exclude", "batchSize", "signal", "onProgress"];
  knownOptions("quantizeStatic", options, known);
  const { calibration, inputType = "f32", exclude, ...how } = options ?? {};
  if (!(calibration instanceof Dataset)) throw wrongType("calibration", "a Dataset", calibration);
  expectScaling("calibration", calibration, model.preprocessing);
  const int8Borders = oneOf("inputType", inputType, ["f32", "i8"]) === "i8";
  const graph = runningForm(model.graph);
  const includes = inclusion(graph, exclude);
  const ranges = await calibrate(graph, calibration, observed(graph, { includes, int8Borders }), how);
  const integers = staticForm(graph, { includes, int8Borders, range: v => ranges.get(v) });
  return new QuantizedModel(integers, model, graph);
}

export interface QuantizeDynamicOptions {
  /** Default: none. TensorFlow Lite leaves weights of less than 1024 elements in float; here all become int8. */
  exclude?: Exclusion;
}

/**
 * Weights in int8, activations in float: each image is quantized by the range it has when it reaches a layer, and integer kernels run there.
 * Needs no data.
 */
export async function quantizeDynamic(model: Model, options: QuantizeDynamicOptions = {}): Promise<QuantizedModel> {
  checkFloatModel(model, "quantize");
  knownOptions("quantizeDynamic", options, ["exclude"]);
  const graph = runningForm(model.graph);
  return new QuantizedModel(dynamicForm(graph, inclusion(graph, options.exclude)), model, graph);
}

/** A copy without what only training needs: masks baked, normalization folded, no dropout. */
function runningForm(model: Graph): Graph {
  const { graph } = model.copy();
  bake(graph);
  foldBatchNormalization(graph);
  graph.rewrite([node => (node.op === dropout ? node.inputs : undefined)]);
  return graph;
}

function inclusion(graph: Graph, exclude: Exclusion = []): (node: Node) => boolean {
  const names = [...new Set(graph.nodes.map(n => n.name))];
  let excluded: (node: Node) => boolean;
  if (typeof exclude === "function") excluded = node => exclude({ name: node.name, op: node.op.name });
  else {
    if (!Array.isArray(exclude)) throw wrongType("exclude", "names of layers or a function", exclude);
    for (const name of exclude)
      if (!names.includes(name)) throw wrongValue("exclude", `layers among ${names.join(", ")}`, name);
    excluded = node => exclude.includes(node.name);
  }
  if (!graph.nodes.some(node => hasKernel(node) && !excluded(node)))
    throw new PenjingError("quantize", "no convolution or dense layer is left to quantize");
  return node => !excluded(node);
}

/** A network of integers: it predicts, is evaluated, saved and printed like the model it was made of, but not trained. */
export class QuantizedModel {
  readonly graph: Graph;
  /** The float network it was made of, baked and folded: for comparison. */
  readonly float: Graph;
  /** Numbers in all weights of the model it was made of. */
  readonly parameters: number;
  readonly name: string;
  readonly labels: readonly string[] | undefined;
  readonly preprocessing: Extras["preprocessing"];
  readonly metadata: Extras["metadata"];
  /** Runs and writes a graph of any types. */
  readonly #model: Model;

  /** `from`: the model whose name, labels, preprocessing and metadata it keeps. */
  constructor(graph: Graph, from: Model, float: Graph) {
    this.graph = graph;
    this.float = float;
    this.parameters = from.parameters;
    this.#model = new Model(graph, { ...from.parts(), regularizers: new Map(), hooks: [] });
    const { name, labels, preprocessing, metadata } = this.#model;
    this.name = name;
    this.labels = labels;
    this.preprocessing = preprocessing;
    this.metadata = metadata;
  }

  /** Of one image. */
  get inputShape(): Shape {
    return this.#model.inputShape;
  }

  /** Of one image. */
  get outputShape(): Shape {
    return this.#model.outputShape;
  }

  /** As Model's: real numbers in and out. */
  predict(x: Dataset | ArrayLike<number>): Promise<Float32Array> {
    return this.#model.predict(x);
  }

  /** The mean loss over a data set, without penalties of layers, and the mean of every metric. */
  async evaluate(data: Dataset, options: ScoreOptions = {}): Promise<Scores> {
    return score(await this.predict(data), data, this.graph, options);
  }

  /** The network that runs: `predict` without waiting, and `run` on its own types. Options are those of Model's. */
  net(options?: NetOptions): Promise<Net> {
    return this.#model.net(options);
  }

  /** The kernel calls of one image, as text. */
  async program(): Promise<string> {
    return printProgram((await this.net()).machine.program("x1"));
  }

  /** The bytes of a `.penjing` file. */
  toBytes(options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
    return this.#model.toBytes(options);
  }

  /** Writes the file whole or not at all (Node). */
  save(path: string, options: WriteOptions & { signal?: AbortSignal } = {}): Promise<void> {
    return this.#model.save(path, options);
  }

  /** Its graph, one line a node. */
  toString(): string {
    return printGraph(this.graph);
  }
}
