/** Pruning while a model is trained, by any criterion. */
import { knownOptions, naming, wrongType } from "../base/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { Model } from "../model/model.ts";
import type { StepHook } from "../train/callbacks.ts";
import { type Criterion, type CriterionName, criterionOf, type ScoreFunction } from "./criteria.ts";
import { type DerivingStep, derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { checkGranularity, type Granularity, isPattern, type Pooling } from "./granularity.ts";
import { addMasks, type LayerSelection, type MaskedWeight } from "./masks.ts";
import { Pruning } from "./pruning.ts";
import {
  checkedSpan,
  checkSchedule,
  constantSparsity,
  oneShot,
  type SparsityFunction,
  type SparsitySchedule,
  type Steps,
} from "./schedules.ts";
import { type Scope, selectionOf } from "./selection.ts";
import { graphSparsity, type Sparsity } from "./sparsity.ts";

/** The options that `prune` and `pruneOnce` have in common: they choose the weights that go. */
export interface PruneChoice {
  /**
   * The score of weights; those with the least scores are pruned. Default "magnitude".
   *
   * - "magnitude": |w|.
   * - "threshold": |w|, compared with `threshold`.
   * - "taylor": the mean of |w dL/dw| over the steps since the last update (Molchanov et al. 2019).
   * - "snip": |mean of w dL/dw| (Lee et al. 2019), for a network that is not trained yet. Its scope is "global".
   * - "movement": minus the sum of w dL/dw (Sanh et al. 2020), for a trained network that is tuned further. Pruned
   *   weights keep their values under the mask and can come back; `bake` makes zeros of them.
   * - "lamp": w^2 by the sum of the squares that are not smaller (Lee et al. 2021). Its scope is "global".
   * - "random": random numbers, from `seed`.
   * - a function, which returns the scores of a weight, or a `Criterion`, which can gather what training steps give.
   */
  criterion?: CriterionName | ScoreFunction | Criterion;
  /**
   * Which weights compete: those of one kernel ("layer", the default), of all ("global"), or of the layers in each
   * list. A kernel keeps one of its units in any case.
   */
  scope?: Scope;
  /** Which weights are pruned together. Default "element": none. */
  granularity?: Granularity;
  /** The reduction of the scores of weights to those of rows, columns, filters and blocks. Default "mean". */
  pooling?: Pooling;
  /**
   * Which layers: names, or a function that chooses. Default: every layer with a kernel, depthwise and transposed
   * convolutions among them; never biases and normalization. With "filter" it is wise to leave the last layer out.
   */
  layers?: LayerSelection;
  /** For criterion "random". Default 0. */
  seed?: number;
}

export interface PruneOptions extends PruneChoice {
  /**
   * When and how much: `constantSparsity`, `polynomialDecay`, `automatedGradualPruning`, `oneShot`, or a function of
   * the step, counted from 1. Default: constantSparsity of 0.5, or of 1 - n / m where the granularity is { n, m }; for
   * "snip", oneShot before step 2, after the gradient of one batch.
   */
  schedule?: SparsitySchedule | SparsityFunction;
  /** Instead of a schedule: weights are pruned whose score is less, at every update. Each kernel keeps one at least. */
  threshold?: number;
  /** With a threshold, the step at which updates begin. Default 0. */
  beginStep?: Steps;
  /** With a threshold, the step of the last update. Default -1: there are updates to the end of the training. */
  endStep?: Steps;
  /** With a threshold, steps from update to update. Default 100. */
  frequency?: Steps;
}

const CHOICE = ["criterion", "scope", "granularity", "pooling", "layers", "seed"] as const;
const SPAN = ["beginStep", "endStep", "frequency"] as const;

/**
 * Returns a model of its own with masks on the kernels of `model`; its `fit` prunes by the schedule. `bake()` makes
 * zeros of what the masks cover. Applied again, it can prune other layers in another way.
 *
 *     const pruned = prune(model, {
 *       schedule: automatedGradualPruning({ finalSparsity: 0.95, frequency: "2%" }),
 *       criterion: "taylor",
 *       scope: "global",
 *     });
 *     await pruned.fit(train, { epochs: 4 });
 *
 * Sparsity is exact, ties are broken by index (the first weight stays), and a schedule's last update always happens.
 * `earlyStopping` puts masks back with the weights of its best epoch: with `startFromEpoch` it looks only at epochs
 * after the last update.
 *
 * Errors: TypeError or RangeError for a wrong option, where `layers` names none that can be pruned, or where units do
 * not fit a kernel; PenjingError "masked" where a layer has a mask already; from `fit`, a RangeError where the schedule
 * would never prune.
 */
export function prune(model: Model, options: PruneOptions = {}): Model {
  return naming("prune", () => {
    checkFloatModel(model, "prune");
    if (options === null || typeof options !== "object")
      throw wrongType("prune", "options: schedule, criterion, scope, granularity, layers", options);
    knownOptions("prune", options, ["schedule", "threshold", ...SPAN, ...CHOICE]);
    const criterion = criterionOf(options.criterion, options.seed);
    const schedule = scheduleOf(options);
    const { graph } = model.graph.copy();
    const masks = addMasks(graph, options.layers);
    const scope = options.scope ?? (options.threshold === undefined ? criterion.scope : undefined);
    const { granularity, pooling, threshold } = options;
    const select = (weights: readonly MaskedWeight[]) =>
      selectionOf(weights, { scope, granularity, pooling, threshold });
    return withHook(model, graph, { name: "prune", options }, new Pruning(masks, schedule, criterion, select));
  });
}

function scheduleOf(options: PruneOptions): SparsitySchedule | SparsityFunction {
  const { granularity = "element", schedule, threshold } = options;
  checkGranularity(granularity);
  if (threshold !== undefined || options.criterion === "threshold") {
    if (threshold === undefined) throw wrongType("threshold", 'a number, with criterion "threshold"', threshold);
    if (schedule !== undefined)
      throw new TypeError(
        '"schedule" expected nothing beside a threshold, which says how much: use beginStep, endStep and frequency',
      );
    const { beginStep = 0, endStep = -1, frequency = 100 } = options;
    const span = checkedSpan({ beginStep, endStep, frequency }, -1);
    return {
      name: "threshold",
      config: { threshold, beginStep, endStep, frequency },
      during(steps) {
        const updates = span(steps);
        return step => ({ prune: updates.at(step), sparsity: 0 });
      },
    };
  }
  for (const name of SPAN)
    if (options[name] !== undefined)
      throw wrongType(name, "nothing without a threshold: it belongs to the schedule", options[name]);
  if (schedule === undefined) {
    const targetSparsity = isPattern(granularity) ? 1 - granularity.n / granularity.m : 0.5;
    return options.criterion === "snip" ? oneShot({ targetSparsity, step: 2 }) : constantSparsity({ targetSparsity });
  }
  checkSchedule(schedule);
  return schedule;
}

/** Returns a model of `graph` that is in all else like `model`, and trains with one hook more. */
export function withHook(model: Model, graph: Graph, step: DerivingStep, hook: StepHook): Model {
  return derived(model, graph, step, { hooks: [...(model.parts().hooks ?? []), hook] });
}

/** `model.bake()` under the name tfmot has for it. */
export function stripPruning(model: Model): Model {
  checkModel(model);
  return model.bake();
}

/**
 * Counts the zeros of a model's kernels, layer by layer and in all: before pruning, while masks are on, and after
 * `bake()`.
 */
export function sparsity(model: Model): Sparsity {
  checkModel(model);
  return graphSparsity(model.graph);
}

function checkModel(model: unknown): void {
  if (!(model instanceof Model)) throw wrongType("model", "a Model", model);
}
