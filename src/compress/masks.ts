/** Masks of a graph: where they lie, and which layers may have one. */
import { PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, size } from "../base/shape.ts";
import { insertOnEdge } from "../graph/edit.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import { traitsOf } from "../ops/traits.ts";
import { mask } from "../ops/weight/mask.ts";
import { demandPlace } from "./edges.ts";

export interface PrunableLayer {
  name: string;
  op: string;
  /** The stored shape of its kernel: [out][kh][kw][in] or [out][in]. */
  shape: Shape;
}

/** Names of layers, or a function that chooses. */
export type LayerSelection = readonly string[] | ((layer: PrunableLayer) => boolean);

/** The kernels that may be pruned: all, or without those of depthwise convolutions, as tfmot has it. Never a bias. */
export type Prunable = "every kernel" | "as tfmot";

/** A weight that has a mask. */
export interface MaskedWeight {
  /** Names of its state and of its mask's. */
  weight: string;
  mask: string;
  /** The first layer that reads it. */
  layer: string;
  /** As it is stored. */
  shape: Shape;
}

/**
 * Lays a mask of ones on the kernels of each chosen layer of `graph`, in place; layers that share a kernel share its
 * mask. Default: of every layer that has one.
 * Errors: RangeError where a name is no layer that can be pruned, or nothing is chosen; PenjingError "masked" where a
 * mask lies already.
 */
export function addMasks(
  graph: Graph,
  layers: LayerSelection = () => true,
  prunable: Prunable = "every kernel",
): MaskedWeight[] {
  const kernels = new Map<Value, Node>();
  for (const node of chosenNodes(graph, layers, prunable)) {
    const kernel = node.inputs[1]!;
    if (kernel.node?.op === mask)
      throw new PenjingError("masked", `layer "${node.name}" has a mask already: bake the model first`, {
        path: node.name,
      });
    demandPlace(kernel, mask, "pruning", node.name);
    if (kernel.leaf !== "state" || kernel.type.dtype !== "f32")
      throw new PenjingError("masked", `layer "${node.name}" has no float kernel to prune`, { path: node.name });
    if (!kernels.has(kernel)) kernels.set(kernel, node);
  }
  return [...kernels].map(([kernel, node]) => {
    const masked = maskOf(graph, kernel, node.name);
    insertOnEdge(graph, kernel, "all users", mask, [graph.leafOf(masked.mask)!]);
    return masked;
  });
}

/** Makes the state for the mask of a kernel, ones at first. */
export function maskOf(graph: Graph, kernel: Value, layer: string): MaskedWeight {
  const { shape } = kernel.type;
  const ones = new Float32Array(size(shape)).fill(1);
  const leaf = graph.state("mask", `${kernel.name}/mask`, kernel.type, ones);
  leaf.frozen = true;
  return { weight: kernel.name, mask: leaf.name, layer, shape };
}

/** The masks of a graph in which layers have fewer channels than they had. */
export const resizedMasks = (graph: Graph, masks: readonly MaskedWeight[]): MaskedWeight[] =>
  masks.map(masked => ({ ...masked, shape: graph.leafOf(masked.weight)!.type.shape }));

function chosenNodes(graph: Graph, layers: LayerSelection, kernels: Prunable): Node[] {
  const isPrunable = (node: Node): boolean => {
    const { kernel } = traitsOf(node);
    return kernel !== undefined && (kernels === "every kernel" || kernel === "outputsLast");
  };
  const prunable = graph.nodes.filter(isPrunable);
  const names = [...new Set(prunable.map(n => n.name))];
  if (typeof layers === "function") {
    const chosen = prunable.filter(n => layers({ name: n.name, op: n.op.name, shape: n.inputs[1]!.type.shape }));
    if (!chosen.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ")}`, "none");
    return chosen;
  }
  if (!Array.isArray(layers)) throw wrongType("layers", "names of layers or a function", layers);
  if (!layers.length) throw wrongValue("layers", `a choice of at least one of ${names.join(", ")}`, layers);
  for (const name of layers)
    if (!names.includes(name)) throw wrongValue("layers", `layers that can be pruned (${names.join(", ")})`, name);
  return prunable.filter(n => layers.includes(n.name));
}

/** Lists the weights of a graph that have a mask. */
export function masksOf(graph: Graph): MaskedWeight[] {
  return graph.nodes.flatMap((node): MaskedWeight[] => {
    const [weight, bits] = node.inputs;
    if (node.op !== mask || weight?.leaf !== "state") return [];
    return [{ weight: weight.name, mask: bits!.name, layer: node.name, shape: weight.type.shape }];
  });
}

/** Writes a mask, and zeros where it has them; `latent`: weights keep their values under it. */
export function setMask(graph: Graph, { weight, mask }: MaskedWeight, bits: Float32Array, latent = false): void {
  graph.leafOf(mask)!.data = bits;
  const leaf = graph.leafOf(weight)!;
  if (!latent) leaf.data = (leaf.data as Float32Array).map((w, i) => (bits[i] ? w : 0));
}
