/** RigL: a network that is sparse from the first step on, and moves its connections while it is trained. */
import { knownOptions, naming, number, oneOf, PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { size } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../model/model.ts";
import { randomScores } from "./criteria.ts";
import { checkFloatModel } from "./float-model.ts";
import { addMasks, type LayerSelection, type MaskedWeight, masksOf, setMask } from "./masks.ts";
import { withHook } from "./prune.ts";
import { Pruning } from "./pruning.ts";
import { Regrowth } from "./regrowth.ts";
import { type Steps, share } from "./schedules.ts";
import { greatest, keptWeights } from "./selection.ts";

export interface RiglOptions {
  /**
   * The share of all weights that are zero, from the first step to the last. Left out for a model that has masks, from
   * `pruneOnce`: theirs are taken.
   */
  sparsity?: number;
  /**
   * The sparsity of each kernel: "erdosRenyiKernel" (the default) leaves small kernels denser, in proportion to the sum
   * of a kernel's sizes by their product; with "uniform" all are alike.
   */
  distribution?: "erdosRenyiKernel" | "uniform";
  /**
   * The share of a kernel's weights that is moved in an update at the beginning; it falls to 0 by a cosine. Default
   * 0.3.
   */
  fraction?: number;
  /** Where that is 0. Default "75%" of the training. */
  endStep?: Steps;
  /** Steps from update to update. Default 100. */
  frequency?: Steps;
  /** Names of layers, or a function that chooses. Default: every layer with a kernel. */
  layers?: LayerSelection;
  /** For the first masks, which are random. Default 0. */
  seed?: number;
}

/**
 * Returns a model of its own with random masks on its kernels, which `fit` trains by RigL: at every update, each kernel
 * drops the weights of least magnitude, and grows as many where the gradient is greatest, of all weights that it then
 * lacks. They begin at 0. The number of weights never changes. U. Evci et al., "Rigging the lottery: making all tickets
 * winners" (2020), and T. Mocanu et al. (2018) for the distribution.
 *
 * The gradient is that of the whole kernel in the step before the update. In the paper an update takes the place of a
 * step; here that step is made too. New weights have moments of 0.
 *
 *     const sparse = rigl(lenet5({ seed: 1 }), { sparsity: 0.9, frequency: "1%" });
 *     await sparse.fit(train, { epochs: 5 });
 *
 * Errors: TypeError or RangeError for a wrong option; PenjingError "masked" where a schedule prunes the same weights;
 * from `fit`, a RangeError where there would be no update.
 */
export function rigl(model: Model, options: RiglOptions): Model {
  return naming("rigl", () => {
    checkFloatModel(model, "prune");
    if (options === null || typeof options !== "object")
      throw wrongType("rigl", "options: sparsity, fraction, frequency, endStep, distribution, layers, seed", options);
    knownOptions("rigl", options, ["sparsity", "distribution", "fraction", "endStep", "frequency", "layers", "seed"]);
    const { fraction = 0.3, endStep = "75%", frequency = 100 } = options;
    number("fraction", fraction, { above: 0, max: 1 });
    const { graph } = model.graph.copy();
    const masks = options.sparsity === undefined ? presentMasks(model, options) : randomMasks(graph, options);
    return withHook(model, graph, { name: "rigl", options }, new Regrowth(masks, { fraction, endStep, frequency }));
  });
}

/** The masks that the model has. */
function presentMasks(model: Model, options: RiglOptions): MaskedWeight[] {
  const masks = masksOf(model.graph);
  if (!masks.length) throw wrongType("sparsity", "a number, as the model has no masks", undefined);
  for (const name of ["distribution", "layers", "seed"] as const)
    if (options[name] !== undefined) throw wrongType(name, "nothing where the model has masks", options[name]);
  for (const hook of model.hooks)
    if (hook instanceof Pruning || hook instanceof Regrowth)
      throw new PenjingError("masked", "the masks of this model change while it is trained: bake the model first");
  return masks;
}

/** Lays random masks, and makes zeros of the weights under them. */
function randomMasks(graph: Graph, options: RiglOptions): MaskedWeight[] {
  const sparsity = share("sparsity", options.sparsity);
  const distribution = oneOf("distribution", options.distribution ?? "erdosRenyiKernel", [
    "erdosRenyiKernel",
    "uniform",
  ]);
  const random = randomScores(options.seed ?? 0);
  const masks = addMasks(graph, options.layers);
  const kept =
    distribution === "uniform"
      ? masks.map(({ shape }) => keptWeights(size(shape), sparsity))
      : erdosRenyiKernel(masks, sparsity);
  masks.forEach((masked, i) => {
    const { weight: name, layer, shape } = masked;
    const weights = graph.leafOf(name)!.data as Float32Array;
    const mask = graph.leafOf(masked.mask)!.data as Float32Array;
    const scores = random.score({ name, layer, shape, weights, mask, steps: 0 });
    setMask(graph, masked, greatest(Float64Array.from(scores), kept[i]!));
  });
  return masks;
}

/**
 * Counts the weights of each kernel that stay: densities are in proportion to the sum of a kernel's sizes by their
 * product. Kernels that would be more than dense are dense, and the others share what is left. The sum is exact;
 * weights that rounding leaves over go to the kernels of the greatest remainders.
 */
export function erdosRenyiKernel(masks: readonly Pick<MaskedWeight, "shape" | "layer">[], sparsity: number): number[] {
  const sizes = masks.map(({ shape }) => size(shape));
  const raw = masks.map(({ shape }) => shape.reduce((a, b) => a + b, 0)); // density by size, but for a factor
  const all = sizes.reduce((a, b) => a + b, 0);
  const wanted = keptWeights(all, sparsity);
  if (wanted < masks.length)
    throw wrongValue("sparsity", `one that leaves each of ${masks.length} kernels a weight of ${all}`, sparsity);
  const dense = new Set<number>();
  let factor = 0;
  for (;;) {
    const others = masks.flatMap((_, i) => (dense.has(i) ? [] : [i]));
    const left = wanted - [...dense].reduce((sum, i) => sum + sizes[i]!, 0);
    const sum = others.reduce((total, i) => total + raw[i]!, 0);
    factor = sum ? left / sum : 0;
    const more = others.filter(i => factor * raw[i]! > sizes[i]!);
    if (!more.length) break;
    for (const i of more) dense.add(i);
  }
  const exact = sizes.map((n, i) => (dense.has(i) ? n : Math.max(1, factor * raw[i]!)));
  const kept = exact.map(Math.floor);
  const order = kept.map((_, i) => i).sort((a, b) => exact[b]! - kept[b]! - (exact[a]! - kept[a]!) || a - b);
  let rest = wanted - kept.reduce((a, b) => a + b, 0);
  while (rest !== 0)
    for (const i of rest > 0 ? order : [...order].reverse()) {
      const step = Math.sign(rest);
      if (rest === 0 || kept[i]! + step > sizes[i]! || kept[i]! + step < 1) continue;
      kept[i]! += step;
      rest -= step;
    }
  return kept;
}
