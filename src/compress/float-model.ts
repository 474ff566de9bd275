/** The float model that compression starts from. */
import { wrongType } from "../base/errors.ts";
import { Model } from "../model/model.ts";
import { demandFloat } from "../ops/quantized/int8-types.ts";

/**
 * Throws unless `model` is a Model, and a PenjingError `quantized` where it holds int8 already. `verb`: what is done
 * with it.
 */
export function checkFloatModel(model: unknown, verb: string, expected = "a Model"): asserts model is Model {
  if (!(model instanceof Model)) throw wrongType("model", expected, model);
  demandFloat(model.graph, verb);
}
