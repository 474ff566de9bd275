/** Penalties that make channels small in training, so that little is lost when slimming removes them. */
import { knownOptions, naming, number, oneOf, PenjingError, wrongValue } from "../base/errors.ts";
import { insertOnEdge } from "../graph/edit.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import type { Regularizer } from "../model/regularizers.ts";
import { depthwiseConv2d } from "../ops/convolution/depthwise-conv2d.ts";
import { batchNormalization } from "../ops/normalization/batch-normalization.ts";
import { hasKernel } from "../ops/traits.ts";
import { gate as gateOp } from "../ops/weight/gate.ts";
import { type ChannelGroup, type ChannelLayerSelection, Channels, gammasOf } from "./channels.ts";
import { derived } from "./derived.ts";
import { demandPlace } from "./edges.ts";
import { checkFloatModel } from "./float-model.ts";

export interface GateOptions {
  /**
   * The factors that are penalized. "gamma": the gammas of batch normalization (network slimming). Default "gates": one
   * learned factor for each channel, 1 at first, on the weights and biases of its filters, or on gamma and beta where
   * batch normalization follows, which would undo a factor in front of it.
   */
  on?: "gamma" | "gates";
  /** The strength: l1 sum |gamma| or l1 sum |gate| is added to the loss. Default 1e-4, as in the article. */
  l1?: number;
  /**
   * The layers whose channels are penalized: names, or a function that chooses. Channels that several layers share are
   * chosen with any of these layers. Default: every layer that can have gates or gammas. Grouped convolutions, and
   * depthwise ones with a multiplier, cannot have gates.
   */
  layers?: ChannelLayerSelection;
}

/**
 * Returns a new model whose `fit` makes the channels small that are not needed (Liu et al., "Learning Efficient
 * Convolutional Networks through Network Slimming", 2017). Afterwards `slim(..., { score: "gamma" })` ranks by what is
 * left of them.
 *
 *     const gated = gate(model, { l1: 1e-3 });
 *     await gated.fit(train, { epochs: 3 });
 *     const half = (await slim(gated, { keep: { macs: 0.5 }, score: "gamma" })).bake();
 *
 * Saving, quantizing and `bake` multiply the gates into the weights. Removing channels whose gates are zero changes no
 * bit of the answers, as long as the activation of 0 is 0.
 *
 * Errors: RangeError for layers that have no channels to remove, or no batch normalization behind them; PenjingError
 * "masked" where a layer has gates already, "quantized" of a network of integers.
 */
export function gate(model: Model, options: GateOptions = {}): Model {
  return naming("gate", () => {
    checkFloatModel(model, "gate");
    knownOptions("gate", options, ["on", "l1", "layers"]);
    const on = oneOf("on", options.on ?? "gates", ["gamma", "gates"]);
    const l1 = number("l1", options.l1 ?? 1e-4, { min: 0 });
    const { graph } = model.graph.copy();
    const channels = new Channels(graph);
    const groups = channels.select(options.layers);
    const named = options.layers !== undefined;
    const penalized = on === "gamma" ? learnedGammas(channels, groups, named) : addGates(graph, groups, named);
    const regularizers = new Map<string, Regularizer>(model.regularizers);
    for (const { name } of penalized) {
      const known = regularizers.get(name) ?? { l1: 0, l2: 0 };
      regularizers.set(name, { l1: known.l1 + l1, l2: known.l2 });
    }
    return derived(model, graph, { name: "gate", options: { on, l1, ...options } }, { regularizers });
  });
}

/** `named`: a group without any is an error. */
function learnedGammas({ graph }: Channels, groups: readonly ChannelGroup[], named: boolean): Value[] {
  const found = groups.map(group => gammasOf(graph, group));
  const missing = groups.find((_, k) => !found[k]!.length);
  if (missing && (named || found.every(list => !list.length)))
    throw wrongValue("layers", "layers with batch normalization behind them", missing.layers[0]);
  return [...new Set(found.flat())];
}

/** Lays a gate on each group that can have one, and returns the gates. */
function addGates(graph: Graph, groups: readonly ChannelGroup[], named: boolean): Value[] {
  const gates: Value[] = [];
  for (const group of groups) {
    const [layer] = group.layers as [string];
    const plain = group.kernels.every(({ channels }) => channels.every((channel, i) => channel === i));
    if (!plain) {
      if (named) throw wrongValue("layers", "layers without groups or a multiplier of channels", layer);
      continue;
    }
    const edges = edgesOf(graph, group);
    if (edges.some(({ node, operand }) => node.inputs[operand]!.node?.op.weightEdge?.gives.includes("range")))
      throw new PenjingError("quantized", `layer "${layer}" is trained for quantization: add gates before`, {
        path: layer,
      });
    if (edges.some(({ node, operand }) => node.inputs[operand]!.node?.op === gateOp))
      throw new PenjingError("masked", `layer "${layer}" has gates already: bake the model first`, { path: layer });
    for (const at of edges) demandPlace(at.node.inputs[at.operand]!, gateOp, "gating", layer);
    const ones = new Float32Array(group.size).fill(1);
    const type = { shape: [group.size], dtype: "f32", batched: false } as const;
    const leaf = graph.state("weight", `${layer}/gate`, type, ones);
    for (const at of edges) insertOnEdge(graph, at.node.inputs[at.operand]!, at, gateOp, [leaf]);
    gates.push(leaf);
  }
  if (!gates.length) throw wrongValue("model", "a model with channels that can have gates", "none");
  return gates;
}

/** The operands whose numbers make the channels of a group: without them all these channels are zero. */
function edgesOf(graph: Graph, { axis, kernels }: ChannelGroup): { node: Node; operand: number }[] {
  const has = new Set(axis.places.map(({ value }) => value));
  const filters = new Set(kernels.map(({ weight }) => weight));
  return graph.nodes.flatMap(node => {
    if (node.op === batchNormalization && has.has(node.inputs[1]!)) return [1, 2].map(operand => ({ node, operand }));
    if (!hasKernel(node) || !filters.has(node.inputs[1]!)) return [];
    if (graph.onlyUser(node.outputs[0]!)?.op === batchNormalization) return [];
    // a depthwise convolution makes zeros of zeros, but for its bias
    const operands = node.op === depthwiseConv2d ? [2] : [1, 2];
    return operands.filter(operand => node.inputs[operand]).map(operand => ({ node, operand }));
  });
}
