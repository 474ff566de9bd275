/**
 * Checks the contract of every pass (src/graph/pass.ts) in every test: `verify` before and after it, its conditions,
 * and its result.
 */

import type { Graph } from "../src/graph/graph.ts";
import { type Condition, observePasses, type PassContract } from "../src/graph/pass.ts";
import { printGraph } from "../src/graph/print.ts";
import { verify } from "../src/graph/verify.ts";

function hold(graph: Graph, { name }: PassContract, conditions: readonly Condition[], verb: string): void {
  verify(graph);
  for (const condition of conditions)
    if (!condition.holds(graph)) throw new Error(`pass "${name}" ${verb} a graph ${condition.name}`);
}

/** Printed graphs before the pass that is running. */
const given = new WeakMap<Graph, string>();

observePasses({
  before(graph, pass) {
    hold(graph, pass, pass.needs, "needs");
    given.set(graph, printGraph(graph));
  },
  after(graph, pass, result) {
    hold(graph, pass, pass.ensures, "ensures");
    const changed = given.get(graph) !== printGraph(graph);
    if (typeof result === "boolean" && changed !== result)
      throw new Error(`pass "${pass.name}" says ${result} where the graph ${changed ? "has" : "has not"} changed`);
  },
});
