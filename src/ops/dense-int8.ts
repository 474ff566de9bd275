/** How int8 dense layers become kernel calls: one vector at a time, or a matrix product where there are images enough to share the weights. */
import type { Node, Value } from "../graph/graph.ts";
import type { Lowering, Ref } from "../graph/meaning.ts";

import { densePackedBytes, groupsOf, NO_HALO, panelBytes } from "../kernels/stored.ts";
import { quantizedAtRunTime, realBias, SUMS_ONLY } from "./conv2d-int8.ts";
import { affine, biasIn, clamps, requantizationScales, storedIn, storedOut, weightScales } from "./quantized.ts";

/** Rows of the matrix kernel's tile: with fewer images it would multiply some of them twice. */
const TILE = 4;

/** Weights [outs][length] in panels. */
function panels(c: Lowering, weight: Value, bias: Ref, scale: Ref, zero: number): { w: Ref; groups: number } {
  const [outs, length] = weight.type.shape as [number, number];
  const groups = groupsOf(c.variant, 1, length);
  const w = c.scratch("packed weights", panelBytes(outs, groups));
  c.call("i8_gemm_pack", { outs, runs: 1, length, w: c.in(weight), bias, scale, zero, y: w });
  return { w, groups };
}

export function lowerDenseInt8(node: Node<{ relu?: boolean }>, c: Lowering): void {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const [outs, length] = weight.type.shape as [number, number];
  const from = storedIn(c, x);
  const to = storedOut(c, y);
  const scale = c.constant("scales", requantizationScales(x.type, weight.type, y.type));
  const { zero } = affine(x.type);
  const start = biasIn(c, bias, outs);
  const ends = { x: from.ref, xs: from.stride, y: to.ref, ys: to.stride, outs };
  if (c.batch >= TILE) {
    const { w, groups } = panels(c, weight, start, scale, zero);
    c.call("i8_gemm_requantize", { ...ends, groups, w, ...clamps(y.type, node.attrs.relu) });
    return;
  }
  const w = c.scratch("packed weights", densePackedBytes(c.variant, outs, length));
  c.call("i8_dense_pack", { outs, length, w: c.in(weight), bias: start, scale, zero, y: w });
  c.each("i8_dense", { ...ends, length, w, ...clamps(y.type, node.attrs.relu) });
}

export function lowerDenseDynamic(node: Node, c: Lowering): void {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const y = node.outputs[0]!;
  const outs = weight.type.shape[0]!;
  const { from, chosen, cs } = quantizedAtRunTime(c, x, NO_HALO);
  const none = c.constant("no bias", new Int32Array(outs));
  const scale = c.constant("scales", weightScales(weight.type));
  const { w, groups } = panels(c, weight, none, scale, SUMS_ONLY);
  c.each("i8_gemm_dynamic", {
    x: from.ref,
    xs: from.stride,
    groups,
    w,
    y: c.out(y),
    outs,
    chosen,
    cs,
    bias: realBias(c, bias, outs),
  });
}
