/** The network that runs a model's graph, kept up to date with its weights. */
import type { TypedArray } from "../base/shape.ts";
import type { Graph } from "../graph/graph.ts";
import { Net, type NetOptions } from "../run/net.ts";
import { statesOf } from "./file.ts";

export class CurrentNet {
  readonly #graph: Graph;
  #net: Promise<Net> | undefined;
  /** State -> the contents last written to the network. */
  readonly #written = new Map<string, TypedArray>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  /** Returns the network with the current weights; plans it at the first call, with `options`. */
  async get(options: NetOptions): Promise<Net> {
    if (!this.#net) {
      for (const leaf of statesOf(this.#graph)) this.#written.set(leaf.name, leaf.data!);
      const made = Net.create(this.#graph, options);
      this.#net = made;
      // a failure is not cached
      made.catch(() => (this.#net = undefined));
    }
    const net = await this.#net;
    for (const leaf of statesOf(this.#graph)) {
      if (this.#written.get(leaf.name) === leaf.data) continue;
      if (net.machine.plan.leaves.has(leaf.name)) net.machine.write(leaf.name, leaf.data!);
      this.#written.set(leaf.name, leaf.data!);
    }
    return net;
  }

  /** Discards the network, after a change of its options. */
  discard(): void {
    this.#net = undefined;
  }
}
