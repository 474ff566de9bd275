/**
 * `penjing/tflite`: networks of TensorFlow Lite (LiteRT), as its converters write them: float, with weights of 16 bits or sparse, with int8
 * weights (dynamic range), and full int8.
 *
 *     const model = await loadTflite("digits.tflite");
 *     await model.save("digits.penjing");
 */
import { BUDGET_OPTIONS, Budget, type BudgetOptions } from "../../base/budget.ts";
import { knownOptions } from "../../base/errors.ts";
import { readSource, type Source } from "../../base/source.ts";
import { claimGraph } from "../../container/index.ts";
import { Model } from "../../model/model.ts";
import { readFile } from "./file.ts";
import { importGraph } from "./import.ts";

export { PenjingError } from "../../base/errors.ts";
export type { Source } from "../../base/source.ts";
export type { Model } from "../../model/model.ts";

export interface LoadTfliteOptions extends BudgetOptions {
  /** For `summary`. Default "model". */
  name?: string;
  /** Stops the download. */
  signal?: AbortSignal;
}

/**
 * The model in a .tflite file: a path, URL, File, Blob, Buffer, ArrayBuffer or typed array. It is a model like any other: it prints, costs,
 * prunes, saves, and where it is float it trains on. Fused activations are layers of their own; arithmetic on the batch's size is folded away.
 *
 * Errors: PenjingError with code `missing`, `unreadable`, `magic`, `version`, `truncated`, `damaged` (with `offset`), and `unsupported`, whose
 * message lists every node that cannot be read; `budget` where its tensors and layers take more memory than `maxBytes`, or an image more work
 * than `maxMacs`.
 */
export async function loadTflite(source: Source, options: LoadTfliteOptions = {}): Promise<Model> {
  knownOptions("options", options, ["name", "signal", ...BUDGET_OPTIONS]);
  const { name, signal } = options;
  const budget = new Budget(options);
  const { bytes, path } = await readSource(source, signal);
  const graph = importGraph(readFile(bytes, path), path);
  claimGraph(budget, graph);
  return new Model(graph, name === undefined ? {} : { name });
}
