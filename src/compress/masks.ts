/** Masks of a graph: where they lie, which layers may have one, and which weights one keeps. */
import { PenjingError, wrongType, wrongValue } from "../base/errors.ts";
import { type Shape, size } from "../base/shape.ts";
import { insertOnEdge } from "../graph/edit.ts";
import type { Graph, Node, Value } from "../graph/graph.ts";
import type { Traits } from "../graph/meaning.ts";
import { TRAITS } from "../ops/index.ts";
import { mask } from "../ops/weight/mask.ts";
import { magnitude } from "./criteria.ts";
import { share } from "./schedules.ts";

/** Is the kernel of this op pruned? Never biases, normalization or depthwise kernels, as in tfmot. */
const isPrunable = (op: string): boolean => (TRAITS as Readonly<Record<string, Traits>>)[op]?.kernel === "outputsLast";

export interface PrunableLayer {
  name: string;
  op: string;
  /** Of its kernel: [out][kh][kw][in] or [out][in]. */
  shape: Shape;
}

/** Names of layers, or a function that chooses. Default: every convolution that is not depthwise, and every dense layer. */
export type LayerSelection = readonly string[] | ((layer: PrunableLayer) => boolean);

/** Names of a weight's state and of its mask's. */
export interface MaskedWeight {
  weight: string;
  mask: string;
}

/**
 * Lays a mask of ones on the kernel of each chosen layer of `graph`, in place; layers that share a kernel share its mask.
 * Errors: RangeError where a name is no layer that can be pruned, or nothing is chosen; PenjingError "masked" where a mask lies already.
 */
export function addMasks(graph: Graph, layers: LayerSelection = () => true): MaskedWeight[] {
  const chosen = select(graph, layers);
  const kernels = new Set<Value>();
  for (const node of chosen) {
    const kernel = node.inputs[1]!;
    if (kernel.node?.op === mask)
      throw new PenjingError("masked", `layer "${node.name}" has a mask already: bake the model first`, {
        path: node.name,
      });
    if (kernel.leaf !== "state" || kernel.type.dtype !== "f32")
      throw new PenjingError("masked", `layer "${node.name}" has no float kernel to prune`, { path: node.name });
    kernels.add(kernel);
  }
  return [...kernels].map(kernel => {
    const ones = maskOf(graph, kernel);
    insertOnEdge(graph, kernel, "all users", mask, [ones]);
    return { weight: kernel.name, mask: ones.name };
  });
}

/** The state for the mask of a kernel, ones at first. */
export function maskOf(graph: Graph, kernel: Value): Value {
  const ones = new Float32Array(size(kernel.type.shape)).fill(1);
  const leaf = graph.state("mask", `${kernel.name}/mask`, kernel.type, ones);
  leaf.frozen = true;
  return leaf;
}

function select(graph: Graph, layers: LayerSelection): Node[] {
  const prunable = graph.nodes.filter(n => isPrunable(n.op.name));
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

/** How many of `count` weights stay: round(count (1 - sparsity)), half to even, at least one; in float32, as tfmot computes it. */
export function keptWeights(count: number, sparsity: number): number {
  const exact = Math.fround(count * Math.fround(1 - Math.fround(sparsity)));
  const floor = Math.floor(exact);
  const rest = exact - floor;
  return Math.max(1, rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}

/** Ones at the `keptWeights` weights of greatest magnitude; among equals the first stay. */
export function magnitudeMask(weights: Float32Array, sparsity: number): Float32Array {
  share("sparsity", sparsity);
  return magnitude.mask(weights, keptWeights(weights.length, sparsity));
}

/** Ones where |w| >= threshold; the greatest weight stays whatever the threshold. */
export function thresholdMask(weights: Float32Array, threshold: number): Float32Array {
  const chosen = weights.map(w => (Math.abs(w) >= threshold ? 1 : 0));
  return chosen.includes(1) ? chosen : magnitudeMask(weights, 1 - 1 / (2 * weights.length));
}
