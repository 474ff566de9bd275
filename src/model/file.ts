/** The bytes of a model's file. */
import { read, type WriteOptions, write } from "../container/index.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { bake } from "../passes/bake.ts";
import { layersOf } from "./summary.ts";

/** The states that hold numbers. */
export const statesOf = (graph: Graph): Value[] => graph.leaves.filter(v => v.leaf === "state" && v.data);

/** A file of what runs: masks become zeros. Names are kept where they say something, unless `names` decides it. */
export function bytesOf(of: Graph, options: WriteOptions): Uint8Array<ArrayBuffer> {
  const { graph } = of.copy();
  bake(graph);
  return write(graph, { ...options, names: options.names ?? !namesFollow(graph) });
}

/** Names that layers get by themselves. */
const AUTOMATIC = /^[a-z][A-Za-z0-9]*(_\d+)?$/;

/** Would a reader name every state as here, and did nobody choose a layer's name? */
function namesFollow(graph: Graph): boolean {
  if (!layersOf(graph).every(({ name }) => AUTOMATIC.test(name))) return false;
  const given = statesOf(read(write(graph, { names: false })).graph);
  return statesOf(graph).every((leaf, i) => leaf.name === given[i]?.name);
}
