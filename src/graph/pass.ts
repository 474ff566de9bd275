/**
 * The contract of every pass: it changes the graph it is given (a caller who needs the original passes a copy), and
 * returns whether anything changed. Its requirements and guarantees, besides those of `verify`, are conditions.
 */
import type { Graph } from "./graph.ts";

export interface Condition {
  /** Completes the sentence "expected a graph ...". */
  readonly name: string;
  readonly holds: (graph: Graph) => boolean;
}

export interface PassContract {
  readonly name: string;
  readonly needs: readonly Condition[];
  readonly ensures: readonly Condition[];
}

/** An observer: called before a pass and after it, with its `result`. */
export interface PassObserver {
  before(graph: Graph, pass: PassContract): void;
  after(graph: Graph, pass: PassContract, result: unknown): void;
}

let observer: PassObserver | undefined;

/** Installs an observer of every pass. The tests use it to check the contract; published builds pay nothing. */
export function observePasses(by: PassObserver | undefined): void {
  observer = by;
}

/**
 * Makes a pass: `run`, reported to the observer. Only `gradient` returns something else than whether anything changed.
 */
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

/** No op stands on a weight's edge. */
export const baked: Condition = {
  name: "without ops on weights' edges",
  holds: graph => graph.nodes.every(node => !node.op.weightEdge),
};

/** The form of a model that runs: no value is overwritten. */
export const running: Condition = {
  name: "that updates no state",
  holds: graph => graph.nodes.every(node => !node.op.updates),
};
