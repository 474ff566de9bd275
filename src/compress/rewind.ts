/** Lottery tickets: earlier weights under the masks of now. */
import { naming, wrongValue } from "../base/errors.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { type GivenWeights, givenContents } from "../model/given-weights.ts";
import type { Model } from "../model/model.ts";
import { weightsOf } from "../model/weights.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import { derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { masksOf, setMask } from "./masks.ts";
import { Pruning } from "./pruning.ts";
import { Regrowth } from "./regrowth.ts";

/**
 * Returns a model of its own with the masks of `model` and earlier weights: those of its initialization, or of a few
 * steps later. It trains with these masks as they are; its schedules are gone. `weights` are those of `getWeights`, all
 * or some by name, or those of a checkpoint; biases and statistics of normalization are among them. J. Frankle and
 * M. Carbin, "The lottery ticket hypothesis" (2019); J. Frankle et al., "Stabilizing the lottery ticket hypothesis"
 * (2019) for later steps.
 *
 *     const early = model.getWeights();
 *     await model.fit(train, { epochs: 5 });
 *     const ticket = rewind(pruneOnce(model, 0.8), early);
 *     await ticket.fit(train, { epochs: 5 });
 *
 * Errors: TypeError or RangeError where the weights are not those of this network, or the model has no masks.
 */
export function rewind(model: Model, weights: GivenWeights | Checkpoint): Model {
  return naming("rewind", () => {
    checkFloatModel(model, "prune");
    const masks = masksOf(model.graph);
    if (!masks.length)
      throw new TypeError('"model" expected a Model with masks, as pruneOnce and fit after prune give it, got none');
    const { graph } = model.graph.copy();
    const earlier = isCheckpoint(weights) ? checkpointContents(graph, weights) : givenContents(graph, weights);
    for (const [leaf, data] of earlier) leaf.data = data;
    for (const masked of masks) setMask(graph, masked, graph.leafOf(masked.mask)!.data as Float32Array);
    const { hooks = [] } = model.parts();
    const others = hooks.filter(hook => !(hook instanceof Pruning || hook instanceof Regrowth));
    const options = isCheckpoint(weights) ? { step: weights.step } : undefined;
    return derived(model, graph, { name: "rewind", options }, { hooks: others });
  });
}

const isCheckpoint = (weights: GivenWeights | Checkpoint): weights is Checkpoint =>
  weights !== null && typeof weights === "object" && "states" in weights && weights.states instanceof Map;

/** The contents of all weights, from the states of a checkpoint, which have the stored order. */
function checkpointContents(graph: Graph, { states }: Checkpoint): [Value, Float32Array][] {
  return weightsOf(graph).map(leaf => {
    const data = states.get(leaf.name);
    const count = leaf.data!.length;
    if (data?.length !== count)
      throw wrongValue("weights", `a checkpoint with ${count} numbers for "${leaf.name}"`, `${data?.length ?? "none"}`);
    return [leaf, Float32Array.from(data)];
  });
}
