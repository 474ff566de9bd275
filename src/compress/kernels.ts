/** The kernels of a network, layer by layer: what is pruned, rounded and analyzed. */
import { wrongType, wrongValue } from "../base/errors.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { hasKernel } from "../ops/traits.ts";
import type { LayerSelection } from "./masks.ts";

/** A layer with its kernels; a separable convolution has two. A kernel that layers share belongs to the first. */
export interface KernelLayer {
  readonly name: string;
  /** The op that reads its first kernel. */
  readonly op: string;
  /** States of float numbers with the outputs along axis 0. */
  readonly kernels: readonly Value[];
}

/** The layers of a float graph without masks that have kernels, in order. */
export function kernelLayers(graph: Graph): KernelLayer[] {
  const layers = new Map<string, { name: string; op: string; kernels: Value[] }>();
  const seen = new Set<Value>();
  for (const node of graph.nodes) {
    const kernel = node.inputs[1];
    if (!hasKernel(node) || kernel?.leaf !== "state" || !kernel.data || seen.has(kernel)) continue;
    seen.add(kernel);
    const layer = layers.get(node.name) ?? { name: node.name, op: node.op.name, kernels: [] };
    layer.kernels.push(kernel);
    layers.set(node.name, layer);
  }
  return [...layers.values()];
}

/** Returns the layers that `layers` chooses, or throws an error that lists all of them. */
export function selectedLayers<L extends KernelLayer>(
  all: readonly L[],
  layers: LayerSelection = () => true,
  having = "a kernel",
): L[] {
  const names = all.map(layer => layer.name);
  if (typeof layers === "function") {
    const chosen = all.filter(({ name, op, kernels }) => layers({ name, op, shape: kernels[0]!.type.shape }));
    if (!chosen.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ")}`, "none");
    return chosen;
  }
  if (!Array.isArray(layers)) throw wrongType("layers", "names of layers or a function", layers);
  if (!layers.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ")}`, layers);
  for (const name of layers)
    if (!names.includes(name)) throw wrongValue("layers", `layers with ${having} (${names.join(", ")})`, name);
  return all.filter(({ name }) => layers.includes(name));
}
