/** Dense layers with int8 weights as kernel calls. */
import type { Lowering } from "../../graph/meaning.ts";
import { cheapest } from "../../kernels/cost/cheapest.ts";
import { i8Dense } from "../../kernels/cost/i8-dense.ts";
import { i8Sparse } from "../../kernels/cost/i8-sparse.ts";
import { denseWorks } from "../../kernels/i8/dense.ts";
import { densePackedBytes, groupsOf, panelBytes } from "../../kernels/i8/panels.ts";
import { isInt8 } from "../quantized/int8-types.ts";
import { lowerDirect } from "./conv2d-int8.ts";
import { dynamicLayer } from "./int8-dynamic.ts";
import { type Layer, packedWeights, staticLayer, type WeightedNode } from "./int8-layer.ts";
import { lowerSparseDenseInt8, sparseDenseWorks } from "./sparse.ts";

/** The k-groups of a matrix product and its packed weights. */
function matrix(layer: Layer) {
  const { c, packing } = layer;
  const length = packing.cin;
  const k_groups = groupsOf(c.variant, 1, length);
  const weight = packedWeights(c, panelBytes(packing.cout, k_groups));
  c.call("i8_gemm_pack", { ...packing, runs: 1, length, y: weight });
  return { k_groups, weight };
}

/**
 * Lowers a dense layer with int8 weights: vector by vector, or as a matrix product where there are images enough to
 * share the weights.
 */
export function lowerDenseInt8(node: WeightedNode, c: Lowering): void {
  if (!isInt8(node.inputs[0]!.type)) {
    const layer = dynamicLayer(node, c, 1);
    c.each("i8_gemm_dynamic", { ...layer.running, ...matrix(layer) });
    return;
  }
  const layer = staticLayer(node, c, 1);
  const { parts, packing, running } = layer;
  const works = { ...denseWorks(c.variant, c.batch, packing.cin, packing.cout), ...sparseDenseWorks(layer) };
  const algorithm = cheapest({ ...i8Dense[c.variant], ...i8Sparse[c.variant] }, works);
  if (parts > 1) lowerDirect(layer);
  else if (algorithm === "rows") lowerSparseDenseInt8(layer);
  else if (algorithm === "tiles") c.call("i8_gemm_requantize", { ...running, ...matrix(layer) });
  else {
    const length = packing.cin;
    const weight = packedWeights(c, densePackedBytes(c.variant, packing.cout, length));
    c.call("i8_dense_pack", { ...packing, length, y: weight });
    c.each("i8_dense", { ...running, length, weight });
  }
}
