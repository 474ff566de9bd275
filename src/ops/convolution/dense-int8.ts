/** How dense layers with int8 weights become kernel calls: one vector at a time, or a matrix product where there are images enough to share the weights. */
import type { Node } from "../../graph/graph.ts";
import type { Lowering } from "../../graph/meaning.ts";
import { densePackedBytes, groupsOf, panelBytes } from "../../kernels/stored.ts";
import { byTables, packed, siteOf } from "./conv2d-int8.ts";

/** Rows of the matrix kernel's tile: with fewer images it would multiply some of them twice. */
const TILE = 4;

export function lowerDenseInt8(node: Node<{ relu?: boolean }>, c: Lowering): void {
  const site = siteOf(node, 1, c);
  if (site.parts > 1) {
    byTables(site, false);
    return;
  }
  const { cout, cin: length } = site.packing;
  if (!site.dynamic && c.batch < TILE) {
    const weight = packed(site, "i8_dense_pack", densePackedBytes(c.variant, cout, length), { length });
    c.each("i8_dense", { ...site.running, length, weight } as never);
    return;
  }
  const groups = groupsOf(c.variant, 1, length);
  const weight = packed(site, "i8_gemm_pack", panelBytes(cout, groups), { runs: 1, length });
  const args = { ...site.running, k_groups: groups, weight } as never;
  if (site.dynamic) c.each("i8_gemm_dynamic", args);
  else c.call("i8_gemm_requantize", args);
}
