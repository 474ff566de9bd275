/** Loads a model from a file. */
import { BUDGET_OPTIONS, type BudgetOptions } from "../base/budget.ts";
import { knownOptions } from "../base/errors.ts";
import type { Source } from "../base/source.ts";
import { readFrom } from "../container/index.ts";
import { restoreLayouts } from "./layouts.ts";
import { Model } from "./model.ts";

export interface LoadModelOptions extends BudgetOptions {
  /** Aborts the download. */
  signal?: AbortSignal;
}

/**
 * Loads a model from a file: a path, URL, File, Blob or bytes. A float model can be trained further; a quantized one
 * has `kind` "integer". Errors: PenjingError with `code`, `path` and `offset` for a faulty file; `budget` if its
 * tensors and layers take more memory than `maxBytes`, or an image more work than `maxMacs`.
 */
export async function loadModel(source: Source, options: LoadModelOptions = {}): Promise<Model> {
  knownOptions("loadModel", options, ["signal", ...BUDGET_OPTIONS]);
  const { graph, layouts, name, labels, preprocessing, metadata } = await readFrom(source, options);
  restoreLayouts(graph, layouts);
  return new Model(graph, {
    ...(name && { name }),
    ...(labels && { labels }),
    ...(preprocessing && { preprocessing }),
    ...(metadata && { metadata }),
  });
}
