/** Scores the importance of channels, for slimming to rank them by. */
import { oneOf, wrongType, wrongValue } from "../base/errors.ts";
import { size } from "../base/shape.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { ACTIVATION } from "../ops/index.ts";
import { gate } from "../ops/weight/gate.ts";
import { bake } from "../passes/bake.ts";
import { resultOf } from "../run/contents.ts";
import { lossFor, targetFor } from "../train/defaults.ts";
import { Feed } from "../train/feed.ts";
import { turn } from "../train/pace.ts";
import { signatureOf, Trainer } from "../train/trainer.ts";
import { type ChannelGroup, Channels, type Filters, gammasOf } from "./channels.ts";
import { observe } from "./observe.ts";
import { runningForm } from "./running-form.ts";

/** The channels of one group, as a score function gets them. */
export interface ScoredChannels {
  /** The first layer whose channels they are. */
  readonly layer: string;
  /** All layers whose channels they are. */
  readonly layers: readonly string[];
  /** For each channel the weights of its filters in all these layers, one after another, without biases. */
  readonly weights: readonly Float32Array[];
}

/** Returns one number >= 0 for each channel; the channel with the smallest is removed first. */
export type ScoreFunction = (channels: ScoredChannels) => ArrayLike<number>;

const NAMES = ["l1", "l2", "gamma", "taylor", "apoz"] as const;
export type ScoreName = (typeof NAMES)[number];

export function checkScore(score: unknown, data: unknown): asserts score is ScoreName | ScoreFunction {
  if (typeof score !== "function") oneOf("score", score, NAMES);
  const needed = score === "taylor" || score === "apoz";
  if (needed && !(data instanceof Dataset))
    throw wrongType("data", `a Dataset, which the score ${score} looks at`, data);
  if (!needed && data !== undefined) throw wrongValue("data", 'none but for the scores "taylor" and "apoz"', data);
}

/** Scores the channels of the chosen groups; all are finite and >= 0. */
export async function scoresOf(
  channels: Channels,
  chosen: readonly ChannelGroup[],
  score: ScoreName | ScoreFunction,
  data: Dataset | undefined,
  signal?: AbortSignal,
): Promise<Map<ChannelGroup, Float64Array>> {
  const scored = score === "gamma" ? gammas(channels, chosen) : await byName(channels, chosen, score, data!, signal);
  chosen.forEach((group, k) => {
    const numbers = scored[k]!;
    if (numbers.length !== group.size)
      throw wrongValue("score", `${group.size} numbers for "${group.layers[0]}"`, numbers);
    for (const each of numbers)
      if (!(Number.isFinite(each) && each >= 0))
        throw wrongValue("score", `finite numbers >= 0 for the channels of "${group.layers[0]}"`, each);
  });
  return new Map(chosen.map((group, k) => [group, scored[k]!]));
}

/** Scores on a copy in which weights have the numbers that count: masks and gates are baked. */
async function byName(
  channels: Channels,
  chosen: readonly ChannelGroup[],
  score: Exclude<ScoreName, "gamma"> | ScoreFunction,
  data: Dataset,
  signal: AbortSignal | undefined,
): Promise<Float64Array[]> {
  const graph = score === "taylor" ? runningForm(channels.graph) : channels.graph.copy().graph;
  bake(graph);
  const baked = new Channels(graph);
  // the same groups in the same order: their layers are
  const groups = chosen.map(group => baked.groups[channels.groups.indexOf(group)]!);
  if (score === "taylor") return taylor(graph, groups, data, signal);
  if (score === "apoz") return activity(baked, groups, data, signal);
  if (typeof score === "function") return groups.map(group => byFunction(group, score));
  return groups.map(group => norms(group, score));
}

/** Adds up numbers of each channel over filters: `of` the numbers of a weight, and its element. */
function addUp(filters: readonly Filters[], count: number, of: (weight: Value, element: number) => number) {
  const sums = new Float64Array(count);
  for (const { weight, channels } of filters) {
    const each = size(weight.type.shape) / channels.length;
    channels.forEach((channel, position) => {
      if (channel < 0) return;
      for (let i = position * each; i < (position + 1) * each; i++) sums[channel]! += of(weight, i);
    });
  }
  return sums;
}

/** Norms of the weights of each channel's filters (Li et al., "Pruning Filters for Efficient ConvNets", 2017). */
function norms({ kernels, size: count }: ChannelGroup, norm: "l1" | "l2"): Float64Array {
  if (norm === "l1") return addUp(kernels, count, (weight, i) => Math.abs(weight.data![i]!));
  return addUp(kernels, count, (weight, i) => weight.data![i]! ** 2).map(Math.sqrt);
}

function byFunction({ layers, kernels, size: count }: ChannelGroup, score: ScoreFunction): Float64Array {
  const weights = Array.from({ length: count }, (): number[] => []);
  for (const { weight, channels } of kernels) {
    const each = size(weight.type.shape) / channels.length;
    channels.forEach((channel, position) => {
      if (channel >= 0) weights[channel]!.push(...weight.data!.subarray(position * each, (position + 1) * each));
    });
  }
  const numbers = score({ layer: layers[0]!, layers, weights: weights.map(list => Float32Array.from(list)) });
  if (typeof numbers !== "object" || typeof numbers?.length !== "number")
    throw wrongType("score", "a function that returns an array of numbers", numbers);
  return Float64Array.from(numbers);
}

/**
 * |gamma| of batch normalization, or |gate| where the model has gates, added up over the layers of a group (Liu et al.,
 * "Learning Efficient Convolutional Networks through Network Slimming", 2017).
 */
function gammas(channels: Channels, chosen: readonly ChannelGroup[]): Float64Array[] {
  const { graph, axes } = channels;
  const gates = new Set(graph.nodes.filter(node => node.op === gate).map(node => node.inputs[1]!));
  return chosen.map(group => {
    const own = new Set(group.axis.places.map(({ value }) => value));
    const lists = [[...gates].filter(value => own.has(value)), gammasOf(graph, group)];
    const found = lists.find(list => list.length);
    if (!found) {
      const expected = `another one than gamma, or batch normalization or gates behind "${group.layers[0]}"`;
      throw wrongValue("score", expected, "gamma");
    }
    const filters = found.map(weight => ({
      weight,
      channels: axes.indexAlong({ value: weight, axis: 0 }, group.axis),
    }));
    return addUp(filters, group.size, (weight, i) => Math.abs(weight.data![i]!));
  });
}

/**
 * The first-order Taylor expansion of the loss (Molchanov et al., "Pruning Convolutional Neural Networks for Resource
 * Efficient Inference", 2017, and "Importance Estimation for Neural Network Pruning", 2019): |sum of w dL/dw| over the
 * weights and biases of each channel's filters, which is |sum of activation * gradient| over its pixels, as the mean
 * over the images. Batch normalization runs with its moving statistics, folded into the filters where it can be.
 */
async function taylor(
  graph: Graph,
  groups: readonly ChannelGroup[],
  data: Dataset,
  signal: AbortSignal | undefined,
): Promise<Float64Array[]> {
  if (!data.length) throw wrongValue("data", "at least one row", "none");
  const own = new Set(groups.flatMap(({ kernels, biases }) => [...kernels, ...biases].map(({ weight }) => weight)));
  // what is frozen has no gradient, and batch normalization that is frozen keeps its statistics
  for (const leaf of graph.leaves) if (leaf.leaf === "state") leaf.frozen = !own.has(leaf);
  const { input, output, classes } = signatureOf(graph);
  const loss = lossFor(graph, data);
  const feed = new Feed(data, input, targetFor(loss, output, data), classes);
  const { images, weighted } = feed;
  const trainer = await Trainer.create(graph, {
    loss,
    target: targetFor(loss, output, data),
    gradients: { images, weighted, sizes: [1] },
  });
  const rows = trainer.rows("gradients");
  const program = trainer.machine.program("gradients 1");
  const gradients = new Map<Value, Float32Array>();
  const names = new Set(trainer.parameters);
  trainer.parameters.forEach((name, i) => {
    const { data: numbers } = resultOf(trainer.machine, program.results[i]!, "f32");
    gradients.set(graph.leafOf(name)!, numbers as Float32Array);
  });
  const totals = groups.map(group => new Float64Array(group.size));
  let rested = performance.now();
  for (let row = 0; row < feed.length; row++) {
    feed.write(rows, 0, 0, row);
    trainer.run("gradients", 1);
    groups.forEach(({ kernels, biases, size: count }, k) => {
      const filters = [...kernels, ...biases].filter(({ weight }) => names.has(weight.name));
      const sums = addUp(filters, count, (weight, i) => weight.data![i]! * gradients.get(weight)![i]!);
      sums.forEach((sum, channel) => {
        totals[k]![channel]! += Math.abs(sum);
      });
    });
    if (performance.now() - rested < 50) continue;
    await turn();
    signal?.throwIfAborted();
    rested = performance.now();
  }
  return totals.map(sums => sums.map(sum => sum / feed.length));
}

/**
 * 1 - APoZ, the average percentage of zeros of each channel behind its activation (Hu et al., "Network Trimming: A
 * Data-Driven Neuron Pruning Approach towards Efficient Deep Architectures", 2016): the share of numbers that are not
 * zero, over images, pixels and layers of the group.
 */
async function activity(
  { graph, axes }: Channels,
  groups: readonly ChannelGroup[],
  data: Dataset,
  signal: AbortSignal | undefined,
): Promise<Float64Array[]> {
  const activations = new Set(Object.values(ACTIVATION).map(({ op }) => op.name as string));
  const watched = groups.map(({ axis, layers }) => {
    const made = axis.places.filter(({ value }) => value.node && activations.has(value.node.op.name));
    const found = new Map(made.map(place => [place.value, place.axis]));
    if (!found.size) throw wrongValue("score", `another one than apoz, or an activation behind "${layers[0]}"`, "apoz");
    return found;
  });
  const values = [...new Set(watched.flatMap(found => [...found.keys()]))];
  const shares = values.map(value => new Float64Array(size(value.type.shape)));
  const look = (k: number, numbers: Float32Array, row: number, images: number): void => {
    const counts = shares[k]!;
    for (let image = 0; image < images; image++)
      for (let i = 0; i < counts.length; i++) if (numbers[image * row + i] !== 0) counts[i]!++;
  };
  await observe(graph, "data", data, values, look, { ...(signal && { signal }) });
  return groups.map(({ axis, size: count }, g) => {
    const [nonzero, all] = [new Float64Array(count), new Float64Array(count)];
    for (const [value, at] of watched[g]!) {
      const along = axes.indexAlong({ value, axis: at }, axis);
      const inner = size(value.type.shape.slice(at + 1));
      shares[values.indexOf(value)]!.forEach((counted, i) => {
        const channel = along[Math.floor(i / inner) % along.length]!;
        if (channel < 0) return;
        nonzero[channel]! += counted;
        all[channel]! += data.length;
      });
    }
    return nonzero.map((counted, i) => counted / all[i]!);
  });
}
