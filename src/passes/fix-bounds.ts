/**
 * pact -> clip: a bound that was learned becomes a number, and the layer one that integers know. The same float bits.
 */
import type { RewriteRule } from "../graph/graph.ts";
import { pass, running } from "../graph/pass.ts";
import { clip } from "../ops/activation/clip.ts";
import { pact } from "../ops/activation/pact.ts";

const fix: RewriteRule = (node, graph) => {
  if (node.op !== pact) return;
  const [x, alpha] = node.inputs;
  const bound = alpha!.data?.[0];
  return bound === undefined ? undefined : [graph.one(clip, [x!], { low: 0, high: Math.max(bound, 0) })];
};

export const fixBounds = pass({ name: "fixBounds", needs: [running], ensures: [running] }, graph =>
  graph.rewrite([fix]),
);
