/** Which loss and metrics a training has where none are named. */
import type { Dataset } from "../data/dataset.ts";
import type { Graph } from "../graph/graph.ts";
import { type Loss, sparseCategoricalCrossentropy } from "./losses.ts";
import { accuracy, type Metric } from "./metrics.ts";

export function defaultLoss(_graph: Graph, _data: Dataset): Loss {
  return sparseCategoricalCrossentropy();
}

export const defaultMetrics = (data: Dataset): Metric[] => (data.classes ? [accuracy()] : []);
