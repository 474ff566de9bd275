/**
 * `penjing/tflite`: reads networks of TensorFlow Lite (LiteRT), as its converters write them: float, with weights of 16
 * bits or sparse, with int8 weights (dynamic range), and full int8 or uint8.
 *
 *     const model = await loadTflite("digits.tflite");
 *     await model.save("digits.penjing");
 */
import { BUDGET_OPTIONS, Budget, type BudgetOptions } from "../../base/budget.ts";
import { knownOptions } from "../../base/errors.ts";
import { readSource, type Source } from "../../base/source.ts";
import type { Preprocessing } from "../../container/extras.ts";
import { claimGraph } from "../../container/index.ts";
import type { Value } from "../../graph/graph.ts";
import { Model } from "../../model/model.ts";
import { inputsOf } from "../../run/inputs.ts";
import { readFile } from "./file.ts";
import { importGraph } from "./import.ts";

export { PenjingError } from "../../base/errors.ts";
export type { Source } from "../../base/source.ts";
export type { Model } from "../../model/model.ts";

export interface LoadTfliteOptions extends BudgetOptions {
  /** For `summary`. Default "model". */
  name?: string;
  /** Aborts the download. */
  signal?: AbortSignal;
}

/**
 * Loads the model in a .tflite file: a path, URL, File, Blob, Buffer, ArrayBuffer or typed array. It is a model like
 * any other: it can be printed, costed, pruned, saved, and trained further if it is float. Fused activations become
 * separate layers; arithmetic on the batch size is folded away. A network that begins with uint8 takes bytes without
 * conversion.
 *
 * Errors: PenjingError with code `missing`, `unreadable`, `magic`, `version`, `truncated`, `damaged` (with `offset`),
 * and `unsupported`, whose message lists every node that cannot be read; `budget` if its tensors and layers take more
 * memory than `maxBytes`, or an image more work than `maxMacs`.
 */
export async function loadTflite(source: Source, options: LoadTfliteOptions = {}): Promise<Model> {
  knownOptions("options", options, ["name", "signal", ...BUDGET_OPTIONS]);
  const { name, signal } = options;
  const budget = new Budget(options);
  const { bytes, path } = await readSource(source, signal);
  const graph = importGraph(readFile(bytes, path), path);
  claimGraph(budget, graph);
  const preprocessing = ownBytes(inputsOf(graph));
  return new Model(graph, { ...(name !== undefined && { name }), ...(preprocessing && { preprocessing }) });
}

/** The preprocessing of a network that begins with uint8: bytes are its own numbers. */
function ownBytes([input, ...others]: readonly Value[]): Preprocessing | undefined {
  if (input?.type.dtype !== "u8" || others.length) return undefined;
  const { scale, zeroPoint } = input.type.quantization!;
  return { scale: scale[0]!, offset: zeroPoint ? -zeroPoint * scale[0]! : 0 };
}
