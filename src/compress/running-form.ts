/** The graph of what runs. */
import type { Graph } from "../graph/graph.ts";
import { dropout } from "../ops/normalization/dropout.ts";
import { bake } from "../passes/bake.ts";
import { fixBounds } from "../passes/fix-bounds.ts";
import { foldBatchNormalization } from "../passes/fold-batch-normalization.ts";

/** A copy without what only training needs: masks baked, learned bounds fixed, normalization folded, no dropout. */
export function runningForm(model: Graph): Graph {
  const { graph } = model.copy();
  toRunningForm(graph);
  return graph;
}

/** The same in place. */
export function toRunningForm(graph: Graph): void {
  bake(graph);
  fixBounds(graph);
  foldBatchNormalization(graph);
  graph.rewrite([node => (node.op === dropout ? node.inputs : undefined)]);
}
