/** Pruning at once, without training. */
import { integer, knownOptions, naming, wrongType } from "../base/errors.ts";
import { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import { fit } from "../train/fit.ts";
import type { FitOptions } from "../train/fit-options.ts";
import { sgd } from "../train/optimizers.ts";
import { expectScaling } from "../train/scaling.ts";
import { criterionOf } from "./criteria.ts";
import { derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { Gathering } from "./gathering.ts";
import { checkGranularity, isPattern } from "./granularity.ts";
import { addMasks, setMask } from "./masks.ts";
import type { PruneChoice } from "./prune.ts";
import { share } from "./schedules.ts";
import { selectionOf } from "./selection.ts";

export interface PruneOnceOptions extends PruneChoice {
  /**
   * The share of weights that becomes zero, exactly: 0 <= sparsity < 1. Default where the granularity is { n, m }:
   * 1 - n / m.
   */
  sparsity?: number;
  /** Instead: weights become zero whose score is less; each kernel keeps one at least. */
  threshold?: number;
  /**
   * The data that criteria with gradients measure them on: "taylor", "snip", "movement". The result is a promise then.
   */
  data?: Dataset;
  /** Rows of `data` for one step of gradients. Default 32. */
  batchSize?: number;
  /** The loss of the gradients. Default: as `fit` has it. */
  loss?: FitOptions["loss"];
}

const OPTIONS = [
  "sparsity",
  "threshold",
  "criterion",
  "scope",
  "granularity",
  "pooling",
  "layers",
  "seed",
  "data",
  "batchSize",
  "loss",
] as const;

/**
 * Returns a model of its own with the least weights masked, now; training it further keeps them at zero. A number is a
 * sparsity. With `data` it is a promise: gradients are measured on one pass over them, by steps that change no weight
 * and are in all else those of training (dropout and batch normalization too).
 *
 *     pruneOnce(model, 0.5)
 *     pruneOnce(model, { threshold: 0.01, layers: ["dense"] })
 *     pruneOnce(model, { sparsity: 0.9, criterion: "lamp" })
 *     await pruneOnce(lenet5(), { sparsity: 0.95, criterion: "snip", data: train.take(1024), batchSize: 128 })
 *
 * Errors: as of `prune`; TypeError where a criterion needs `data` and has none.
 */
export function pruneOnce(model: Model, options: number | (PruneOnceOptions & { data?: undefined })): Model;
export function pruneOnce(model: Model, options: PruneOnceOptions & { data: Dataset }): Promise<Model>;
export function pruneOnce(model: Model, options: PruneOnceOptions): Model | Promise<Model>;
export function pruneOnce(model: Model, options: number | PruneOnceOptions): Model | Promise<Model> {
  return naming("pruneOnce", () => {
    checkFloatModel(model, "prune");
    const settings = typeof options === "number" ? { sparsity: options } : options;
    if (settings === null || typeof settings !== "object")
      throw wrongType("pruneOnce", "a sparsity or options", options);
    knownOptions("pruneOnce", settings, OPTIONS);
    return prunedOnce(model, settings);
  });
}

function prunedOnce(model: Model, settings: PruneOnceOptions): Model | Promise<Model> {
  const { granularity, pooling, threshold, data } = settings;
  const criterion = criterionOf(settings.criterion, settings.seed);
  const sparsity = sparsityOf(settings);
  const { graph } = model.graph.copy();
  const masks = addMasks(graph, settings.layers);
  const scope = settings.scope ?? (threshold === undefined ? criterion.scope : undefined);
  const selection = selectionOf(masks, { scope, granularity, pooling, threshold });
  const gathering = new Gathering(criterion, masks);
  const pruned = (gathered?: GatheredStates): Model => {
    const scores = gathering.scores(name => gathered?.get(name) ?? (graph.leafOf(name)!.data as Float32Array));
    const chosen = selection.choose(scores, sparsity);
    masks.forEach((masked, i) => {
      setMask(graph, masked, chosen[i]!, criterion.pruned === "latent");
    });
    return derived(model, graph, { name: "pruneOnce", options: settings });
  };
  if (data === undefined) {
    if (criterion.build) throw wrongType("data", `a Dataset, for criterion "${criterion.name}"`, data);
    for (const name of ["batchSize", "loss"] as const)
      if (settings[name] !== undefined) throw wrongType(name, "nothing without data", settings[name]);
    return pruned();
  }
  if (!(data instanceof Dataset)) throw wrongType("data", "a Dataset", data);
  expectScaling("data", data, model.preprocessing);
  if (!criterion.build) return Promise.resolve(pruned());
  return measured(graph, gathering, data, settings).then(pruned);
}

function sparsityOf({ sparsity, threshold, criterion, granularity = "element" }: PruneOnceOptions): number {
  checkGranularity(granularity);
  if (criterion === "threshold" && threshold === undefined)
    throw wrongType("threshold", 'a number, with criterion "threshold"', threshold);
  const most = isPattern(granularity) ? 1 - granularity.n / granularity.m : undefined;
  if (sparsity === undefined && threshold === undefined && most !== undefined) return most;
  if ((sparsity === undefined) === (threshold === undefined))
    throw new TypeError(
      `"pruneOnce" expected either a sparsity or a threshold, got ${sparsity === undefined ? "neither" : "both"}`,
    );
  if (sparsity === undefined) return 0;
  share("sparsity", sparsity);
  if (most !== undefined && sparsity > most + 1e-6)
    throw new RangeError(`"sparsity" expected at most ${most}, which { n, m } allows, got ${sparsity}`);
  return sparsity;
}

type GatheredStates = ReadonlyMap<string, Float32Array>;

/** Gathers what the criterion asks for in one pass over the data, with a learning rate of 0, on a copy. */
async function measured(
  graph: Graph,
  gathering: Gathering,
  data: Dataset,
  { batchSize = 32, loss }: PruneOnceOptions,
): Promise<GatheredStates> {
  integer("batchSize", batchSize, 1);
  const twin = graph.copy().graph;
  const hook = { build: gathering.build.bind(gathering) };
  const options = { batchSize, shuffle: false, optimizer: sgd(0), hooks: [hook], ...(loss !== undefined && { loss }) };
  const { checkpoint } = await fit(twin, data, options);
  const own = [...checkpoint.states].filter(([name]) => !graph.leafOf(name));
  return new Map(own.map(([name, values]) => [name, values as Float32Array]));
}
