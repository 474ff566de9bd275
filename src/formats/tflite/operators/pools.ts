/** Pools. */
import type { Op } from "../../../graph/graph.ts";
import type { AveragePool2d } from "../../../ops/pooling/average-pool2d.ts";
import type { Pool2d } from "../../../ops/pooling/max-pool2d.ts";
import { batchOf } from "../dimensions.ts";
import type { Activation, Reader, Site } from "../site.ts";
import { activated } from "./activation.ts";
import { positive, windowed } from "./convolutions.ts";

function pooled(s: Site): { x: Activation; attrs: Pool2d } {
  const x = s.images();
  const o = s.options;
  const kernel: [number, number] = [positive(o.i32(4)), positive(o.i32(3))];
  const strides: [number, number] = [positive(o.i32(2)), positive(o.i32(1))];
  return {
    x,
    attrs: { size: kernel, ...windowed(x.value.type.shape, kernel, o.i8(0), { strides, dilations: [1, 1] }) },
  };
}

export const pool =
  (op: Op<Pool2d> | Op<AveragePool2d>): Reader =>
  s => {
    const { x, attrs } = pooled(s);
    const y = activated(s, s.add(op as Op<Pool2d>, [x.value], attrs), 5);
    s.give(y, batchOf(y.type.shape));
  };
