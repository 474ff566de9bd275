/** keras.layers.Dropout. */
import { number } from "../../base/errors.ts";
import { dropout as drop } from "../../ops/normalization/dropout.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";

/**
 * In training, each number becomes 0 with probability `rate` (0 <= rate < 1) and the others are divided by 1 - rate; else nothing.
 * Which ones follows from the seed of `fit`, the step and the image, not from the size of the batch.
 */
export function dropout(rate: number, options: LayerOptions = {}): Layer {
  return layer("dropout", options, [], () => {
    number("rate", rate, { min: 0, below: 1 });
    return ([x], to) => to.graph.one(drop, [x!], { rate });
  });
}
