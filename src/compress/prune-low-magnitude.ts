/** tfmot's `prune_low_magnitude`, with its options and what it does with them. */
import { knownOptions, naming, oneOf, wrongType, wrongValue } from "../base/errors.ts";
import type { Value } from "../graph/graph.ts";
import { type Build, type Layer, layer } from "../model/layer.ts";
import type { Model } from "../model/model.ts";
import { mask } from "../ops/weight/mask.ts";
import { magnitude } from "./criteria.ts";
import { demandPlace } from "./edges.ts";
import { checkFloatModel } from "./float-model.ts";
import { blocks, channelPattern, checkBlock } from "./granularity.ts";
import { addMasks, type LayerSelection, type MaskedWeight, maskOf } from "./masks.ts";
import { withHook } from "./prune.ts";
import { Pruning } from "./pruning.ts";
import { checkSchedule, constantSparsity, type SparsityFunction, type SparsitySchedule } from "./schedules.ts";
import { byPattern, byShare, type Selection } from "./selection.ts";

export interface PruneLowMagnitudeOptions {
  /**
   * When and how much. Default: constantSparsity({ targetSparsity: 0.5 }), tfmot's. A function gets the step, counted
   * from 1.
   */
  schedule?: SparsitySchedule | SparsityFunction;
  /**
   * Rows and columns of the blocks that are pruned together, of a dense kernel as Keras lays it out, [in][out], or of
   * that of a convolution as a matrix [kh * kw * in][out], which tfmot refuses. Default [1, 1]: single weights. As in
   * tfmot, blocks that do not fit at the edges are scored by "SAME" pooling, whose windows are centered; `prune` scores
   * each by its own weights.
   */
  blockSize?: readonly [rows: number, columns: number];
  /** The pooling of the magnitudes of a block. Default "AVG". */
  blockPoolingType?: "AVG" | "MAX";
  /**
   * [m, n]: of every n input channels, m weights become zero, before the first step and for good: as in tfmot, the
   * schedule is not asked. Of a last group with fewer channels, n - m stay at most; where there is one channel, all do.
   */
  sparsityMByN?: readonly [m: number, n: number];
  /**
   * Which layers: names, or a function that chooses. Default: every convolution and dense layer; their kernels, never
   * biases or depthwise kernels.
   */
  layers?: LayerSelection;
}

const OWN = ["schedule", "blockSize", "blockPoolingType", "sparsityMByN"] as const;

/**
 * Returns a model of its own with masks on the kernels of `model`; its `fit` prunes the weights of least magnitude in
 * each kernel, by the schedule. Keras: tfmot.sparsity.keras.prune_low_magnitude (0.8.1). `prune` has other criteria.
 *
 * Applied to a layer, it returns a layer that is pruned in every model it becomes part of:
 *
 *     sequential([conv2d({ ... }), flatten(), pruneLowMagnitude(dense({ units: 10 }), { schedule })])
 *
 * Errors: TypeError or RangeError for a wrong option or where `layers` names none that can be pruned, PenjingError
 * "masked" where one has a mask already; from `fit`, a RangeError where the schedule would never prune.
 */
export function pruneLowMagnitude(model: Model, options?: PruneLowMagnitudeOptions): Model;
export function pruneLowMagnitude(layer: Layer, options?: Omit<PruneLowMagnitudeOptions, "layers">): Layer;
export function pruneLowMagnitude(given: Model | Layer, options: PruneLowMagnitudeOptions = {}): Model | Layer {
  return naming("pruneLowMagnitude", () => {
    const isLayer = typeof given === "function" && "build" in given;
    if (!isLayer) checkFloatModel(given, "prune", "a Model or a layer");
    if (options === null || typeof options !== "object")
      throw wrongType("pruneLowMagnitude", "options: schedule, layers", options);
    knownOptions("pruneLowMagnitude", options, isLayer ? OWN : [...OWN, "layers"]);
    const hookOf = hookMaker(options);
    if (isLayer) return prunedLayer(given, hookOf);
    const { graph } = given.graph.copy();
    const step = { name: "pruneLowMagnitude", options };
    return withHook(given, graph, step, hookOf(addMasks(graph, options.layers, "as tfmot")));
  });
}

type HookMaker = (masks: readonly MaskedWeight[]) => Pruning;

/** Checks the options. */
function hookMaker(options: PruneLowMagnitudeOptions): HookMaker {
  const { schedule = constantSparsity({ targetSparsity: 0.5 }), sparsityMByN } = options;
  checkSchedule(schedule);
  const { blockSize = [1, 1], blockPoolingType = "AVG" } = options;
  checkBlock("blockSize", blockSize, "[rows, columns]");
  const pooling = oneOf("blockPoolingType", blockPoolingType, ["AVG", "MAX"]) === "AVG" ? "mean" : "max";
  if (sparsityMByN === undefined) {
    const selection = (masks: readonly MaskedWeight[]): Selection =>
      byShare(masks.map(({ shape }) => blocks(shape, blockSize, pooling, true)));
    return masks => new Pruning(masks, schedule, magnitude, selection);
  }
  checkBlock("sparsityMByN", sparsityMByN, "[m, n]");
  const [m, n] = sparsityMByN;
  if (m >= n) throw wrongValue("sparsityMByN", "[m, n] with m < n", sparsityMByN);
  if (blockSize.some(size => size > 1)) throw wrongType("sparsityMByN", "nothing beside a blockSize", sparsityMByN);
  const once: SparsityFunction = step => ({ prune: step === 1, sparsity: 0 });
  const selection = (masks: readonly MaskedWeight[]): Selection =>
    byPattern(masks.map(({ shape }) => channelPattern(shape, { n: n - m, m: n })));
  return masks => new Pruning(masks, once, magnitude, selection);
}

/** The layer with a mask on each kernel that is pruned; used twice in a model, it has one. */
function prunedLayer(of: Layer, hookOf: HookMaker): Layer {
  const { kind, prunable } = of;
  if (!prunable.length) throw wrongValue("layer", "a layer with a kernel to prune, such as conv2d or dense", kind);
  const build: Build = (inputs, to) => {
    const masked = (kernel: Value): Value => {
      const known = to.graph.users(kernel).find(n => n.op === mask);
      if (known) return known.outputs[0]!;
      demandPlace(kernel, mask, "pruning", to.name);
      const made = maskOf(to.graph, kernel, to.name);
      to.hook(hookOf([made]));
      return to.graph.one(mask, [kernel, to.graph.leafOf(made.mask)!]);
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
