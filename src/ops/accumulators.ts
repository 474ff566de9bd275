/** Outputs that kernels add up in, image by image: they start from zero, their padding too. */
import type { Value } from "../graph/graph.ts";
import type { Lowering, Ref } from "../graph/meaning.ts";
import { flat, type Layout } from "../kernels/layout.ts";

function zero(c: Lowering, y: Ref, bytes: number): Ref {
  c.call("zero", { y, bytes });
  return y;
}

/** The buffer of an output in `layout`, filled with zeros. */
export const zeroed = (c: Lowering, v: Value, layout: Layout = flat): Ref =>
  zero(c, c.out(v, layout), layout.bytes(v.type.shape, "f32"));

/** The same for the gradient of a bias of so many outputs, also where there is none: kernels add it up in any case. */
export const zeroedBias = (c: Lowering, db: Value | undefined, outs: number): Ref =>
  db ? zeroed(c, db) : zero(c, c.scratch("unused bias gradient", flat.bytes([outs], "f32")), flat.bytes([outs], "f32"));
