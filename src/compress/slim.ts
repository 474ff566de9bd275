/** Slimming: removes channels and neurons from the network itself, so that it is smaller and faster. */
import { checkSignal, integer, knownOptions, naming, wrongType } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Model } from "../model/model.ts";
import { expectScaling } from "../train/scaling.ts";
import { budgetOf, type Keep, ranked, sizesByBudget, sizesByLayer } from "./channel-budget.ts";
import { type ChannelLayerSelection, Channels } from "./channels.ts";
import { derived, resizedParts } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { checkScore, type ScoreFunction, type ScoreName, scoresOf } from "./scores.ts";

export interface SlimOptions {
  /**
   * The channels that are kept:
   * - 0.5: this share of the channels of each group, rounded half up;
   * - { conv2d: 4, dense: 60 }: this many channels or neurons of these layers, and all of the others. Layers that share
   *   channels, such as both ways of a residual addition, keep as many;
   * - { macs: 0.5 } or { parameters: 0.5 }: the network keeps at most this share of its multiply-accumulates or of its
   *   parameters, and as much of it as whole channels allow.
   */
  keep: Keep;
  /**
   * The importance of a channel. Those of the highest scores stay; among equals the first. Default:
   * "taylor" with `data`, else "l1": after fine-tuning, half of LeNet-5 answered 99.06 % instead of 98.87 %.
   * - "l1", "l2": the norm of all weights of a channel's filters (Li et al. 2017);
   * - "gamma": |gamma| of batch normalization, or |gate|, which training with `gate` makes small (network slimming, Liu
   *   et al. 2017);
   * - "taylor": |sum of activation * gradient|, the mean over `data` (Molchanov et al. 2017 and 2019);
   * - "apoz": the share of activations that are not zero over `data` (Hu et al. 2016);
   * - a function of the channels of one group, which returns a number >= 0 for each.
   */
  score?: ScoreName | ScoreFunction;
  /** Samples for "taylor" (with labels or targets) and "apoz"; a few hundred are enough. */
  data?: Dataset;
  /** The sizes of groups become multiples of this, such as 8 for SIMD; smaller groups stay as they are. Default 1. */
  multipleOf?: number;
  /**
   * The layers that may lose channels: names, or a function that chooses. Channels that several layers share are chosen
   * with any of these layers. Default: every convolution and dense layer.
   */
  layers?: ChannelLayerSelection;
  signal?: AbortSignal;
}

/**
 * Returns a new model with fewer channels of convolutions and neurons of dense layers, at least one of each group. The
 * inputs and outputs of the network stay as they are. Channels that belong together are removed together: those on both
 * ways of a residual addition, those of a depthwise convolution and of its input, the parts of a concatenation, the
 * columns of a dense layer behind a flatten, and batch normalization. The rest keeps its order. Train the model some
 * epochs further afterwards.
 *
 *     const half = await slim(model, { keep: { macs: 0.5 }, score: "taylor", data: train.take(512) });
 *     await half.fit(train, { epochs: 2 });
 *
 * A budget ranks the channels of all groups: one after another, the channel is removed that does the least damage for
 * what it saves. The damage to a group is the sum of its scores, divided by the sum of those that are left. Removing
 * channels whose weights and biases are all zero changes no answer, as long as the activation of 0 is 0.
 *
 * Masks and gates become smaller with their weights, and the schedules of pruning that change them go on; so do
 * regularizers. Names, labels and preprocessing stay; moments of optimizers do not, the next `fit` starts its own.
 *
 * Errors: RangeError for layers that have no channels to remove, for scores that are not finite or negative, and for a
 * budget that cannot be met; PenjingError "quantized" of a network of integers, "refused" for a layer whose channels
 * are unknown.
 */
export async function slim(model: Model, options: SlimOptions): Promise<Model> {
  return naming("slim", async () => {
    checkFloatModel(model, "slim");
    if (options === null || typeof options !== "object")
      throw wrongType("slim", "options: keep, score, data, multipleOf, layers", options);
    knownOptions("slim", options, ["keep", "score", "data", "multipleOf", "layers", "signal"]);
    const { keep, data, score = data ? "taylor" : "l1", layers, signal } = options;
    const multipleOf = integer("multipleOf", options.multipleOf ?? 1, 1);
    checkScore(score, data);
    if (data) expectScaling("data", data, model.preprocessing);
    checkSignal(signal);
    const channels = new Channels(model.graph);
    const chosen = channels.select(layers);
    const budget = budgetOf(keep);
    // told before data are looked at
    const byLayer = budget ? undefined : sizesByLayer(channels, chosen, keep, multipleOf);
    const scores = await scoresOf(channels, chosen, score, data, signal);
    const sizes = byLayer ?? sizesByBudget(channels, chosen, scores, budget!, multipleOf);
    const kept = [...sizes].map(([group, count]) => {
      const best = ranked(scores.get(group)!).slice(0, count);
      return [group.axis, best.sort((a, b) => a - b)] as const;
    });
    const graph = channels.axes.selectAll(kept);
    return derived(model, graph, { name: "slim", options }, resizedParts(model, graph));
  });
}
