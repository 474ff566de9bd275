/** Writes a model to the bytes of a file. */
import { read, type WriteOptions, write } from "../container/index.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { bake } from "../passes/bake.ts";
import { layersOf } from "./summary.ts";

/** The states with contents. */
export const statesOf = (graph: Graph): Value[] => graph.leaves.filter(v => v.leaf === "state" && v.data);

/** Writes the network that runs: masks become zeros. Default of `names`: keep them unless all are automatic. */
export function bytesOf(of: Graph, options: WriteOptions): Uint8Array<ArrayBuffer> {
  const { graph } = of.copy();
  bake(graph);
  return write(graph, { ...options, names: options.names ?? !namesFollow(graph) });
}

/** Names that layers get automatically. */
const AUTOMATIC = /^[a-z][A-Za-z0-9]*(_\d+)?$/;

/** True if all names are the defaults, so the file need not store them. */
function namesFollow(graph: Graph): boolean {
  if (!layersOf(graph).every(({ name }) => AUTOMATIC.test(name))) return false;
  const given = statesOf(read(write(graph, { names: false })).graph);
  return statesOf(graph).every((leaf, i) => leaf.name === given[i]?.name);
}
