/** Weight clustering: the weights of a layer share a few values, which training moves. */
import { integer, knownOptions, naming, number, oneOf, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import type { Shape } from "../base/shape.ts";
import { insertOnEdge } from "../graph/edit.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { type Build, type Layer, layer } from "../model/layer.ts";
import { Model } from "../model/model.ts";
import { traitsOf } from "../ops/traits.ts";
import { codebook, sparseCodebook } from "../ops/weight/codebook.ts";
import { mask } from "../ops/weight/mask.ts";
import { bakedNumbers } from "../passes/bake.ts";
import { CENTROID_INITS, type CentroidInit, centroids, countWithin } from "./cluster-centroids.ts";
import { derived } from "./derived.ts";
import { chainBehind, demandPlace, stateBehind } from "./edges.ts";
import { checkFloatModel } from "./float-model.ts";
import { type LayerSelection, maskOf } from "./masks.ts";

/** The places of a byte: more values make files no smaller. */
const MOST = 256;

export interface ClusterWeightsOptions {
  /**
   * The number of values that the weights of a layer share, counting a pinned 0: an integer in 2..256 for all layers,
   * or by the names of layers, which are the only ones clustered then. Default 16.
   */
  clusters?: number | Readonly<Record<string, number>>;
  /**
   * Instead: each layer gets the least number of values, 2..256, whose squared errors are at most this share of the
   * layer's squared weights, such as 0.01.
   */
  errorBudget?: number;
  /**
   * The first values. "optimal", the default, has the least squared error (dynamic programming); "kmeans++", "density"
   * and "linear" are tfmot's, with the same numbers; "random" lies between the least and the greatest weight.
   */
  init?: CentroidInit;
  /** Each output channel of a convolution has values of its own; a dense layer never. Default false. */
  perChannel?: boolean;
  /**
   * 0 is one of the values, and what is zero once it is clustered stays so. Layers with masks have that anyway.
   * Default false.
   */
  preserveSparsity?: boolean;
  /** The gradient of a value: the sum of those of its weights, or their mean. Default "sum". */
  gradients?: "sum" | "mean";
  /**
   * Which layers: names, or a function that chooses. Default: every layer with a kernel but depthwise convolutions,
   * which lose too much; never biases and normalization.
   */
  layers?: LayerSelection;
  /** For "kmeans++" and "random". Default 9, tfmot's. */
  seed?: number;
}

const OPTIONS = [
  "clusters",
  "errorBudget",
  "init",
  "perChannel",
  "preserveSparsity",
  "gradients",
  "layers",
  "seed",
] as const satisfies readonly (keyof ClusterWeightsOptions)[];

/** Checked options. */
interface Clustering {
  clusters: number | Readonly<Record<string, number>>;
  errorBudget: number | undefined;
  init: CentroidInit;
  perChannel: boolean;
  preserveSparsity: boolean;
  mean: boolean;
  seed: number;
}

/**
 * Returns a model of its own in which the weights of a layer have a few values only: each the nearest of its layer's
 * codebook (S. Han et al., "Deep Compression", 2016). `fit` moves the values, and weights from one to another. Such
 * kernels cost a few bits a weight in a file: it can be saved at once, or trained first. Keras:
 * tfmot.clustering.keras.cluster_weights (0.8.1).
 *
 *     const clustered = clusterWeights(model, { clusters: 16 });
 *     await clustered.fit(train, { epochs: 1, optimizer: adam(1e-4) });
 *
 * Which value is nearest is found anew in every step. The gradient of a weight goes to its value, and to the weight
 * behind it as if there were no codebook; penalties and weight decay act on the latter, decay on the values too. Of a
 * pruned layer what is zero stays so.
 *
 * Given a layer, it returns a layer that is clustered in every model it becomes part of, from its initial weights.
 *
 * Errors: TypeError or RangeError for a wrong option, or where `layers` names none that can be clustered; PenjingError
 * "masked" where a layer is clustered already, "quantized" of a network of integers.
 */
export function clusterWeights(model: Model, options?: ClusterWeightsOptions): Model;
export function clusterWeights(layer: Layer, options?: Omit<ClusterWeightsOptions, "layers">): Layer;
export function clusterWeights(given: Model | Layer, options: ClusterWeightsOptions = {}): Model | Layer {
  return naming("clusterWeights", () => {
    const isLayer = typeof given === "function" && "build" in given;
    if (!isLayer) checkFloatModel(given, "cluster", "a Model or a layer");
    if (options === null || typeof options !== "object")
      throw wrongType("clusterWeights", "options: clusters, init, perChannel, layers", options);
    knownOptions("clusterWeights", options, isLayer ? OPTIONS.filter(name => name !== "layers") : OPTIONS);
    const how = checked(options);
    if (isLayer) return clusteredLayer(given, how);
    const { graph } = given.graph.copy();
    for (const [kernel, name] of chosenKernels(graph, options)) {
      demandPlace(kernel, sparseCodebook, "clustering", name);
      if (chainBehind(kernel).some(op => op === codebook || op === sparseCodebook))
        throw new PenjingError("masked", `layer "${name}" is clustered already: bake the model first`, { path: name });
      share(graph, kernel, name, how);
    }
    return derived(given, graph, { name: "clusterWeights", options });
  });
}

/** `model.bake()` under the name tfmot has for it: the values of the codebooks become the weights. */
export function stripClustering(model: Model): Model {
  if (!(model instanceof Model)) throw wrongType("model", "a Model", model);
  return model.bake();
}

function checked(options: ClusterWeightsOptions): Clustering {
  const { clusters = 16, errorBudget, perChannel = false, preserveSparsity = false, layers } = options;
  const count = (what: string, value: unknown) => integer(what, value, 2, MOST);
  if (clusters !== null && typeof clusters === "object") {
    for (const [name, value] of Object.entries(clusters)) count(`clusters.${name}`, value);
    if (layers !== undefined) throw wrongType("layers", "nothing beside clusters by layer", layers);
  } else count("clusters", clusters);
  const init = oneOf("init", options.init ?? "optimal", CENTROID_INITS);
  if (errorBudget !== undefined) {
    number("errorBudget", errorBudget, { above: 0, below: 1 });
    if (options.clusters !== undefined)
      throw wrongType("clusters", "nothing beside an errorBudget, which says how many", options.clusters);
    if (init !== "optimal") throw wrongValue("init", '"optimal" beside an errorBudget', init);
  }
  for (const [name, value] of Object.entries({ perChannel, preserveSparsity }))
    if (typeof value !== "boolean") throw wrongType(name, "a boolean", value);
  const mean = oneOf("gradients", options.gradients ?? "sum", ["sum", "mean"]) === "mean";
  const seed = integer("seed", options.seed ?? 9, 0, Number.MAX_SAFE_INTEGER);
  return { clusters, errorBudget, init, perChannel, preserveSparsity, mean, seed };
}

/** The ends of the edges of kernels, each with the first layer that reads it. */
function chosenKernels(graph: Graph, { layers, clusters }: ClusterWeightsOptions): Map<Value, string> {
  const able = graph.nodes.filter(node => traitsOf(node).kernel !== undefined);
  const names = [...new Set(able.map(node => node.name))];
  let chosen: Node[];
  const named = clusters !== null && typeof clusters === "object" ? Object.keys(clusters) : layers;
  if (named === undefined) chosen = able.filter(node => traitsOf(node).kernel !== "multiplierLast");
  else if (typeof named === "function")
    chosen = able.filter(n => named({ name: n.name, op: n.op.name, shape: n.inputs[1]!.type.shape }));
  else {
    if (!Array.isArray(named)) throw wrongType("layers", "names of layers or a function", named);
    for (const name of named)
      if (!names.includes(name)) throw wrongValue("layers", `layers that can be clustered (${names.join(", ")})`, name);
    chosen = able.filter(node => named.includes(node.name));
  }
  if (!chosen.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ") || "none"}`, "none");
  const kernels = new Map<Value, string>();
  for (const { name, inputs } of chosen) {
    const kernel = inputs[1]!;
    const { leaf, type } = stateBehind(kernel);
    if (leaf !== "state" || type.dtype !== "f32")
      throw new PenjingError("masked", `layer "${name}" has no float kernel to cluster`, { path: name });
    if (!kernels.has(kernel)) kernels.set(kernel, name);
  }
  return kernels;
}

/** Lays a codebook on the edge of a kernel, behind what lies there. */
function share(graph: Graph, kernel: Value, name: string, how: Clustering): void {
  const made = codebookOf(graph, kernel, name, how);
  const { op, values, mean } = made;
  const end = insertOnEdge(graph, kernel, "all users", op, [values], { mean });
  if (!made.zeros) return;
  const masked = maskOf(graph, stateBehind(kernel), name);
  const bits = graph.leafOf(masked.mask)!;
  bits.data = made.zeros;
  insertOnEdge(graph, kernel, { node: end.node!, operand: 0 }, mask, [bits]);
}

interface Codebook {
  op: typeof codebook;
  /** The state of its values. */
  values: Value;
  mean: boolean;
  /** A mask of what is zero, where zeros are to be preserved and no mask does it. */
  zeros: Float32Array | undefined;
}

function codebookOf(graph: Graph, kernel: Value, name: string, how: Clustering): Codebook {
  const weights = bakedNumbers(kernel);
  if (!weights.every(Number.isFinite))
    throw new PenjingError("masked", `layer "${name}" has weights that are not finite`, { path: name });
  const state = stateBehind(kernel);
  const masked = chainBehind(kernel).some(({ weightEdge }) => weightEdge!.gives.includes("zeros"));
  const zero = masked || how.preserveSparsity;
  const { shape } = kernel.type;
  const rows = rowsOf(weights, shape, how.perChannel);
  const count = clustersOf(rows, name, zero, how) - Number(zero);
  const tables = (rows.length > 1 ? rows : [outputsLast(weights, shape[0]!)]).map(row =>
    centroids(row, count, { init: how.init, zero, seed: how.seed }),
  );
  const data = Float32Array.from(tables.flatMap(table => [...table]));
  const type = { shape: how.perChannel && rows.length > 1 ? [rows.length, count] : [count], dtype: "f32" } as const;
  const values = graph.state("weight", `${state.name}/centroids`, { ...type, batched: false }, data);
  if (state.frozen) values.frozen = true;
  const zeros = how.preserveSparsity && !masked ? besideZero(rows, tables) : undefined;
  return { op: zero ? sparseCodebook : codebook, values, mean: how.mean, zeros };
}

/** The weights that share a codebook: those of a channel of a convolution, or all. */
function rowsOf(weights: Float32Array, shape: Shape, perChannel: boolean): Float32Array[] {
  if (!perChannel || shape.length < 3) return [weights];
  const length = weights.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, row) => weights.subarray(row * length, (row + 1) * length));
}

/** Weights [outputs][...] in Keras' order, [...][outputs], in which tfmot draws. */
function outputsLast(weights: Float32Array, outputs: number): Float32Array {
  const length = weights.length / outputs;
  return weights.map((_, i) => weights[(i % outputs) * length + Math.floor(i / outputs)]!);
}

function clustersOf(
  rows: readonly Float32Array[],
  name: string,
  zero: boolean,
  { clusters, errorBudget }: Clustering,
): number {
  if (errorBudget !== undefined) return countWithin(rows, errorBudget, { zero, least: 2, most: MOST });
  return typeof clusters === "number" ? clusters : clusters[name]!;
}

/** Zeros where 0 is the nearest value, else ones. */
function besideZero(rows: readonly Float32Array[], tables: readonly Float32Array[]): Float32Array {
  const bits = rows.flatMap((row, r) =>
    Array.from(row, w => Number(tables[r]!.some(c => Math.abs(Math.fround(w - c)) < Math.abs(w)))),
  );
  return Float32Array.from(bits);
}

/** The last value of the chain of ops on a weight's edge. */
function endOf(graph: Graph, edge: Value): Value {
  const next = graph.users(edge).find(node => node.op.weightEdge && node.inputs[0] === edge);
  return next ? endOf(graph, next.outputs[0]!) : edge;
}

/** The layer with a codebook on each of its kernels; used twice in a model, it has one. */
function clusteredLayer(of: Layer, how: Clustering): Layer {
  const { kind, prunable } = of;
  if (!prunable.length) throw wrongValue("layer", "a layer with a kernel to cluster, such as conv2d or dense", kind);
  if (typeof how.clusters === "object") throw wrongType("clusters", "an integer, of a single layer", how.clusters);
  const build: Build = (inputs, to) => {
    const clustered = (kernel: Value): Value => {
      const known = endOf(to.graph, kernel);
      if (known !== kernel) return known;
      const { op, values, mean, zeros } = codebookOf(to.graph, kernel, to.name, how);
      let edge = kernel;
      if (zeros) {
        const bits = to.graph.leafOf(maskOf(to.graph, kernel, to.name).mask)!;
        bits.data = zeros;
        edge = to.graph.one(mask, [kernel, bits]);
      }
      return to.graph.one(op, [edge, values], { mean });
    };
    return of.build(inputs, {
      ...to,
      parameter(name, shape, options) {
        const leaf = to.parameter(name, shape, options);
        return prunable.includes(name) ? clustered(leaf) : leaf;
      },
    });
  };
  return layer(kind, of.options, Object.keys(of.options), () => build, { prunable });
}
