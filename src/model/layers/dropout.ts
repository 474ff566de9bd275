/** keras.layers.Dropout. */
import { number } from "../../base/errors.ts";
import { dropout as drop } from "../../ops/normalization/dropout.ts";
import { type Layer, type LayerOptions, layer } from "../layer.ts";

/**
 * In training, sets each number to 0 with probability `rate` (0 <= rate < 1) and divides the others by 1 - rate; no
 * effect in inference. The choice depends on the seed of `fit`, the step and the image, not on the batch size.
 */
export function dropout(rate: number, options: LayerOptions = {}): Layer {
  return layer("dropout", options, [], () => {
    number("rate", rate, { min: 0, below: 1 });
    return ([x], to) => to.graph.one(drop, [x!], { rate });
  });
}
