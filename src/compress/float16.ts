/** Weights in half precision. */
import { knownOptions, naming, PenjingError } from "../base/errors.ts";
import { MAX_FLOAT16, roundToFloat16 } from "../base/float16.ts";
import type { Model } from "../model/model.ts";
import { weightsOf } from "../model/weights.ts";
import { derived } from "./derived.ts";
import { checkFloatModel } from "./float-model.ts";

/**
 * A model of its own whose weights, biases and statistics are the nearest numbers that float16 has. It computes in
 * float32 as before; a file needs two bytes for each number, or fewer. Masks, gates and codebooks are baked first, and
 * hooks are gone: trained further, weights are any numbers again.
 *
 * Errors: PenjingError "quantize" for a number beyond 65504, which float16 does not have, "quantized" of a network of
 * integers.
 */
export function toFloat16(model: Model, options: Record<never, never> = {}): Model {
  return naming("toFloat16", () => {
    checkFloatModel(model, "round");
    knownOptions("toFloat16", options, []);
    const baked = model.bake();
    const { graph } = baked;
    for (const leaf of weightsOf(graph)) {
      const data = (leaf.data as Float32Array).map(roundToFloat16);
      if (data.some(v => Math.abs(v) > MAX_FLOAT16))
        throw new PenjingError("quantize", `"${leaf.name}" has numbers beyond ${MAX_FLOAT16}`, { path: leaf.name });
      leaf.data = data;
    }
    return derived(baked, graph, { name: "toFloat16" });
  });
}
