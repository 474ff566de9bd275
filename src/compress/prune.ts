/** Pruning of models: while they are trained, by a schedule, or at once. */
import { knownOptions, naming, number, wrongType, wrongValue } from "../base/errors.ts";
import type { Value } from "../graph/graph.ts";
import { type Build, type Layer, layer } from "../model/layer.ts";
import { Model } from "../model/model.ts";
import { mask } from "../ops/weight/mask.ts";
import { checkFloatModel } from "./float-model.ts";
import { addMasks, type LayerSelection, magnitudeMask, maskOf, thresholdMask } from "./masks.ts";
import { Pruning } from "./pruning.ts";
import { checkSchedule, constantSparsity, type SparsityFunction, type SparsitySchedule, share } from "./schedules.ts";
import { graphSparsity, type Sparsity } from "./sparsity.ts";

export interface PruneOptions {
  /**
   * When and how much. Default: constantSparsity({ targetSparsity: 0.5 }), tfmot's. A function gets the step, counted
   * from 1.
   */
  schedule?: Schedule;
  /**
   * Which layers: names, or a function that chooses. Default: every convolution and dense layer; their kernels, never
   * biases or depthwise kernels.
   */
  layers?: LayerSelection;
}

/**
 * A model of its own with masks on the kernels of `model`; its `fit` prunes by the schedule. `bake()` makes zeros of
 * what the masks cover. Applied again, it can prune other layers by another schedule. Keras:
 * tfmot.sparsity.keras.prune_low_magnitude.
 *
 * Of a layer it makes a layer that is pruned in every model it becomes part of:
 *
 *     sequential([conv2d({ ... }), flatten(), pruneLowMagnitude(dense({ units: 10 }), { schedule })])
 *
 * `earlyStopping` puts masks back with the weights of its best epoch: with `startFromEpoch` it looks only at epochs
 * after the last update. Blocks of weights and N:M patterns are refused: single weights only.
 *
 * Errors: RangeError where `layers` names none that can be pruned, PenjingError "masked" where one has a mask already;
 * from `fit`, a RangeError where the schedule would never prune.
 */
export function pruneLowMagnitude(model: Model, options?: PruneOptions): Model;
export function pruneLowMagnitude(layer: Layer, options?: Omit<PruneOptions, "layers">): Layer;
export function pruneLowMagnitude(given: Model | Layer, options: PruneOptions = {}): Model | Layer {
  return naming("pruneLowMagnitude", () => {
    const isLayer = typeof given === "function" && "build" in given;
    if (!isLayer) checkFloatModel(given, "prune", "a Model or a layer");
    if (options === null || typeof options !== "object")
      throw wrongType("pruneLowMagnitude", "options: schedule, layers", options);
    for (const refused of ["blockSize", "blockPoolingType", "sparsityMByN"])
      if (refused in options)
        throw new TypeError(`"pruneLowMagnitude" prunes single weights: "${refused}" is not supported`);
    knownOptions("pruneLowMagnitude", options, isLayer ? ["schedule"] : ["schedule", "layers"]);
    const { schedule = constantSparsity({ targetSparsity: 0.5 }), layers } = options;
    checkSchedule(schedule);
    return isLayer ? prunedLayer(given, schedule) : prunedModel(given, schedule, layers);
  });
}

type Schedule = SparsitySchedule | SparsityFunction;

function prunedModel(model: Model, schedule: Schedule, layers: LayerSelection | undefined): Model {
  const { graph } = model.graph.copy();
  const pruning = new Pruning(addMasks(graph, layers), schedule);
  const parts = model.parts();
  return new Model(graph, { ...parts, hooks: [...(parts.hooks ?? []), pruning] });
}

/** The layer with a mask on each kernel that is pruned; used twice in a model, it has one. */
function prunedLayer(of: Layer, schedule: Schedule): Layer {
  const { kind, prunable } = of;
  if (!prunable.length) throw wrongValue("layer", "a layer with a kernel to prune, such as conv2d or dense", kind);
  const build: Build = (inputs, to) => {
    const masked = (kernel: Value): Value => {
      const known = to.graph.users(kernel).find(n => n.op === mask);
      if (known) return known.outputs[0]!;
      const ones = maskOf(to.graph, kernel);
      to.hook(new Pruning([{ weight: kernel.name, mask: ones.name }], schedule));
      return to.graph.one(mask, [kernel, ones]);
    };
    return of.build(inputs, {
      ...to,
      parameter(name, shape, options) {
        const leaf = to.parameter(name, shape, options);
        return prunable.includes(name) ? masked(leaf) : leaf;
      },
    });
  };
  return layer(kind, of.options, Object.keys(of.options), () => build, { prunable });
}

export interface PruneOnceOptions {
  /** The share of each layer's weights that becomes zero, exactly: 0 <= sparsity < 1. */
  sparsity?: number;
  /** Instead: weights of less magnitude become zero; each layer keeps one at least. */
  threshold?: number;
  layers?: LayerSelection;
}

/**
 * A model of its own with the least weights masked, now; training it further keeps them at zero. A number is a
 * sparsity.
 *
 *     pruneOnce(model, 0.5)      pruneOnce(model, { threshold: 0.01, layers: ["dense"] })
 */
export function pruneOnce(model: Model, options: number | PruneOnceOptions): Model {
  checkFloatModel(model, "prune");
  const settings = typeof options === "number" ? { sparsity: options } : options;
  if (settings === null || typeof settings !== "object") throw wrongType("pruneOnce", "a sparsity or options", options);
  knownOptions("pruneOnce", settings, ["sparsity", "threshold", "layers"]);
  const make = maskMaker(settings);
  const { graph } = model.graph.copy();
  const named = (name: string) => graph.leafOf(name)!;
  for (const { weight, mask } of addMasks(graph, settings.layers)) {
    const bits = make(named(weight).data as Float32Array);
    named(mask).data = bits;
    named(weight).data = (named(weight).data as Float32Array).map((w, i) => (bits[i] ? w : 0));
  }
  return new Model(graph, model.parts());
}

function maskMaker({ sparsity, threshold }: PruneOnceOptions): (weights: Float32Array) => Float32Array {
  if ((sparsity === undefined) === (threshold === undefined))
    throw new TypeError('"pruneOnce" expected either a sparsity or a threshold');
  if (sparsity !== undefined) {
    share("sparsity", sparsity);
    return weights => magnitudeMask(weights, sparsity);
  }
  number("threshold", threshold, { min: 0 });
  return weights => thresholdMask(weights, threshold!);
}

/** `model.bake()` under the name tfmot has for it. */
export function stripPruning(model: Model): Model {
  checkModel(model);
  return model.bake();
}

/**
 * The zeros of a model's kernels, layer by layer and in all: before pruning, while masks are on, and after `bake()`.
 */
export function sparsity(model: Model): Sparsity {
  checkModel(model);
  return graphSparsity(model.graph);
}

function checkModel(model: unknown): void {
  if (!(model instanceof Model)) throw wrongType("model", "a Model", model);
}
