/**
 * Quantization of trained models to int8, in TensorFlow Lite's scheme (docs/quantization.md): static, with calibration
 * data, and dynamic.
 */
import { knownOptions, naming, oneOf, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph, Node } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import { hasKernel } from "../ops/traits.ts";
import { quantizeDynamic as dynamicForm } from "../passes/quantize/dynamic.ts";
import { observed, quantizeStatic as staticForm } from "../passes/quantize/static.ts";
import { expectScaling } from "../train/scaling.ts";
import { type CalibrateOptions, calibrate } from "./calibrate.ts";
import { sharedScales } from "./cluster-scales.ts";
import { type DerivingStep, derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { runningForm } from "./running-form.ts";

/** Names of layers that stay float, or a function that tells them. */
export type Exclusion = readonly string[] | ((layer: { name: string; op: string }) => boolean);

export interface QuantizeStaticOptions extends CalibrateOptions {
  /**
   * Samples like those the network will see, a few hundred, with or without labels: every activation gets the range it
   * has over them.
   */
  calibration: Dataset;
  /**
   * "i8": samples enter and results leave as int8, by `net.run`. Default "f32": they are quantized and dequantized
   * inside.
   */
  inputType?: "f32" | "i8";
  /** Default: none. */
  exclude?: Exclusion;
}

/**
 * Weights and activations in int8, integer kernels throughout. Masks are baked and batch normalization is folded first.
 * Errors: RangeError for data that do not fit; PenjingError "calibration" where an activation has no finite range,
 * "quantized" for a network of integers, "quantize" or "refused" for a layer whose sums fit into 32 bits at no scale.
 */
export async function quantizeStatic(model: Model, options: QuantizeStaticOptions): Promise<Model> {
  return naming("quantizeStatic", () => inIntegers(model, options));
}

async function inIntegers(model: Model, options: QuantizeStaticOptions): Promise<Model> {
  checkFloatModel(model, "quantize");
  const known = ["calibration", "inputType", "exclude", "batchSize", "signal", "onProgress"];
  knownOptions("quantizeStatic", options, known);
  const { calibration, inputType = "f32", exclude, ...how } = options ?? {};
  if (!(calibration instanceof Dataset))
    throw wrongType("calibration", "a Dataset, with labels or without", calibration);
  expectScaling("calibration", calibration, model.preprocessing);
  const int8Borders = oneOf("inputType", inputType, ["f32", "i8"]) === "i8";
  const graph = runningForm(model.graph);
  const shared = sharedScales(model.graph);
  const includes = inclusion(graph, exclude);
  const ranges = await calibrate(graph, calibration, observed(graph, { includes, int8Borders }), how);
  const integers = staticForm(graph, { includes, int8Borders, range: v => ranges.get(v), shared });
  return integerModel(integers, model, { name: "quantizeStatic", options }, graph);
}

export interface QuantizeDynamicOptions {
  /** Default: none. TensorFlow Lite leaves weights of less than 1024 elements in float; here all become int8. */
  exclude?: Exclusion;
}

/**
 * Weights in int8, activations in float: each sample is quantized by the range it has when it reaches a layer, and
 * integer kernels run there. Needs no data.
 */
export async function quantizeDynamic(model: Model, options: QuantizeDynamicOptions = {}): Promise<Model> {
  return naming("quantizeDynamic", async () => {
    checkFloatModel(model, "quantize");
    knownOptions("quantizeDynamic", options, ["exclude"]);
    const graph = runningForm(model.graph);
    const integers = dynamicForm(graph, inclusion(graph, options.exclude), sharedScales(model.graph));
    return integerModel(integers, model, { name: "quantizeDynamic", options }, graph);
  });
}

/** With the name, labels, preprocessing and metadata of `from`, and nothing of training. `float`: its running form. */
const integerModel = (graph: Graph, from: Model, step: DerivingStep, float: Graph): Model =>
  derived(from, graph, step, { regularizers: new Map(), hooks: [], float });

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
