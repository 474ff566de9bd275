/** Quantization-aware training: a model whose layers compute with the numbers their integers will have. */
import { knownOptions, naming, oneOf, PenjingError, wrongValue } from "../base/errors.ts";
import type { Model } from "../model/model.ts";
import { hasKernel } from "../ops/traits.ts";
import { type FakeQuantizing, insertFakeQuantization, isFakeQuantized, rangeStates } from "../passes/quantize/fake.ts";
import { levelsOf, type WeightBits } from "../passes/quantize/weight-bits.ts";
import { type Steps, stepsOf } from "../train/share-of-steps.ts";
import { derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";
import { QuantizationAware } from "./quantization-aware.ts";
import { bitsOf, type Exclusion, inclusion } from "./quantize.ts";

export interface QuantizeModelOptions {
  /**
   * Bits of weights: of all, or by the name of the layer, 8 where it has none. "ternary": {-1, 0, 1} with one scale per
   * channel, the mean of the great ones (Li et al., "Ternary Weight Networks", 2016). Default 8.
   */
  weights?: WeightBits | Readonly<Record<string, WeightBits>>;
  /** Bits of activations. 8 is all there is. */
  activations?: 8;
  /**
   * The step after which the ranges of activations, and the statistics of batch normalization, stay as they are: a
   * number of steps of the training, or a share of them, one at least. Default "50%".
   */
  freezeAfter?: Steps;
  /** Layers that stay float: names, or a function that tells them. Default: none. */
  except?: Exclusion;
  /**
   * The way to find the scales of weights. "minMax": from the greatest weight at each step; 2 bits, which are {-1, 0,
   * 1}
   * too, take the scale of "ternary". "lsq": learned, from the scale of
   * the least squared error on (Esser et al., "Learned Step Size Quantization", 2020). Default "minMax".
   */
  method?: "minMax" | "lsq";
}

/** The share of a new batch in the moving average of ranges. */
const RATE = 0.01;

/**
 * A model of its own whose `fit` is quantization-aware: weights and activations are rounded as `quantizeStatic` will
 * round them, gradients pass straight through (Jacob et al., "Quantization and Training of Neural Networks for
 * Efficient
 * Integer-Arithmetic-Only Inference", 2018). Keras: tfmot.quantization.keras.quantize_model.
 *
 *     const aware = quantizeModel(model, { weights: 4 });
 *     await aware.fit(train, { epochs: 2, optimizer: adam(3e-4) });
 *     const small = await quantizeStatic(aware);
 *
 * Ranges of activations are moving averages of those of the batches, without the bias of a beginning. Masks of pruning
 * stay: a pruned weight is 0. Behind weights that share few values, one scale serves the whole tensor, so that they
 * stay as few. `predict` and `evaluate` answer as the integers will, within a step of rounding. Save what
 * `quantizeStatic` makes of it; a checkpoint holds the training.
 *
 * Errors: TypeError or RangeError for a wrong option; PenjingError "quantized" for a network of integers or one that is
 * trained for quantization already.
 */
export function quantizeModel(model: Model, options: QuantizeModelOptions = {}): Model {
  return naming("quantizeModel", () => {
    checkFloatModel(model, "quantize");
    knownOptions("quantizeModel", options, ["weights", "activations", "freezeAfter", "except", "method"]);
    const { activations = 8, freezeAfter = "50%", except } = options;
    if (activations !== 8) throw wrongValue("activations", "8 bits", activations);
    stepsOf("freezeAfter", freezeAfter, 0);
    const method = oneOf("method", options.method ?? "minMax", ["minMax", "lsq"]);
    if (isFakeQuantized(model.graph))
      throw new PenjingError("quantized", `model "${model.name}" is trained for quantization already`);
    const { graph } = model.graph.copy();
    const includes = inclusion(graph, except, "except");
    const bits = bitsOf(
      options.weights,
      graph.nodes.filter(node => hasKernel(node) && includes(node)).map(n => n.name),
    );
    const weights: FakeQuantizing["weights"] = ({ name }) => {
      const count = bits(name);
      // the numbers of 2 bits are those of ternary weights: as shares of the greatest weight most would be 0
      const scale = method === "lsq" ? "learned" : levelsOf(count) === 1 ? "ternary" : "max";
      return { levels: levelsOf(count), scale };
    };
    insertFakeQuantization(graph, { includes, weights, rate: RATE });
    const hook = new QuantizationAware({ ranges: rangeStates(graph), freezeAfter, excepted: node => !includes(node) });
    const hooks = [...(model.parts().hooks ?? []), hook];
    return derived(model, graph, { name: "quantizeModel", options }, { hooks });
  });
}
