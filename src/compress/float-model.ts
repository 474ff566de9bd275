/** What compression starts from. */
import { wrongType } from "../base/errors.ts";
import { Graph } from "../graph/graph.ts";
import { Model } from "../model/model.ts";
import { demandFloat } from "../ops/quantized/quantized.ts";

/** Throws unless `model` is a Model, and a PenjingError `quantized` where it, or a QuantizedModel, holds int8. `verb`: what is done with it. */
export function checkFloatModel(model: unknown, verb: string, expected = "a Model"): asserts model is Model {
  const graph = (model as { graph?: unknown } | null | undefined)?.graph;
  if (graph instanceof Graph) demandFloat(graph, verb);
  if (!(model instanceof Model)) throw wrongType("model", expected, model);
}
