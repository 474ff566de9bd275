/** Pools. */
import type { Value } from "../../../graph/graph.ts";
import { averagePool2d } from "../../../ops/pooling/average-pool2d.ts";
import { maxPool2d, type Pool2d } from "../../../ops/pooling/max-pool2d.ts";
import { batchOf } from "../dimensions.ts";
import type { Activation, OperatorContext, OperatorReader } from "../operator-context.ts";
import { activated } from "./activation.ts";
import { positive, windowed } from "./convolutions.ts";

function pooled(s: OperatorContext): { x: Activation; attrs: Pool2d } {
  const x = s.images();
  const o = s.options;
  const kernel: [number, number] = [positive(o.i32(4)), positive(o.i32(3))];
  const strides: [number, number] = [positive(o.i32(2)), positive(o.i32(1))];
  return {
    x,
    attrs: { size: kernel, ...windowed(x.value.type.shape, kernel, o.i8(0), { strides, dilations: [1, 1] }) },
  };
}

function given(s: OperatorContext, pooled: Value): void {
  const y = activated(s, pooled, 5);
  s.give(y, batchOf(y.type.shape));
}

export const largestOfWindows: OperatorReader = s => {
  const { x, attrs } = pooled(s);
  given(s, s.add(maxPool2d, [x.value], attrs));
};

/** LiteRT rounds halves of int8 away from zero, halves of uint8 up. */
export const meanOfWindows: OperatorReader = s => {
  const { x, attrs } = pooled(s);
  const unsigned = s.tensor(0).type === "uint8";
  given(s, s.add(averagePool2d, [x.value], { ...attrs, ...(unsigned && { unsigned }) }));
};
