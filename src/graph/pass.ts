/**
 * The contract of every pass: it changes the graph it is given (who needs the graph as it was gives a copy), and says whether anything
 * changed. What it needs and what it ensures, beside what `verify` demands of every graph, is told by conditions.
 */
import type { Graph } from "./graph.ts";

export interface Condition {
  /** Ends the sentence "expected a graph ...". */
  readonly name: string;
  readonly holds: (graph: Graph) => boolean;
}

export interface PassContract {
  readonly name: string;
  readonly needs: readonly Condition[];
  readonly ensures: readonly Condition[];
}

/** `before` a pass and after it, which gave `result`. */
export interface PassObserver {
  before(graph: Graph, pass: PassContract): void;
  after(graph: Graph, pass: PassContract, result: unknown): void;
}

let observer: PassObserver | undefined;

/** Has every pass from now on watched; the tests check the contract so, and what is shipped pays nothing. */
export function observePasses(by: PassObserver | undefined): void {
  observer = by;
}

/** A pass is the function that `run` is, watched. Only `gradient` gives something else than whether anything changed. */
export function pass<A extends readonly unknown[], R = boolean>(
  contract: PassContract,
  run: (graph: Graph, ...args: A) => R,
): (graph: Graph, ...args: A) => R {
  return (graph, ...args) => {
    observer?.before(graph, contract);
    const result = run(graph, ...args);
    observer?.after(graph, contract, result);
    return result;
  };
}

/** Nothing stands on a weight's edge. */
export const baked: Condition = {
  name: "without ops on weights' edges",
  holds: graph => graph.nodes.every(node => !node.op.weightEdge),
};

/** The form of a model that runs: nothing is written over. */
export const running: Condition = {
  name: "that updates no state",
  holds: graph => graph.nodes.every(node => !node.op.updates),
};
