/** Metrics: one number per image, averaged over all images of an epoch. */
import type { Graph, Value } from "../graph/graph.ts";

export interface Metric {
  readonly name: string;
  build(graph: Graph, output: Value, target: Value): Value;
}
